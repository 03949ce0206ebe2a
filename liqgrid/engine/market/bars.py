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


@dataclass(frozen=True, slots=True)
class BarSeries:
    """Bars of differing intervals, ascending and not overlapping: the finest stored of each stretch.

    Arrays as in ``Bars``, shape (T,); bar t covers [open_ms[t], close_ms[t]). Stretches without bars are gaps.
    """

    open_ms: I64
    close_ms: I64
    open: F64
    high: F64
    low: F64
    close: F64
    volume_base: F64

    def __len__(self) -> int:
        return len(self.open_ms)


_NO_TIMES, _NO_VALUES = np.empty(0, dtype=np.int64), np.empty(0)
_EMPTY = BarSeries(_NO_TIMES, _NO_TIMES, _NO_VALUES, _NO_VALUES, _NO_VALUES, _NO_VALUES, _NO_VALUES)


def finest_series(stored: list[Bars]) -> BarSeries:
    """Return the finest bars of each stretch: a coarser bar counts where finer ones cover less than half its time.

    The finer ones in its time are then left out, so that a stray minute does not stand for a whole hour.

    Parameters
    ----------
    stored
        Bars of one instrument, each interval at most once, in any order; none for no bars at all.
    """
    series = _EMPTY
    for bars in sorted(stored, key=lambda bars: bars.interval.ms):
        begins, ends = (np.searchsorted(series.open_ms, times) for times in (bars.open_ms, bars.close_ms))  # (T,)
        covered_ms = np.concatenate([[0], np.cumsum(series.close_ms - series.open_ms)])
        counts = 2 * (covered_ms[ends] - covered_ms[begins]) < bars.interval.ms  # (T,)
        left_out = np.zeros(len(series) + 1, dtype=np.int64)  # +1 where a counting bar begins, -1 where it ends
        np.add.at(left_out, begins[counts], 1)
        np.add.at(left_out, ends[counts], -1)
        series = _merged(series, np.cumsum(left_out[:-1]) == 0, bars, counts)
    return series


def _merged(series: BarSeries, kept: Bool, bars: Bars, chosen: Bool) -> BarSeries:
    """Return the kept bars of a series and the chosen coarser ones, ascending."""
    opens = np.concatenate([series.open_ms[kept], bars.open_ms[chosen]])
    order = np.argsort(opens)

    def column(name: str) -> F64:
        return np.concatenate([getattr(series, name)[kept], getattr(bars, name)[chosen]])[order]

    return BarSeries(
        open_ms=opens[order],
        close_ms=np.concatenate([series.close_ms[kept], bars.close_ms[chosen]])[order],
        open=column("open"),
        high=column("high"),
        low=column("low"),
        close=column("close"),
        volume_base=column("volume_base"),
    )


def _rows(bars: Bars, chosen: Bool) -> Bars:
    return Bars(
        bars.interval,
        bars.open_ms[chosen],
        bars.open[chosen],
        bars.high[chosen],
        bars.low[chosen],
        bars.close[chosen],
        bars.volume_base[chosen],
    )


def aggregate(series: BarSeries, interval: Interval) -> Bars:
    """Return the closed bars of ``interval`` that ``series`` makes up.

    A bar is open of the first, highest high, lowest low, close of the last, summed volume of the bars in its time.
    It is left out where no bar of the series begins with it or none ends with it (it is still forming, or an end is
    missing) and where the series is coarser than ``interval``. Holes between are gaps; the volume is NaN if any part of
    it is.
    """
    if not len(series):
        return Bars(interval, np.empty(0, dtype=np.int64), *(np.empty(0) for _ in range(5)))
    group = (series.close_ms - 1) // interval.ms  # (T,)
    first = np.flatnonzero(np.diff(group, prepend=group[0] - 1))  # (N,)
    last = np.append(first[1:], len(series)) - 1  # (N,)
    open_ms = group[first] * interval.ms
    whole = (series.close_ms[last] == open_ms + interval.ms) & (series.open_ms[first] == open_ms)
    return _rows(
        Bars(
            interval=interval,
            open_ms=open_ms,
            open=series.open[first],
            high=np.maximum.reduceat(series.high, first),
            low=np.minimum.reduceat(series.low, first),
            close=series.close[last],
            volume_base=np.add.reduceat(series.volume_base, first),
        ),
        whole,
    )


def gaps(open_ms: I64, close_ms: I64) -> list[tuple[int, int]]:
    """Return the stretches [start, end), epoch ms, between bars that do not follow each other."""
    missing = np.flatnonzero(open_ms[1:] > close_ms[:-1])
    return [(int(close_ms[t]), int(open_ms[t + 1])) for t in missing]
