"""Late and corrected rows on a real database: whatever came in whatever order, the grid is the same bytes."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from liqgrid.engine import build as build_module
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.tiers import published_tiers, tier_set
from liqgrid.engine.model import inputs as inputs_module
from liqgrid.engine.store.database import Connection
from tests.fault.grids import (
    Bring,
    awkward,
    build,
    grid_of,
)
from tests.markets import BITCOIN, Market, market


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
        build(connection, late=number % 2 == 0)
    assert arrived is not None
    for number in random.permutation(len(pieces)):
        bring(connection, final.rows(pieces[number]))
        if number % 3:
            build(connection, late=number % 3 == 1)
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


def test_new_bars_are_built_while_late_ones_wait(connection: Connection, other: Connection, bring: Bring) -> None:
    final = market(260)
    bring(connection, final.rows(slice(20, 200)))
    build(connection)
    bring(connection, final.rows(slice(0, 20)))
    assert build(connection, late=False) is None, "late rows are left"
    bring(connection, final.rows(slice(200, 210)))
    before = grid_of(connection)
    report = build(connection, late=False)
    assert report is not None
    assert report.columns[Interval.H1] == 10
    assert grid_of(connection)["columns"][: len(before["columns"])] == before["columns"]
    assert build(connection, late=False) is None
    assert build(connection) is not None, "the late rows are still to be built"
    assert build(connection) is None
    bring(connection, final.rows(slice(210, 260)))
    assert build(connection, late=False) is not None
    assert build(connection) is None
    bring(other, final)
    build(other)
    assert grid_of(connection) == grid_of(other)


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
