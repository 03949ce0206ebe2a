"""What frames brought, into the database: at once, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from liqgrid.engine.collect.feed import Feed
from liqgrid.engine.collect.keep import keep_bar_gaps
from liqgrid.engine.collect.venues.frames import ClosedBar
from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.bars import Bars
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.rows import BarRows, Liquidation
from liqgrid.engine.market.stream import Stream
from liqgrid.engine.store.database import Connection
from liqgrid.engine.store.progress import Span, extend_cursor, load_cursors, record_gap
from liqgrid.engine.store.raw import lock_instrument
from liqgrid.engine.store.streams import save_bars, save_liquidations


@dataclass(frozen=True, slots=True)
class Fresh:
    """Bars and liquidations of an instrument, in the order they came, any of them more than once.

    ``hears_liquidations``: they would have come, had there been any. ``lost``: when they may not have.
    """

    bars: list[ClosedBar]
    liquidations: list[Liquidation]
    hears_liquidations: bool
    lost: Span | None


def keep_fresh(connection: Connection, feed: Feed, fresh: Fresh) -> None:
    """Write it all, and move the cursor of bars as far as they follow each other: what is between is asked for."""
    instrument_id = feed.instrument_id
    lock_instrument(connection, instrument_id)
    written = _keep_bars(connection, instrument_id, fresh) if fresh.bars else 0
    save_liquidations(connection, instrument_id, fresh.liquidations)
    if fresh.liquidations:
        times = [one.ts_ms for one in fresh.liquidations]
        extend_cursor(connection, instrument_id, Stream.LIQUIDATION, Span(min(times), max(times) + 1))
    if fresh.lost is not None and fresh.lost.start_ms < fresh.lost.end_ms:
        record_gap(connection, instrument_id, Stream.LIQUIDATION, fresh.lost)
    if written:
        feed.on_rows(connection, instrument_id)


def _keep_bars(connection: Connection, instrument_id: int, fresh: Fresh) -> int:
    rows = bar_rows(fresh.bars)
    written = save_bars(connection, instrument_id, rows)
    window = Span(int(rows.bars.open_ms[0]), int(rows.bars.close_ms[-1]))
    keep_bar_gaps(connection, instrument_id, Stream.BAR_LAST, window, rows)
    collected = load_cursors(connection, instrument_id).get(Stream.BAR_LAST)
    if collected is not None:
        end_ms = collected.end_ms
        for open_ms in rows.bars.open_ms:
            if open_ms <= end_ms:
                end_ms = max(end_ms, int(open_ms) + Interval.M1.ms)
        extend_cursor(connection, instrument_id, Stream.BAR_LAST, Span(collected.start_ms, end_ms))
    if fresh.hears_liquidations:
        extend_cursor(connection, instrument_id, Stream.LIQUIDATION, window)
    return written


def bar_rows(bars: list[ClosedBar]) -> BarRows:
    """Return bars as rows, ascending; of bars of one time the last that came."""
    latest = {bar.open_ms: bar for bar in bars}
    ordered = [latest[open_ms] for open_ms in sorted(latest)]

    def column(name: str) -> F64:
        return np.array([getattr(bar, name) for bar in ordered], dtype=np.float64)

    open_ms = np.array([bar.open_ms for bar in ordered], dtype=np.int64)
    names = ("open", "high", "low", "close", "volume_base")
    whole = Bars(Interval.M1, open_ms, *(column(name) for name in names))
    unknown = np.full(len(ordered), np.nan)
    return BarRows(whole, column("taker_buy_volume_base"), column("trades"), unknown)
