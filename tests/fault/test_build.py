"""The build on a real database: whatever came in whatever order, and whoever was killed, the grid is the same bytes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from liqgrid.engine import build as build_module
from liqgrid.engine.build import BuildReport, build_instrument
from liqgrid.engine.collect.import_csv import import_csv
from liqgrid.engine.market.axis import bin_of, mid_prices
from liqgrid.engine.market.errors import BadData, StoreUnavailable
from liqgrid.engine.market.instrument import parse_instrument
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.tiers import published_tiers, tier_set
from liqgrid.engine.model import inputs as inputs_module
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.store.database import Connection, connected
from liqgrid.engine.store.migrate import migrate
from liqgrid.engine.store.raw import ensure_instrument, list_instruments, lock_instrument
from tests.conftest import new_database_on
from tests.markets import BITCOIN, Market, market

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = Interval.H1.ms
DAY = Interval.D1.ms
SPANS = ("long_first_bin", "long", "short_first_bin", "short")
COLUMNS = (
    '"interval", ts, price, open, high, low, close, volume_base, open_interest_base, open_interest_at, mark, '
    "total_base, long_unplaced_base, short_unplaced_base, long_first_bin, long, long_outside_base, "
    "long_outside_quote, short_first_bin, short, short_outside_base, short_outside_quote"
)
Grid = dict[str, list[tuple[Any, ...]]]
Bring = Callable[[Connection, Market], None]


@pytest.fixture
def bring(tmp_path: Path) -> Bring:
    """Import a market by way of a file."""

    def through_file(connection: Connection, rows: Market) -> None:
        import_csv(connection, rows.csv(tmp_path / "bars.csv"))

    return through_file


@pytest.fixture
def other(postgresql_server: str) -> Iterator[Connection]:
    """A connection to a second migrated database, always plain PostgreSQL, to compare with."""
    with new_database_on(postgresql_server) as dsn:
        migrate(dsn)
        with connected(dsn) as connection:
            yield connection


def build(connection: Connection, parameters: ModelParameters | None = None) -> BuildReport | None:
    (stored,) = list_instruments(connection)
    return build_instrument(connection, stored, parameters or ModelParameters())


def grid_of(connection: Connection) -> Grid:
    """Return everything builds make that does not say which build made it."""
    return {
        "columns": connection.execute(f"SELECT {COLUMNS} FROM grid_column ORDER BY ts, 1").fetchall(),
        "predictions": connection.execute(
            "SELECT ts, ends_at, long_base, short_base FROM predicted_liquidation ORDER BY ts"
        ).fetchall(),
        "book": connection.execute("SELECT ts, book FROM book_checkpoint ORDER BY ts DESC LIMIT 1").fetchall(),
        "skill": connection.execute(
            'SELECT "interval", long, short, long_bars, short_bars, starts_at, ends_at FROM skill'
        ).fetchall(),
    }


def everything(connection: Connection) -> Grid:
    """Return all that is stored about builds, their numbers included."""
    builds = connection.execute("SELECT * FROM build ORDER BY build_id").fetchall()
    books = connection.execute("SELECT * FROM book_checkpoint ORDER BY ts").fetchall()
    made_by = connection.execute('SELECT "interval", ts, build_id FROM grid_column ORDER BY 2, 1').fetchall()
    return {**grid_of(connection), "builds": builds, "books": books, "made by": made_by}


def named_columns(connection: Connection, interval: Interval) -> list[dict[str, Any]]:
    rows = connection.execute(f'SELECT {COLUMNS} FROM grid_column WHERE "interval" = $1 ORDER BY ts', [str(interval)])
    names = [name.strip(' "') for name in COLUMNS.split(",")]
    return [dict(zip(names, row, strict=True)) for row in rows.fetchall()]


def time_of(ts_ms: int) -> datetime:
    return EPOCH + timedelta(milliseconds=int(ts_ms))


def awkward(seed: int = 5) -> Market:
    """A market with everything that can be awkward: other tiers from its sixth day on, and holes of every kind.

    Row 0 opens at 17:00; open interest, volume and bars are missing for a while, the bars once for over a day.
    """
    rows = market(300, seed=seed, start="2026-08-26T17:00:00Z")
    rows = rows.changed("oi_close", slice(60, 110), np.nan).changed("volume", slice(130, 140), np.nan)
    rows = rows.changed("oi_close", slice(0, 3), np.nan)
    return rows.rows(np.r_[0:180, 210:230, 233:300])


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
            span = np.frombuffer(column[side], "<f4")
            first = column[f"{side}_first_bin"]
            unbinned = column[f"{side}_outside_base"] + column[f"{side}_unplaced_base"]
            assert float(span.sum(dtype=np.float64)) + unbinned == pytest.approx(column["total_base"], rel=1e-6)
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
    assert {str(interval): count for interval, count in report.columns.items()} == {"1h": 48, "4h": 24, "1d": 8}
    assert grid_of(connection) == grid_of(other)


@pytest.mark.parametrize("seed", range(2))
def test_any_order_of_arrival_ends_in_the_same_grid(
    connection: Connection, other: Connection, bring: Bring, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(inputs_module, "_CHUNK_BARS", 20)  # so that there are checkpoints to restart from
    random = np.random.default_rng(seed)
    final = awkward(seed)
    pieces = [slice(max(start - 5, 0), start + 40) for start in range(0, len(final), 40)]
    arrived: Market | None = None
    for number in random.permutation(len(pieces)):
        piece = final.rows(pieces[number])
        draft = (
            piece.shifted(slice(3, 9), 1.01) if number % 2 else piece.rows(np.r_[0 : len(piece) - 6, len(piece) - 1])
        )
        bring(connection, draft)
        arrived = draft if arrived is None else arrived.merged(draft)
        build(connection)
    assert arrived is not None
    for number in random.permutation(len(pieces)):
        bring(connection, final.rows(pieces[number]))
        if number % 3:
            build(connection)
    build(connection)
    bring(other, final)
    build(other)
    assert grid_of(connection) == grid_of(other)


def test_late_and_corrected_rows_end_in_the_same_grid(
    connection: Connection, other: Connection, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs_module, "_CHUNK_BARS", 10)
    final = market(260)
    first = final.rows(np.r_[20:100, 108:260])  # without a beginning, and with a hole
    first = first.shifted(slice(30, 33), 1.02).changed("volume", 130, 1.0).changed("oi_close", slice(170, 180), np.nan)
    first = first.changed("oi_close", 230 - 28, 9e4)
    bring(connection, first)
    build(connection)
    # each later than the one before, so that no rebuild mends what an earlier one broke
    for rows in (slice(0, 20), slice(50, 53), slice(100, 108), [158], slice(190, 208), [230]):
        bring(connection, final.rows(rows))
        changed = connection.execute("SELECT changed_from FROM instrument").fetchone()
        report = build(connection)
        assert report is not None
        assert changed is not None
        built_from = connection.execute("SELECT built_from FROM build ORDER BY build_id DESC LIMIT 1").fetchone()
        assert built_from is not None
        if rows != slice(0, 20):
            assert changed[0] - timedelta(days=2) < built_from[0] <= changed[0]
    bring(other, final)
    build(other)
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


def test_late_realised_liquidations_are_scored(connection: Connection, bring: Bring) -> None:
    rows = market(260)
    bring(connection, rows.without("long_liq_base", "short_liq_base"))
    report = build(connection)
    assert report is not None
    assert report.skill == {}
    bring(connection, rows)
    report = build(connection)
    assert report is not None
    assert list(report.skill) == [Interval.H1]


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


def test_new_margin_tiers_rebuild_what_they_change(
    connection: Connection, other: Connection, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = market(100)
    bring(connection, rows)
    build(connection)
    published = published_tiers()
    newer = tier_set(int(rows.open_ms[60]), [(100_000, 0.006, 100), (1e9, 0.02, 20)])
    monkeypatch.setattr(build_module, "published_tiers", lambda: {BITCOIN: (published[BITCOIN][0], newer)})
    assert build(connection) is not None
    bring(other, rows)
    build(other)
    assert grid_of(connection) == grid_of(other)
    assert build(connection) is None


def test_late_bars_that_bring_back_a_coarser_one_rebuild_its_whole_time(
    connection: Connection, other: Connection, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six bars of five minutes stand for an hour, until stray minutes displace one of them."""
    monkeypatch.setattr(inputs_module, "_CHUNK_BARS", 5)
    minutes = market(24 * 60, Interval.M1, seed=5, start="2024-06-21T00:00:00Z")
    hours, fives = minutes.aggregated(Interval.H1), minutes.aggregated(Interval.M5)
    late = minutes.rows(slice(25, 28)).without("oi_close")
    for rows in (hours, fives.rows(slice(0, 6)), late):
        bring(connection, rows)
        build(connection)
    for rows in (late, fives.rows(slice(0, 6)), hours):
        bring(other, rows)
    build(other)
    assert grid_of(connection) == grid_of(other)


def test_fine_and_coarse_bars_are_one_history(connection: Connection, other: Connection, bring: Bring) -> None:
    fine = market(36 * 12, Interval.M5, seed=3, price=0.57)
    coarse = fine.aggregated(Interval.H1)
    some = fine.rows(slice(10 * 12, 20 * 12))
    late = fine.rows(slice(25 * 12 + 3, 25 * 12 + 9))  # displaces a whole bar of an hour
    for rows in (coarse.rows(slice(0, 15)), some, coarse, late):
        bring(connection, rows)
        build(connection)
    for rows in (late, coarse, some):
        bring(other, rows)
    report = build(other)
    assert report is not None
    assert report.bars == 36 - 11 + 120 + 6
    assert {str(interval): count for interval, count in report.columns.items()} == {
        "5m": 126,
        "15m": 42,
        "1h": 35,
        "4h": 8,
        "1d": 1,
    }
    assert grid_of(connection) == grid_of(other)


def test_a_coarse_bar_that_counts_again_displaces_bars_before_the_late_ones(
    connection: Connection, other: Connection, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs_module, "_CHUNK_BARS", 1)  # a checkpoint after every bar
    fine = market(3 * 288, Interval.M5, start="2024-07-01T00:00:00Z")
    hours = fine.aggregated(Interval.H1).rows(np.r_[0:36, 48:72])  # half of the second day
    late = fine.rows(slice(288 + 10 * 12 + 6, 288 + 11 * 12))  # half of one of its hours: less than half is left
    for rows in (fine.aggregated(Interval.D1), hours, late):
        for database in (connection, other):
            bring(database, rows)
        build(connection)
    report = build(other)
    assert report is not None
    assert report.bars == 24 + 1 + 24
    assert grid_of(connection) == grid_of(other)


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
    assert coverage == ({"bars_without_volume": 0, "bars_without_open_interest": 25},)
    bring(connection, rows)
    bring(other, rows)
    build(connection)
    build(other)
    assert grid_of(connection) == grid_of(other)


def test_what_cannot_be_built_says_why_and_changes_nothing(connection: Connection, tmp_path: Path) -> None:
    for name, fault in (("binance:NEW-USDT", "no margin tiers are stored"), ("okx:BTC-USDT", "no liquidation formula")):
        instrument = parse_instrument(name)
        import_csv(connection, market(30, instrument=instrument).csv(tmp_path / "bars.csv"))
        with pytest.raises(BadData, match=rf"{name}: (there is )?{fault}"):
            build_instrument(connection, ensure_instrument(connection, instrument), ModelParameters())
    assert [len(part) for part in everything(connection).values()] == [0] * 7


def test_readers_see_the_old_grid_until_the_build_is_done(
    connection: Connection, migrated_dsn: str, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs_module, "_CHUNK_BARS", 30)
    rows = market(150)
    bring(connection, rows.rows(slice(0, 100)))
    build(connection)
    bring(connection, rows.shifted(slice(10, 150), 1.1))
    with connected(migrated_dsn) as reader:
        before = everything(reader)
        steps: list[tuple[int, int]] = []

        def look(done: int, total: int) -> None:
            steps.append((done, total))
            assert everything(reader) == before

        (stored,) = list_instruments(connection)
        report = build_instrument(connection, stored, ModelParameters(), look)
        assert report is not None
        assert [done for done, _ in steps] == [30, 60, 90, 120, 150]
        assert everything(reader) == everything(connection) != before


def test_two_builds_of_one_instrument_are_one(connection: Connection, migrated_dsn: str, bring: Bring) -> None:
    bring(connection, market(80))
    (stored,) = list_instruments(connection)

    def one() -> BuildReport | None:
        with connected(migrated_dsn) as own:
            return build_instrument(own, stored, ModelParameters())

    with ThreadPoolExecutor(2) as pool:
        with connection.transaction():
            lock_instrument(connection, stored.instrument_id)
            waiting = [pool.submit(one) for _ in range(2)]
            with pytest.raises(TimeoutError):
                waiting[0].result(0.3)
        reports = [future.result(30) for future in waiting]
    assert [report is None for report in reports].count(True) == 1
    assert connection.execute("SELECT count(*) FROM build").fetchone() == (1,)


def test_a_build_whose_server_ends_leaves_nothing(
    connection: Connection, migrated_dsn: str, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs_module, "_CHUNK_BARS", 30)
    bring(connection, market(100))
    (stored,) = list_instruments(connection)
    before = everything(connection)

    def end_it(done: int, total: int) -> None:
        connection.execute("SELECT pg_terminate_backend($1)", [builder.info.backend_pid])

    with pytest.raises(StoreUnavailable, match="terminat"), connected(migrated_dsn) as builder:
        build_instrument(builder, stored, ModelParameters(), end_it)
    assert everything(connection) == before
    assert build(connection) is not None


VICTIM = """
import sys
from functools import partial
from pathlib import Path
from liqgrid.engine.build import build_instrument
from liqgrid.engine.collect import import_csv
from liqgrid.engine.collect.own_csv import csv_source, read_csv
from liqgrid.engine.model import inputs
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.store.database import connected
from liqgrid.engine.store.raw import list_instruments

def step(*_):
    print("step", flush=True)
    sys.stdin.readline()

import_csv.read_csv = partial(read_csv, block_bytes=6_000)
inputs._CHUNK_BARS = 40
with connected(sys.argv[1]) as connection:
    for action in sys.stdin:
        if action.strip() == "build":
            build_instrument(connection, list_instruments(connection)[0], ModelParameters(), step)
        else:
            import_csv.import_csv(connection, csv_source(Path(action.strip())), step)
        print("done", flush=True)
"""


def kill_after(dsn: str, action: str, steps: int) -> bool:
    """Let another process do something and kill it after some steps; tell whether it was done before that."""
    process = subprocess.Popen(
        [sys.executable, "-c", VICTIM, dsn], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(f"{action}\n")
        for _ in range(steps):
            said = process.stdout.readline()
            assert said in {"step\n", "done\n"}
            if said == "done\n":
                return True
            process.stdin.write("\n")
        return False  # it goes on in the very moment it is killed
    finally:
        process.kill()
        process.communicate()


def test_a_killed_import_leaves_the_tables_as_they_were(
    connection: Connection, migrated_dsn: str, tmp_path: Path
) -> None:
    rows = market(300)
    import_csv(connection, rows.rows(slice(100, 150)).csv(tmp_path / "before.csv"))
    source = rows.csv(tmp_path / "BTCUSDT_1h.csv")
    tables = ("instrument", "bar", "open_interest", "long_short_ratio", "liquidation_bar", "imported_file")

    def stored() -> list[list[tuple[Any, ...]]]:
        connection.execute("SELECT pg_advisory_lock(7116, 1), pg_advisory_unlock(7116, 1)")  # the killed one is gone
        return [connection.execute(f"TABLE {table} ORDER BY 1, 2, 3, 4").fetchall() for table in tables]

    before = stored()
    for steps in (1, 4):
        assert not kill_after(migrated_dsn, str(source.path), steps)
        assert stored() == before
    assert import_csv(connection, source).written == 4 * 250
    assert import_csv(connection, source).already_imported


def test_a_killed_build_leaves_the_grid_as_it_was(
    connection: Connection, other: Connection, migrated_dsn: str, bring: Bring
) -> None:
    rows = awkward()
    bring(connection, rows.rows(slice(0, 100)))
    build(connection)
    bring(connection, rows.shifted(slice(10, 20), 1.001))
    bring(connection, rows)
    before = everything(connection)
    for steps in (1, 5):
        assert not kill_after(migrated_dsn, "build", steps)
        connection.execute("SELECT pg_advisory_lock(7116, 1), pg_advisory_unlock(7116, 1)")
        assert everything(connection) == before
    build(connection)
    bring(other, rows)
    build(other)
    assert grid_of(connection) == grid_of(other)
