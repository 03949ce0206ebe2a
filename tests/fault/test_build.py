"""The build on a real database: whatever came in whatever order, and whoever was killed, the grid is the same bytes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from liqgrid.engine import build as build_module
from liqgrid.engine.build import build_instrument
from liqgrid.engine.collect.import_csv import import_csv
from liqgrid.engine.market.axis import bin_of, mid_prices
from liqgrid.engine.market.contract import Contract
from liqgrid.engine.market.errors import BadData
from liqgrid.engine.market.instrument import parse_instrument
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.span import decode_span
from liqgrid.engine.market.tiers import published_tiers, tier_set
from liqgrid.engine.model import inputs as inputs_module
from liqgrid.engine.model.formulas import FORMULA_VERSIONS
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.store.database import Connection
from liqgrid.engine.store.raw import ensure_instrument
from tests.fault.grids import (
    DAY,
    HOUR,
    SPANS,
    Bring,
    awkward,
    build,
    everything,
    grid_of,
    named_columns,
    time_of,
)
from tests.markets import BITCOIN, market


def test_every_interval_has_its_columns(connection: Connection, bring: Bring) -> None:
    rows = market(1440, Interval.M1, start="2024-07-01T00:00:00Z")
    hours = rows.aggregated(Interval.H1)
    bring(connection, hours.rows(slice(0, 20)))
    bring(connection, rows.rows(slice(20 * 60, None)))  # the last four hours by the minute
    report = build(connection)
    assert report is not None
    assert report.bars == 260
    wanted = {"1m": 240, "5m": 48, "15m": 16, "1h": 24, "4h": 6, "1d": 1}
    assert {str(interval): count for interval, count in report.columns.items()} == wanted
    end_ms = int(rows.open_ms[-1]) + Interval.M1.ms
    found = {interval: named_columns(connection, interval) for interval in Interval}
    finest = {column["ts"]: column for column in found[Interval.H1] + found[Interval.M1]}
    for interval, columns in found.items():
        ends = [time_of(end_ms - interval.ms * n) for n in reversed(range(wanted[str(interval)]))]
        assert [column["ts"] for column in columns] == ends
        for column in columns:  # the same replay gave them all
            same = ("price", "total_base", "open_interest_base", "short_unplaced_base", *SPANS)
            assert [column[name] for name in same] == [finest[column["ts"]][name] for name in same]
        if interval is not Interval.M1:
            whole = rows.aggregated(interval).rows(slice(-len(columns), None))
            for name in ("open", "high", "low", "close"):
                assert [column[name] for column in columns] == whole.columns[name].tolist()
            np.testing.assert_allclose([column["volume_base"] for column in columns], whole.columns["volume"])
    predicted = grid_of(connection)["predictions"]
    opens = [*hours.open_ms[:20], *rows.open_ms[20 * 60 :]]
    assert [row[0] for row in predicted] == [time_of(ms) for ms in opens]
    assert [row[1] for row in predicted] == [time_of(ms) for ms in [*opens[1:], end_ms]]
    assert min(min(row[2:]) for row in predicted) == 0
    assert min(max(row[side] for row in predicted) for side in (2, 3)) > 0


@pytest.mark.parametrize("share", [1.0, 0.4])
def test_stored_sides_are_equal_and_lie_on_their_side(connection: Connection, bring: Bring, share: float) -> None:
    bring(connection, awkward())
    build(connection, ModelParameters(modelled_share=share))
    columns = named_columns(connection, Interval.H1)
    assert len(columns) == 267 - 3
    for column in columns:
        assert column["total_base"] == pytest.approx(share * column["open_interest_base"], rel=1e-12)
        here = bin_of(column["price"])
        for side in ("long", "short"):
            span = decode_span(column[side], column[f"{side}_exponent"])
            first = column[f"{side}_first_bin"]
            unbinned = column[f"{side}_outside_base"] + column[f"{side}_unplaced_base"]
            assert float(span.sum(dtype=np.float64)) + unbinned == pytest.approx(column["total_base"], rel=1e-4)
            assert (span >= 0).all()
            if len(span):
                assert span[0] > 0 < span[-1]
                assert first + len(span) - 1 < here if side == "long" else first > here
                prices = mid_prices(first, len(span)) / column["price"]
                assert 0.49 < prices[0] <= prices[-1] < 2.01
    assert sum(len(column["long"]) > 0 for column in columns) > 200


def test_a_build_in_pieces_is_one_build(connection: Connection, other: Connection, bring: Bring) -> None:
    rows = awkward()
    bring(other, rows)
    build(other)
    whole = grid_of(other)
    assert (len(whole["predictions"]), len(whole["book"])) == (264, 1)
    # inside days, at midnight, in every hole and on the day of the other tiers
    for cuts in ([4, 5, 7, 31, 80, 103, 127, 135, 181, 266], [55, 79, 109, 110, 128, 179, 201]):
        connection.execute("TRUNCATE instrument, build, book_checkpoint, predicted_liquidation CASCADE")
        connection.execute("TRUNCATE grid_column, skill, imported_file, bar, open_interest, liquidation_bar")
        for start, stop in zip([0, *cuts], [*cuts, len(rows)], strict=True):
            bring(connection, rows.rows(slice(start, stop)))
            build(connection)
            made = grid_of(connection)
            for part in ("columns", "predictions"):  # what was made stays as it was
                assert made[part] == whole[part][: len(made[part])]
        assert made == whole


def test_the_size_of_chunks_changes_nothing(
    connection: Connection, other: Connection, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(connection, awkward())
    bring(other, awkward())
    build(connection)
    monkeypatch.setattr(inputs_module, "_CHUNK_BARS", 7)
    build(other)
    assert grid_of(connection) == grid_of(other)


def test_columns_beyond_the_horizon_go_as_they_would_never_have_come(
    connection: Connection, other: Connection, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_module, "HORIZONS_MS", {Interval.H1: 2 * DAY, Interval.H4: 4 * DAY})
    rows = market(200)
    bring(other, rows)
    build(other)
    for start, stop in ((0, 60), (60, 61), (61, 151), (151, 175), (175, 200)):
        bring(connection, rows.rows(slice(start, stop)))
        report = build(connection)
    assert report is not None
    stored = connection.execute('SELECT "interval", count(*)::integer FROM grid_column GROUP BY "interval"').fetchall()
    assert dict(stored) == {"1h": 48, "4h": 24, "1d": 8}
    assert grid_of(connection) == grid_of(other)


def test_nothing_new_builds_nothing(connection: Connection, bring: Bring) -> None:
    rows = market(60)
    bring(connection, rows)
    assert build(connection) is not None
    before = everything(connection)
    assert build(connection) is None
    bring(connection, rows)
    bring(connection, rows.rows(slice(10, 20)))
    bring(connection, rows.changed("long_pct", 5, 50.0).changed("ls_ratio", 6, 1.0))  # nothing built reads them
    assert build(connection) is None
    assert everything(connection) == before


def test_other_parameters_make_everything_anew(connection: Connection, bring: Bring) -> None:
    bring(connection, market(100))
    build(connection)
    first = grid_of(connection)
    report = build(connection, ModelParameters(turnover_fraction=0.5))
    assert report is not None
    assert report.bars == 100
    second = grid_of(connection)
    assert [row[:2] for row in second["columns"]] == [row[:2] for row in first["columns"]]
    assert second["columns"] != first["columns"]
    assert connection.execute("SELECT DISTINCT build_id FROM grid_column").fetchall() == [(2,)]
    assert connection.execute("SELECT DISTINCT parameters_hash FROM book_checkpoint").fetchall() == [
        (ModelParameters(turnover_fraction=0.5).digest(),)
    ]
    build(connection)
    assert grid_of(connection) == first


def test_another_model_version_makes_everything_anew(
    connection: Connection, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(connection, market(50))
    build(connection)
    monkeypatch.setattr(build_module, "MODEL_VERSION", "next")
    report = build(connection)
    assert report is not None
    assert report.bars == 50
    assert connection.execute("SELECT DISTINCT model_version FROM book_checkpoint").fetchall() == [("next",)]


def test_a_skill_that_cannot_be_measured_any_more_is_gone(connection: Connection, bring: Bring) -> None:
    rows = market(260)
    bring(connection, rows.rows(slice(0, 259)))
    report = build(connection)
    assert report is not None
    skill = report.skill[Interval.H1]
    stored = connection.execute('SELECT "interval", long, short, long_bars, build_id FROM skill').fetchall()
    assert stored == [("1h", skill.long, skill.short, skill.long_bars, 1)]
    bring(connection, rows.changed("short_liq_base", slice(None), 0.0))
    report = build(connection)
    assert report is not None
    assert report.skill == {}
    assert connection.execute("SELECT count(*) FROM skill").fetchone() == (0,)


def test_an_instrument_without_open_interest_says_so(connection: Connection, bring: Bring) -> None:
    rows = market(40)
    bring(connection, rows.without("oi_close"))
    with pytest.raises(BadData, match="no open interest is stored"):
        build(connection)
    bring(connection, rows.rows(slice(10, 40)))
    report = build(connection)
    assert report is not None
    assert (report.bars, report.bars_without_open_interest) == (30, 10)


def test_an_unknown_volume_stays_unknown(connection: Connection, bring: Bring) -> None:
    bring(connection, market(48, start="2024-06-21T00:00:00Z").changed("volume", 5, float("nan")))
    build(connection)
    stored = connection.execute(
        'SELECT "interval", count(*) - count(volume_base) FROM grid_column GROUP BY 1 ORDER BY 1'
    ).fetchall()
    assert stored == [("1d", 1), ("1h", 1), ("4h", 1)]


def test_tiers_change_on_their_date(connection: Connection, bring: Bring, monkeypatch: pytest.MonkeyPatch) -> None:
    bring(connection, market(120, start="2026-08-29T00:00:00Z"))
    first, second = published_tiers()[BITCOIN]
    assert time_of(second.valid_from_ms) == datetime(2026, 9, 1, tzinfo=UTC)
    second = replace(second, tiers=(replace(second.tiers[0], maintenance_margin_rate=0.0045), *second.tiers[1:]))
    grids = []
    for tiers in ((first,), (first, second)):
        monkeypatch.setattr(build_module, "published_tiers", lambda tiers=tiers: {BITCOIN: tiers})
        build(connection)
        grids.append(grid_of(connection)["columns"])
    differ = [row[1] for row, its in zip(*grids, strict=True) if row != its]
    assert min(differ) == time_of(second.valid_from_ms + HOUR)  # the close of the first bar under them
    assert len(differ) == sum(row[1] > time_of(second.valid_from_ms) for row in grids[0])


def test_a_venues_rule_changes_on_its_date(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instrument = parse_instrument("bybit:BTC-USDT")
    rows = market(120, start="2025-08-30T00:00:00Z", instrument=instrument)
    import_csv(connection, rows.csv(tmp_path / "bars.csv"))
    first, second = FORMULA_VERSIONS["bybit", Contract.LINEAR]
    grids = []
    for formulas in ((first,), (first, second)):
        monkeypatch.setitem(FORMULA_VERSIONS, ("bybit", Contract.LINEAR), formulas)
        assert build_instrument(connection, ensure_instrument(connection, instrument), ModelParameters()) is not None
        grids.append(grid_of(connection)["columns"])
    differ = [row[1] for row, its in zip(*grids, strict=True) if row != its]
    assert min(differ) == time_of(second.valid_from_ms + HOUR)  # the close of the first bar under it
    versions = connection.execute("SELECT formula_version FROM build ORDER BY build_id").fetchall()
    assert versions == [(first.name,), (second.name,)]


def test_open_interest_is_carried_on_and_says_since_when(connection: Connection, bring: Bring) -> None:
    rows = market(120).changed("oi_close", slice(30, 90), np.nan)
    bring(connection, rows.rows(slice(0, 50)))  # the cut is a day after the last sample
    build(connection)
    bring(connection, rows)
    build(connection)
    columns = named_columns(connection, Interval.H1)
    closes = rows.open_ms + HOUR
    for n, column in enumerate(columns):
        sample = n if not 30 <= n < 90 else 29
        assert column["open_interest_at"] == time_of(closes[sample])
        assert column["open_interest_base"] == rows.columns["oi_close"][sample]
        assert column["total_base"] == column["open_interest_base"]


def test_bars_before_the_first_open_interest_wait_for_it(
    connection: Connection, other: Connection, bring: Bring
) -> None:
    rows = market(60)
    bring(connection, rows.without("oi_close"))
    with pytest.raises(BadData, match="no open interest is stored of any of its bars"):
        build(connection)
    assert connection.execute("SELECT changed_from IS NOT NULL FROM instrument").fetchone() == (True,)
    bring(connection, rows.changed("oi_close", slice(0, 25), np.nan))
    report = build(connection)
    assert report is not None
    assert report.bars == 35
    coverage = connection.execute("SELECT coverage FROM build").fetchone()
    assert coverage == (
        {"bars_without_volume": 0, "bars_without_open_interest": 25, "samples_held_back": 0, "tiers_assumed": False},
    )
    bring(connection, rows)
    bring(other, rows)
    build(connection)
    build(other)
    assert grid_of(connection) == grid_of(other)


def test_what_cannot_be_built_says_why_and_changes_nothing(connection: Connection, tmp_path: Path) -> None:
    instrument = parse_instrument("kraken:BTC-USDT")
    import_csv(connection, market(30, instrument=instrument).csv(tmp_path / "bars.csv"))
    with pytest.raises(BadData, match="kraken:BTC-USDT: no liquidation formula"):
        build_instrument(connection, ensure_instrument(connection, instrument), ModelParameters())
    assert [len(part) for part in everything(connection).values()] == [0] * 7


def test_tiers_that_nobody_published_are_assumed_until_somebody_does(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instrument = parse_instrument("okx:NEW-USDT")
    import_csv(connection, market(60, instrument=instrument).csv(tmp_path / "bars.csv"))
    stored = ensure_instrument(connection, instrument)
    assert build_instrument(connection, stored, ModelParameters()) is not None
    assumed = connection.execute("SELECT coverage -> 'tiers_assumed' FROM build").fetchall()
    assert assumed == [(True,)]
    assert connection.execute("SELECT count(*) FROM leverage_tier").fetchone() == (0,), "what is assumed is not stored"
    assert build_instrument(connection, stored, ModelParameters()) is None
    before = grid_of(connection)["columns"]
    known = tier_set(1_800_000_000_000, [(1e9, 0.005, 100)])
    monkeypatch.setattr(build_module, "published_tiers", lambda: {instrument: (known,)})
    assert build_instrument(connection, stored, ModelParameters()) is not None
    assumed = connection.execute("SELECT coverage -> 'tiers_assumed' FROM build ORDER BY build_id").fetchall()
    assert assumed == [(True,), (False,)]
    after = grid_of(connection)["columns"]
    assert len(after) == len(before)
    assert after[-1] != before[-1], "bars before the first known set are built anew by it"
