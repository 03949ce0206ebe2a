"""What is old enough to go, on tables and on hypertables."""

from __future__ import annotations

from pathlib import Path

from liqgrid.engine.build import HORIZONS_MS, build_instrument
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.store.database import Connection
from liqgrid.engine.store.retention import RAW_TABLES, delete_columns_beyond, delete_raw_before
from tests.jobs.workers import bring
from tests.markets import market

DAY = Interval.D1.ms
ROWS = market(24 * 120, start="2024-06-20T00:00:00Z")
FROM_MS = int(ROWS.open_ms[0])


def days_of(connection: Connection, table: str) -> set[int]:
    """The days, counted from the market's first, that a table has rows of."""
    rows = connection.execute(f"SELECT DISTINCT (extract(epoch FROM ts) * 1000)::bigint FROM {table}").fetchall()
    return {(ts_ms - FROM_MS) // DAY for (ts_ms,) in rows}


def test_old_raw_rows_go_and_new_ones_stay(connection: Connection, tmp_path: Path) -> None:
    bring(connection, ROWS, tmp_path)
    deleted = delete_raw_before(connection, FROM_MS + 100 * DAY)
    assert set(deleted) == set(RAW_TABLES)
    for table in ("bar", "open_interest", "long_short_ratio", "liquidation_bar"):
        assert deleted[table] > 0
        kept = days_of(connection, table)
        assert set(range(100, 120)) <= kept, "nothing younger goes"
        assert min(kept) >= 100 - 30, "of a chunk, nothing older than all of it stays"
    assert deleted["liquidation"] == 0
    assert delete_raw_before(connection, FROM_MS + 100 * DAY) == dict.fromkeys(RAW_TABLES, 0)


def test_columns_are_counted_back_from_the_newest(connection: Connection, tmp_path: Path) -> None:
    stored = bring(connection, ROWS.rows(slice(0, 24 * 20)), tmp_path)
    build_instrument(connection, stored, ModelParameters())
    before = connection.execute("SELECT count(*) FROM grid_column").fetchone()
    assert delete_columns_beyond(connection, HORIZONS_MS) == 0, "what ended years ago keeps its last columns"
    assert delete_columns_beyond(connection, {Interval.H1: 5 * DAY}) == 15 * 24
    assert min(days_of(connection, "grid_column WHERE \"interval\" = '1h'")) == 15
    after = connection.execute("SELECT count(*) FROM grid_column").fetchone()
    assert before is not None
    assert after is not None
    assert before[0] - after[0] == 15 * 24
