"""Rows a build must have an answer to: refused with their name, or a documented fallback that coverage shows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import psycopg
import pytest

from liqgrid.engine.build import build_instrument
from liqgrid.engine.market.axis import bin_of
from liqgrid.engine.market.errors import BadData
from liqgrid.engine.market.instrument import parse_instrument
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.store.database import Connection
from liqgrid.engine.store.raw import ensure_instrument, list_instruments, lock_instrument, save_rows
from tests.fault.grids import HOUR, Bring, build, grid_of, named_columns, time_of
from tests.markets import market


def coverage(connection: Connection) -> dict[str, Any]:
    row = connection.execute("SELECT coverage FROM build ORDER BY build_id DESC LIMIT 1").fetchone()
    assert row is not None
    found: dict[str, Any] = row[0]
    return found


@pytest.mark.parametrize("value", [math.nan, 0.0, -5.0, math.inf, -math.inf])
def test_open_interest_that_is_none_is_refused_by_the_database(connection: Connection, value: float) -> None:
    stored = ensure_instrument(connection, parse_instrument("binance:BTC-USDT"))
    with pytest.raises(psycopg.errors.CheckViolation, match="open_interest_is_positive"):
        connection.execute(
            "INSERT INTO open_interest (instrument_id, ts, open_interest_base) VALUES ($1, now(), $2)",
            [stored.instrument_id, value],
        )


@pytest.mark.parametrize(("column", "value"), [("volume_base", -1.0), ("volume_base", math.inf), ("low", 0.0)])
def test_a_bar_that_no_replay_can_use_is_named_and_the_grid_stays(
    connection: Connection, bring: Bring, column: str, value: float
) -> None:
    rows = market(60)
    bring(connection, rows.rows(slice(0, 50)))
    build(connection)
    before = grid_of(connection)
    bring(connection, rows)
    at = time_of(int(rows.open_ms[55]))
    connection.execute(f"UPDATE bar SET {column} = $1 WHERE ts = $2", [value, at])
    with pytest.raises(BadData, match=r"was (-1\.0|inf|0\.0); ") as caught:
        build(connection)
    if column == "volume_base":
        assert caught.value.context == {"open_ms": int(rows.open_ms[55])}
    assert grid_of(connection) == before


@pytest.mark.parametrize("factor", [100.0, 0.01])
def test_open_interest_that_jumps_for_a_moment_changes_no_column_but_by_being_carried(
    connection: Connection, other: Connection, bring: Bring, factor: float
) -> None:
    rows = market(80)
    jumped = rows.changed("oi_close", 40, float(rows.columns["oi_close"][40]) * factor)
    bring(connection, jumped)
    build(connection)
    assert coverage(connection)["samples_held_back"] == 2  # the jump there, and the one back
    bring(other, rows.changed("oi_close", slice(40, 42), np.nan))
    build(other)
    assert grid_of(connection) == grid_of(other)
    carried = [column for column in named_columns(connection, Interval.H1) if column["open_interest_at"] < column["ts"]]
    assert [column["ts"] for column in carried] == [time_of(int(rows.open_ms[row]) + HOUR) for row in (40, 41)]


def test_open_interest_that_jumps_for_good_counts_from_the_sample_that_confirms_it(
    connection: Connection, bring: Bring
) -> None:
    rows = market(80)
    interest = rows.columns["oi_close"].copy()
    interest[40:] *= 100
    bring(connection, rows.changed("oi_close", slice(0, 80), interest))
    build(connection)
    totals = [column["total_base"] for column in named_columns(connection, Interval.H1)]
    assert totals[40] == totals[39] == interest[39]
    assert totals[41:] == interest[41:].tolist()
    assert coverage(connection)["samples_held_back"] == 1


@pytest.mark.parametrize("factor", [10.0, 0.1])
def test_a_price_that_jumps_tenfold_liquidates_what_it_passes(
    connection: Connection, bring: Bring, factor: float
) -> None:
    rows = market(80)
    bring(connection, rows.shifted(slice(40, 80), factor))
    build(connection)
    before, after = named_columns(connection, Interval.H1)[39:41]
    emptied = "short" if factor > 1 else "long"
    assert before[emptied]
    row = connection.execute(
        f"SELECT {emptied}_base FROM predicted_liquidation ORDER BY ts LIMIT 1 OFFSET 40"
    ).fetchone()
    assert row is not None
    assert row[0] == pytest.approx(before["total_base"] - before[f"{emptied}_unplaced_base"], rel=1e-6)
    for column in (before, after):
        for side in ("long", "short"):
            first, bins = column[f"{side}_first_bin"], len(column[side]) // 2
            assert not bins or (first + bins <= bin_of(column["price"]) if side == "long" else first > 0)
    assert after["total_base"] == after["open_interest_base"]


def test_bars_without_volume_close_nothing_and_are_counted(connection: Connection, bring: Bring) -> None:
    rows = market(60).changed("volume", slice(30, 60), np.nan)
    bring(connection, rows)
    build(connection)
    assert coverage(connection)["bars_without_volume"] == 30
    columns = named_columns(connection, Interval.H1)
    kept = [columns[row]["long_log_kept"] - columns[row - 1]["long_log_kept"] for row in range(30, 60)]
    rising = np.diff(rows.columns["oi_close"])[29:59] > 0
    assert all(abs(step) < 1e-12 for step, up in zip(kept, rising, strict=True) if up)


def test_an_instrument_without_tiers_is_built_by_the_default_of_its_venue(connection: Connection, bring: Bring) -> None:
    rows = market(60, instrument=parse_instrument("binance:NOBODY-USDT"))
    bring(connection, rows)
    build(connection)
    assert coverage(connection)["tiers_assumed"] is True
    assert named_columns(connection, Interval.H1)


def test_a_venue_without_a_formula_is_refused_by_name(connection: Connection, bring: Bring) -> None:
    bring(connection, market(60, instrument=parse_instrument("nowhere:BTC-USDT")))
    (stored,) = list_instruments(connection)
    with pytest.raises(BadData, match="nowhere"):
        build_instrument(connection, stored, ModelParameters())


def test_what_a_transaction_refuses_leaves_nothing(connection: Connection, bring: Bring, tmp_path: Any) -> None:
    rows = market(60)
    bring(connection, rows.rows(slice(0, 30)))
    (stored,) = list_instruments(connection)
    before = connection.execute("SELECT count(*) FROM bar").fetchone()
    late = rows.rows(slice(30, 60)).market_rows(tmp_path / "late.csv")
    late.open_interest.open_interest_base[7] = 0.0

    def write() -> None:
        with connection.transaction():
            lock_instrument(connection, stored.instrument_id)
            save_rows(connection, stored.instrument_id, late)

    with pytest.raises(psycopg.errors.CheckViolation):
        write()
    assert connection.execute("SELECT count(*) FROM bar").fetchone() == before
