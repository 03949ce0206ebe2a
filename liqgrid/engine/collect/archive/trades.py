"""Trades put together to bars: the same bars in whatever order and however often the rows stand in the file.

A file of a month has tens of millions of rows, so it is read in blocks. What is kept of them are the bars so far, and
the ranges of trade ids seen, by which a repeated row is known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from liqgrid.engine.collect.archive.names import Archive
from liqgrid.engine.collect.archive.table import FLOAT, TRUTH, WHOLE, Block, Layout, open_text, read_blocks
from liqgrid.engine.market.arrays import F64, I64, Bool
from liqgrid.engine.market.axis import MAX_PRICE, MIN_PRICE
from liqgrid.engine.market.bars import Bars
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.rows import BarRows

AGG_TRADES = Layout(
    ("agg_trade_id", "price", "quantity", "first_trade_id", "last_trade_id", "transact_time", "is_buyer_maker"),
    {
        "agg_trade_id": WHOLE, "price": FLOAT, "quantity": FLOAT, "first_trade_id": WHOLE, "last_trade_id": WHOLE,
        "transact_time": WHOLE, "is_buyer_maker": TRUTH,
    },
    key="agg_trade_id",
)  # fmt: skip
# Amounts are added up as whole numbers of 1e-8, the finest any venue trades, so that their order does not matter.
_PARTS_PER_BASE = 100_000_000
_MAX_QUANTITY_BASE = 1e9  # beyond it the sum of a minute could leave int64
_MAX_PRICE_TEXT = f"must be within {MIN_PRICE:g} and {MAX_PRICE:g}"


@dataclass(frozen=True, slots=True)
class _Bars:
    """Bars under way, (N,) each: amounts in 1e-8 base; ids are those of the aggregated trades at open and close."""

    open_ms: I64
    first_id: I64
    last_id: I64
    open: F64
    high: F64
    low: F64
    close: F64
    volume: I64
    bought: I64
    trades: I64
    trades_bought: I64

    def rows(self, chosen: I64 | Bool) -> _Bars:
        return _Bars(*(getattr(self, name)[chosen] for name in self.__slots__))

    def followed_by(self, later: _Bars) -> _Bars:
        return _Bars(*(np.concatenate([getattr(self, name), getattr(later, name)]) for name in self.__slots__))


def read_trades(archive: Archive, on_read: Callable[[int], None]) -> tuple[BarRows, int, int, int]:
    """Return the bars of a file of trades, its rows, how many of them repeat others, and how many ids none has.

    A time without trades between two whose ids follow each other had none: its bars are flat, of no volume. Where ids
    are missing it stays a gap.

    Raises
    ------
    BadData
        Naming file, member, line, column and value.
    """
    interval = archive.interval
    assert interval is not None  # noqa: S101 - archive_of gives trades one
    bars: _Bars | None = None
    ranges: I64 = np.empty((0, 2), dtype=np.int64)
    lines = repeated = 0
    for block in read_blocks(open_text(archive.path, AGG_TRADES), AGG_TRADES, on_read):
        trades = _trades(archive, interval, block)
        ids, at = np.unique(trades.first_id, return_index=True)
        new = _unseen(ranges, ids)
        ranges = _joined(ranges, ids[new])
        lines += len(block)
        repeated += len(block) - int(new.sum())
        if new.any():
            fresh = trades.rows(at[new])
            bars = _put_together(fresh if bars is None else bars.followed_by(fresh))
    assert bars is not None  # noqa: S101 - read_blocks refuses a text without rows
    missing = int((ranges[1:, 0] - ranges[:-1, 1]).sum())
    return _bar_rows(interval, _with_quiet_bars(bars, interval)), lines, repeated, missing


def _trades(archive: Archive, interval: Interval, block: Block) -> _Bars:
    """Return each trade of a block as a bar of its own."""
    ids, first, last = (block.whole(name) for name in ("agg_trade_id", "first_trade_id", "last_trade_id"))
    ts_ms, maker_bought = block.times_ms("transact_time"), block.whole("is_buyer_maker").astype(bool)
    price, quantity = block.floats("price"), block.floats("quantity")
    block.refuse(
        [
            (ids < 0, "agg_trade_id", "must not be negative"),
            (~((price >= MIN_PRICE) & (price <= MAX_PRICE)), "price", _MAX_PRICE_TEXT),
            (~((quantity > 0) & (quantity <= _MAX_QUANTITY_BASE)), "quantity",
             f"must be greater than 0, and at most {_MAX_QUANTITY_BASE:g}"),
            (last < first, "last_trade_id", "is before first_trade_id"),
        ]
    )  # fmt: skip
    base = quantity * archive.contract_quote / price if archive.coin_margined else quantity
    volume = np.rint(base * _PARTS_PER_BASE).astype(np.int64)
    trades = last - first + 1
    return _Bars(
        open_ms=ts_ms // interval.ms * interval.ms,
        first_id=ids,
        last_id=ids,
        open=price,
        high=price,
        low=price,
        close=price,
        volume=volume,
        bought=np.where(maker_bought, 0, volume),
        trades=trades,
        trades_bought=np.where(maker_bought, 0, trades),
    )


def _put_together(parts: _Bars) -> _Bars:
    """Return one bar for each open time, ascending, of parts in any order."""
    by_first = parts.rows(np.lexsort((parts.first_id, parts.open_ms)))
    starts = np.flatnonzero(np.diff(by_first.open_ms, prepend=by_first.open_ms[0] - 1))  # (N,)
    ends = np.append(starts[1:], len(by_first.open_ms)) - 1
    closing = np.lexsort((parts.last_id, parts.open_ms))[ends]  # the part of each bar with the highest id
    return _Bars(
        open_ms=by_first.open_ms[starts],
        first_id=by_first.first_id[starts],
        last_id=parts.last_id[closing],
        open=by_first.open[starts],
        high=np.maximum.reduceat(by_first.high, starts),
        low=np.minimum.reduceat(by_first.low, starts),
        close=parts.close[closing],
        volume=np.add.reduceat(by_first.volume, starts),
        bought=np.add.reduceat(by_first.bought, starts),
        trades=np.add.reduceat(by_first.trades, starts),
        trades_bought=np.add.reduceat(by_first.trades_bought, starts),
    )


def _unseen(ranges: I64, ids: I64) -> Bool:
    """Return which ids lie in none of the ranges [start, stop), (K, 2) ascending."""
    if not len(ranges):
        return np.ones(len(ids), dtype=bool)
    at = np.searchsorted(ranges[:, 0], ids, side="right") - 1
    unseen: Bool = (at < 0) | (ids >= ranges[at, 1])
    return unseen


def _joined(ranges: I64, ids: I64) -> I64:
    """Return the ranges with ids that lie in none of them, ascending and unique."""
    if not len(ids):
        return ranges
    breaks = np.flatnonzero(np.diff(ids) > 1)
    runs = np.stack([ids[np.append(0, breaks + 1)], ids[np.append(breaks, len(ids) - 1)] + 1], axis=1)
    both = np.concatenate([ranges, runs])
    both = both[np.argsort(both[:, 0])]
    apart = np.append(True, both[1:, 0] > both[:-1, 1])  # those that touch are one
    starts = np.flatnonzero(apart)
    return np.stack([both[starts, 0], both[np.append(starts[1:], len(both)) - 1, 1]], axis=1)


def _with_quiet_bars(bars: _Bars, interval: Interval) -> _Bars:
    quiet = (np.diff(bars.open_ms) > interval.ms) & (bars.first_id[1:] == bars.last_id[:-1] + 1)
    before = np.flatnonzero(quiet)
    counts = np.diff(bars.open_ms)[before] // interval.ms - 1
    template = bars.rows(np.repeat(before, counts))
    nth = np.arange(len(template.open_ms)) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    none = np.zeros(len(nth), dtype=np.int64)
    flat = _Bars(
        template.open_ms + nth * interval.ms,
        template.last_id,
        template.last_id,
        *(template.close,) * 4,
        *(none,) * 4,
    )
    both = bars.followed_by(flat)
    return both.rows(np.argsort(both.open_ms))


def _bar_rows(interval: Interval, bars: _Bars) -> BarRows:
    return BarRows(
        Bars(interval, bars.open_ms, bars.open, bars.high, bars.low, bars.close, bars.volume / _PARTS_PER_BASE),
        bars.bought / _PARTS_PER_BASE,
        bars.trades.astype(np.float64),
        bars.trades_bought.astype(np.float64),
    )
