"""Bars and the series that stand beside them, as arrays checked once at the edge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from liqgrid.engine.market.arrays import F64, I64, Bool
from liqgrid.engine.market.interval import Interval

_Values = TypeVar("_Values", F64, Bool)


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
    ``open_interest_base`` is the open interest known at the bar's close, one side, base units, > 0 and finite, and
    ``open_interest_ms`` the time of its sample.
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
    open_interest_ms: I64
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

    def until(self, end_ms: int) -> BarSeries:
        """Return the bars that close by ``end_ms``."""
        count = int(np.searchsorted(self.close_ms, end_ms, side="right"))
        return BarSeries(*(getattr(self, name)[:count] for name in self.__slots__))


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


def whole_intervals(open_ms: I64, close_ms: I64, interval: Interval) -> tuple[I64, I64]:
    """Return first and last row, (K,) each, of the bars that make up each closed ``interval``, ascending.

    An interval is left out where no bar begins with it or none ends with it (it is still forming, or an end is missing)
    and where the bars are coarser than ``interval``. Holes between are gaps.
    """
    if not len(open_ms):
        return _NO_TIMES, _NO_TIMES
    group = (close_ms - 1) // interval.ms  # (T,)
    first = np.flatnonzero(np.diff(group, prepend=group[0] - 1))  # (N,)
    last = np.append(first[1:], len(open_ms)) - 1  # (N,)
    begins_ms = group[first] * interval.ms
    whole = (close_ms[last] == begins_ms + interval.ms) & (open_ms[first] == begins_ms)
    return first[whole], last[whole]


def over(reduce: np.ufunc, values: _Values, first: I64, last: I64) -> _Values:
    """Return ``reduce`` of values[first[k]] … values[last[k]] for each k, (K,)."""
    if not len(first):
        return values[:0]
    begin, end = first[0], last[-1] + 1
    padded = np.append(values[begin:end], values[end - 1])  # so that a stretch may stop at the end
    bounds = np.stack([first, last + 1], axis=1).ravel() - begin  # (2K,) every other one lies between two stretches
    reduced: _Values = reduce.reduceat(padded, bounds)[::2]
    return reduced


def aggregate(series: BarSeries, interval: Interval) -> Bars:
    """Return the closed bars of ``interval`` that ``series`` makes up.

    A bar is open of the first, highest high, lowest low, close of the last, summed volume of the bars in its time, NaN
    if any part of it is. Which intervals have one: ``whole_intervals``.
    """
    first, last = whole_intervals(series.open_ms, series.close_ms, interval)
    return Bars(
        interval=interval,
        open_ms=series.open_ms[first],
        open=series.open[first],
        high=over(np.maximum, series.high, first, last),
        low=over(np.minimum, series.low, first, last),
        close=series.close[last],
        volume_base=over(np.add, series.volume_base, first, last),
    )


def gaps(open_ms: I64, close_ms: I64) -> list[tuple[int, int]]:
    """Return the stretches [start, end), epoch ms, between bars that do not follow each other."""
    missing = np.flatnonzero(open_ms[1:] > close_ms[:-1])
    return [(int(close_ms[t]), int(open_ms[t + 1])) for t in missing]
