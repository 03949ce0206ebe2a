"""Rows of a window into the database: with their cursor and their gaps in one transaction, or not at all."""

from __future__ import annotations

from collections.abc import Callable

from liqgrid.engine.collect.venues.venue import Rows, Source
from liqgrid.engine.market.bars import gaps
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.rows import (
    BarRows,
    FundingRateRows,
    LiquidationBarRows,
    LongShortRatioRows,
    OpenInterestRows,
)
from liqgrid.engine.market.stream import Stream
from liqgrid.engine.store.database import Connection
from liqgrid.engine.store.progress import Span, extend_cursor, save_sample_gaps
from liqgrid.engine.store.raw import lock_instrument, save_bar_gaps
from liqgrid.engine.store.streams import (
    save_bars,
    save_funding_rates,
    save_liquidation_bars,
    save_long_short_ratios,
    save_open_interest,
)

# Called in the transaction that wrote rows a grid is made of, with the instrument, before it is committed.
OnRows = Callable[[Connection, int], None]


def no_hook(_connection: Connection, _instrument_id: int) -> None:
    """Do nothing when rows come."""


_SAMPLED = (Stream.OPEN_INTEREST, Stream.LONG_SHORT_RATIO)
_SAMPLE_MS = Interval.M5.ms


def keep_window(
    connection: Connection,
    instrument_id: int,
    stream: Stream,
    source: Source,
    window: Span,
    rows: Rows,
    on_rows: OnRows,
    *,
    moves_cursor: bool,
) -> int:
    """Write the rows a venue gave of a window, record what is missing, move the cursor over it; return rows written.

    Needs a transaction.
    """
    lock_instrument(connection, instrument_id)
    written = _save(connection, instrument_id, rows)
    if isinstance(rows, BarRows):
        keep_bar_gaps(connection, instrument_id, stream, window, rows)
    elif stream in _SAMPLED and source.is_raster:
        save_sample_gaps(connection, instrument_id, stream, window, source.step_ms)
    if moves_cursor:
        extend_cursor(connection, instrument_id, stream, window)
    if written and isinstance(rows, BarRows | OpenInterestRows):
        on_rows(connection, instrument_id)
    return written


def keep_sample(
    connection: Connection, instrument_id: int, rows: OpenInterestRows, on_rows: OnRows, *, has_history: bool
) -> int:
    """Write open interest as it is now; where a venue has no history of it, the cursor moves with the sample."""
    lock_instrument(connection, instrument_id)
    written = save_open_interest(connection, instrument_id, rows)
    sampled = Span(int(rows.ts_ms[0]), int(rows.ts_ms[-1]) + 1)
    if not has_history:
        save_sample_gaps(connection, instrument_id, Stream.OPEN_INTEREST, sampled, _SAMPLE_MS)
        extend_cursor(connection, instrument_id, Stream.OPEN_INTEREST, sampled)
    if written:
        on_rows(connection, instrument_id)
    return written


def keep_bar_gaps(connection: Connection, instrument_id: int, stream: Stream, window: Span, rows: BarRows) -> None:
    """Record what is missing of a window of bars, in and next to it."""
    bars = rows.bars
    missing = gaps(bars.open_ms, bars.close_ms) if len(bars) else [(window.start_ms, window.end_ms)]
    within_ms = (window.start_ms, window.end_ms)
    save_bar_gaps(connection, instrument_id, stream.price_type, within_ms, missing)


def _save(connection: Connection, instrument_id: int, rows: Rows) -> int:
    match rows:
        case BarRows():
            return save_bars(connection, instrument_id, rows)
        case OpenInterestRows():
            return save_open_interest(connection, instrument_id, rows)
        case FundingRateRows():
            return save_funding_rates(connection, instrument_id, rows)
        case LongShortRatioRows():
            return save_long_short_ratios(connection, instrument_id, rows)
        case LiquidationBarRows():
            return save_liquidation_bars(connection, instrument_id, Interval.M5, rows)
