"""Writers of raw rows, one for each stream: idempotent binary COPY, fast where nothing has to be compared.

Every writer needs a transaction that holds the instrument's lock, takes rows ascending and unique in time, writes those
that are new or differ from what is stored, and returns how many that were. Rows that change grid columns mark the
instrument changed from the earliest one written, so that the next build starts there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString

from liqgrid.engine.market.arrays import I64
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.rows import (
    BarRows,
    FundingRateRows,
    Liquidation,
    LiquidationBarRows,
    LongShortRatioRows,
    OpenInterestRows,
)
from liqgrid.engine.store.binary import (
    HEADER,
    TRAILER,
    Field,
    bigints,
    doubles,
    encode,
    integers,
    texts,
    timestamps,
)
from liqgrid.engine.store.database import Connection
from liqgrid.sql import queries

_SQL = queries("raw")


def save_bars(connection: Connection, instrument_id: int, rows: BarRows) -> int:
    """Write bars of the last or the mark price."""
    bars = rows.bars
    count = len(bars)
    interval, price_type = str(bars.interval), str(rows.price_type)
    written, first_ms = _save(
        connection,
        "bar",
        [instrument_id, interval, price_type],
        bars.open_ms,
        [
            integers(instrument_id, count),
            texts(interval, count),
            texts(price_type, count),
            timestamps(bars.open_ms),
            *(doubles(values) for values in (bars.open, bars.high, bars.low, bars.close, bars.volume_base)),
            doubles(rows.taker_buy_volume_base),
            bigints(rows.trades),
            bigints(rows.taker_buy_trades),
        ],
    )
    mark_changed(connection, instrument_id, first_ms)
    return written


def save_open_interest(connection: Connection, instrument_id: int, rows: OpenInterestRows) -> int:
    """Write open interest samples."""
    written, first_ms = _save(
        connection,
        "open_interest",
        [instrument_id],
        rows.ts_ms,
        [integers(instrument_id, len(rows.ts_ms)), timestamps(rows.ts_ms), doubles(rows.open_interest_base)],
    )
    # A sample belongs to the bar that closes with it, so the book of that very moment is already another one.
    mark_changed(connection, instrument_id, None if first_ms is None else first_ms - 1)
    return written


def save_funding_rates(connection: Connection, instrument_id: int, rows: FundingRateRows) -> int:
    """Write funding rates; the model does not read them."""
    written, _ = _save(
        connection,
        "funding_rate",
        [instrument_id],
        rows.ts_ms,
        [integers(instrument_id, len(rows.ts_ms)), timestamps(rows.ts_ms), doubles(rows.rate_fraction)],
    )
    return written


def save_long_short_ratios(connection: Connection, instrument_id: int, rows: LongShortRatioRows) -> int:
    """Write account ratios; the model does not read them."""
    written, _ = _save(
        connection,
        "long_short_ratio",
        [instrument_id],
        rows.ts_ms,
        [
            integers(instrument_id, len(rows.ts_ms)),
            timestamps(rows.ts_ms),
            doubles(rows.ratio),
            doubles(rows.long_fraction),
            doubles(rows.short_fraction),
        ],
    )
    return written


def save_liquidation_bars(
    connection: Connection, instrument_id: int, interval: Interval, rows: LiquidationBarRows
) -> int:
    """Write realised liquidations summed over bars; they do not change a column, but its score."""
    written, first_ms = _save(
        connection,
        "liquidation_bar",
        [instrument_id, str(interval)],
        rows.open_ms,
        [
            integers(instrument_id, len(rows.open_ms)),
            texts(str(interval), len(rows.open_ms)),
            timestamps(rows.open_ms),
            doubles(rows.long_base),
            doubles(rows.short_base),
        ],
    )
    mark_changed(connection, instrument_id, first_ms)
    return written


def save_liquidations(connection: Connection, instrument_id: int, liquidations: Sequence[Liquidation]) -> int:
    """Write single realised liquidations, in any order; one whose time and key are stored is not written again."""
    if not liquidations:
        return 0
    connection.execute(_SQL["stage_liquidation"])
    with connection.cursor() as cursor, cursor.copy(_SQL["copy_staged_liquidation"]) as copy:
        copy.set_types(["int4", "int8", "text", "text", "float8", "float8", "text"])
        for one in liquidations:
            copy.write_row([instrument_id, one.ts_ms, one.key, str(one.side), one.price, one.amount_base, one.raw])
    row = connection.execute(_SQL["merge_liquidation"]).fetchone()
    written = int(row[0]) if row else 0
    if written:
        connection.execute(_SQL["notify_liquidation"], [instrument_id])
    return written


def mark_changed(connection: Connection, instrument_id: int, first_ms: int | None) -> None:
    """Let the next build start at ``first_ms`` (epoch ms) at the latest; None changes nothing."""
    if first_ms is not None:
        connection.execute(_SQL["mark_changed"], [instrument_id, first_ms])


def _save(
    connection: Connection, table: str, key: list[Any], ts_ms: I64, fields: Sequence[Field]
) -> tuple[int, int | None]:
    """Write one table's rows; return how many were written and the earliest of them."""
    if not len(ts_ms):
        return 0, None
    appended = connection.execute(_SQL[f"{table}_is_appended"], [*key, int(ts_ms[0])]).fetchone()
    if appended == (True,):
        _copy(connection, _SQL[f"copy_{table}"], fields)
        return len(ts_ms), int(ts_ms[0])
    connection.execute(_SQL[f"stage_{table}"])
    _copy(connection, _SQL[f"copy_staged_{table}"], fields)
    row = connection.execute(_SQL[f"merge_{table}"]).fetchone()
    count, first_ms = row or (0, None)
    return count, None if first_ms is None else round(first_ms)


def _copy(connection: Connection, statement: LiteralString, fields: Sequence[Field]) -> None:
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(HEADER)
        for block in encode(fields):
            copy.write(block)
        copy.write(TRAILER)
