"""What a replay reads, put together from bars, mark bars and open interest samples, without looking ahead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from liqgrid.engine.market.arrays import F64, I64, Bool
from liqgrid.engine.market.bars import Bars, BarSeries, ReplayInput
from liqgrid.engine.market.rows import OpenInterestRows
from liqgrid.engine.model.book import Book

_CHUNK_BARS = 16_384  # between checkpoints: eleven days of 1m bars, and arrays that stay in the processor's cache
_CHUNK_SNAPSHOTS = 1_024  # 16 kB each


@dataclass(frozen=True, slots=True)
class Inputs:
    """What one build replays: the bars with what stands beside them, and those before them back to midnight.

    ``series`` and ``replay`` have the same rows; ``open_interest_ms`` (T,) is the time of each row's sample.
    Columns need the bars since midnight to be put together, the replay begins at ``first``.
    """

    series: BarSeries
    replay: ReplayInput
    open_interest_ms: I64
    first: int
    bars_without_volume: int
    bars_without_open_interest: int


def replay_inputs(series: BarSeries, marks: list[Bars], samples: OpenInterestRows, book: Book) -> Inputs:
    """Return the bars with the open interest known at each close (the newest sample then, never a later one).

    Leading bars for which none is known are left out.
    """
    index = np.searchsorted(samples.ts_ms, series.close_ms, side="right") - 1  # (T,)
    known = index >= 0
    start = int(np.argmax(known)) if known.any() else len(series)
    open_interest = np.full(len(series), np.nan)
    open_interest[known] = samples.open_interest_base[index[known]]
    sampled_ms = np.zeros(len(series), dtype=np.int64)
    sampled_ms[known] = samples.ts_ms[index[known]]
    mark_low, mark_high, mark_close, has_mark = _marked(series, marks)
    whole = ReplayInput(
        open_ms=series.open_ms,
        close_ms=series.close_ms,
        low=series.low,
        high=series.high,
        mark_low=mark_low,
        mark_high=mark_high,
        mark_close=mark_close,
        volume_base=np.nan_to_num(series.volume_base),
        open_interest_base=open_interest,
        has_mark=has_mark,
    )
    first = int(np.searchsorted(series.open_ms, book.close_ms))
    return Inputs(
        series=series,
        replay=whole,
        open_interest_ms=sampled_ms,
        first=max(first, start),
        bars_without_volume=int(np.isnan(series.volume_base[max(first, start) :]).sum()),
        bars_without_open_interest=max(start - first, 0),
    )


def _marked(series: BarSeries, marks: list[Bars]) -> tuple[F64, F64, F64, Bool]:
    """Return low, high and close of the mark bar of the same time where there is one, else of the bar itself."""
    low, high, close = series.low.copy(), series.high.copy(), series.close.copy()
    has_mark = np.zeros(len(series), dtype=bool)
    for bars in marks:
        if not len(bars):
            continue
        at = np.minimum(np.searchsorted(bars.open_ms, series.open_ms), len(bars) - 1)  # (T,)
        same = (bars.open_ms[at] == series.open_ms) & (bars.close_ms[at] == series.close_ms)
        low[same], high[same], close[same] = bars.low[at[same]], bars.high[at[same]], bars.close[at[same]]
        has_mark |= same
    return low, high, close, has_mark


def chunks(inputs: Inputs, changes_ms: Iterable[int], wanted: Bool) -> Iterator[tuple[int, int]]:
    """Yield [start, stop) rows to replay at a time: bounded in bars and snapshots, cut where rules change.

    ``wanted`` (T,) is true where the state at a bar's close is asked for.
    """
    opens, count = inputs.series.open_ms, len(inputs.series)
    changes = {int(np.searchsorted(opens, change_ms)) for change_ms in changes_ms}
    asked = np.concatenate([[0], np.cumsum(wanted)])  # (T + 1,)
    start = inputs.first
    while start < count:
        full = int(np.searchsorted(asked, asked[start] + _CHUNK_SNAPSHOTS, side="right")) - 1
        stop = min(count, start + _CHUNK_BARS, max(full, start + 1))
        stop = min([cut for cut in changes if start < cut < stop], default=stop)
        yield start, stop
        start = stop
