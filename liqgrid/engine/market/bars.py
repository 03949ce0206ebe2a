"""Bars and the series that stand beside them, as arrays checked once at the edge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from liqgrid.engine.market.arrays import F64, I64, Bool
from liqgrid.engine.market.interval import Interval


@dataclass(frozen=True, slots=True)
class Bars:
    """OHLCV of one instrument over one interval, ascending and unique in time; every array has shape (T,).

    ``open_ms`` int64 epoch milliseconds of the bar's open; prices in quote per base; volume in base units.
    """

    interval: Interval
    open_ms: I64
    open: F64
    high: F64
    low: F64
    close: F64
    volume_base: F64

    def __len__(self) -> int:
        return len(self.open_ms)

    @property
    def close_ms(self) -> I64:
        """Close time of each bar (exclusive end), epoch milliseconds."""
        return self.open_ms + self.interval.ms


@dataclass(frozen=True, slots=True)
class ReplayInput:
    """What the replay reads, one row per bar, ascending in time; every array has shape (T,).

    ``open_ms`` and ``close_ms`` may span different intervals along the series (the finest stored bars of each
    stretch). ``low``, ``high``, ``close`` are last prices, where positions open; ``mark_*`` are the prices by which
    the venue liquidates, equal to the last prices where no mark bar is stored (``has_mark`` false).
    ``open_interest_base`` is the open interest at the bar's close, one side, base units, > 0 and finite.
    """

    open_ms: I64
    close_ms: I64
    low: F64
    high: F64
    mark_low: F64
    mark_high: F64
    mark_close: F64
    volume_base: F64
    open_interest_base: F64
    has_mark: Bool

    def __len__(self) -> int:
        return len(self.open_ms)

    def rows(self, start: int, stop: int) -> ReplayInput:
        """Return bars ``start`` … ``stop - 1``."""
        return ReplayInput(*(getattr(self, name)[start:stop] for name in self.__slots__))


def aggregate(bars: Bars, interval: Interval) -> Bars:
    """Return ``bars`` put together to a coarser interval; an interval with any bar present gives one bar.

    The bars of a day of 1m bars become one 1d bar: open of the first, highest high, lowest low, close of the
    last, summed volume.
    """
    if interval is bars.interval or not len(bars):
        return bars
    open_ms = bars.open_ms // interval.ms * interval.ms
    first = np.flatnonzero(np.diff(open_ms, prepend=open_ms[0] - 1))  # (N,)
    last = np.append(first[1:], len(bars)) - 1  # (N,)
    return Bars(
        interval=interval,
        open_ms=open_ms[first],
        open=bars.open[first],
        high=np.maximum.reduceat(bars.high, first),
        low=np.minimum.reduceat(bars.low, first),
        close=bars.close[last],
        volume_base=np.add.reduceat(bars.volume_base, first),
    )
