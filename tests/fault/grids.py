"""A grid as a test sees it: built, read back whole, and compared byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from liqgrid.engine.build import BuildReport, build_instrument
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.store.database import Connection
from liqgrid.engine.store.raw import list_instruments
from tests.markets import Market, market

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = Interval.H1.ms
DAY = Interval.D1.ms
SPANS = ("long_first_bin", "long_exponent", "long", "short_first_bin", "short_exponent", "short")
COLUMNS = (
    '"interval", ts, price, open, high, low, close, volume_base, open_interest_base, open_interest_at, mark, '
    "mark_low, mark_high, total_base, long_unplaced_base, short_unplaced_base, long_log_kept, short_log_kept, "
    "long_first_bin, long_exponent, long, long_quote, long_outside_base, long_outside_quote, "
    "short_first_bin, short_exponent, short, short_quote, short_outside_base, short_outside_quote, shares"
)
Grid = dict[str, list[tuple[Any, ...]]]
Bring = Callable[[Connection, Market], None]


def build(
    connection: Connection, parameters: ModelParameters | None = None, *, late: bool = True
) -> BuildReport | None:
    (stored,) = list_instruments(connection)
    return build_instrument(connection, stored, parameters or ModelParameters(), late=late)


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
