"""What is old enough to go: raw rows by the operator's setting, columns by the horizons of their intervals."""

from __future__ import annotations

from collections.abc import Mapping

from liqgrid.engine.market.interval import Interval
from liqgrid.engine.store.database import Connection
from liqgrid.sql import queries

_SQL = queries("retention")
_TIMESCALE = queries("timescale")
RAW_TABLES = ("bar", "open_interest", "funding_rate", "long_short_ratio", "liquidation", "liquidation_bar")


def delete_raw_before(connection: Connection, ts_ms: int) -> dict[str, int]:
    """Delete raw rows from before a time; return by table how many, or how many chunks of a hypertable.

    TimescaleDB drops whole chunks, so rows stay until all of their chunk is too old.
    """
    has_any = connection.execute(_SQL["hypertables_exist"]).fetchone() == (True,)
    hypertables = {row[0] for row in connection.execute(_TIMESCALE["hypertables"])} if has_any else set()
    deleted = {}
    connection.execute(_SQL["forget_liquidations_heard"], [ts_ms])
    for table in RAW_TABLES:
        if table in hypertables:
            row = connection.execute(_TIMESCALE["drop_chunks"], [table, ts_ms]).fetchone()
            deleted[table] = int(row[0]) if row else 0
        else:
            deleted[table] = connection.execute(_SQL[f"delete_old_{table}"], [ts_ms]).rowcount
    return deleted


def delete_columns_beyond(connection: Connection, horizons_ms: Mapping[Interval, int]) -> int:
    """Delete columns further back from their instrument's newest than their interval is kept; return how many."""
    return sum(
        connection.execute(_SQL["delete_columns_beyond"], [str(interval), horizon_ms / 1000]).rowcount
        for interval, horizon_ms in horizons_ms.items()
    )
