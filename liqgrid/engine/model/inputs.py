"""What a replay reads, put together from bars, mark bars and open interest samples, without looking ahead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from liqgrid.engine.market.arrays import F64, Bool
from liqgrid.engine.market.bars import Bars, BarSeries, ReplayInput
from liqgrid.engine.market.rows import OpenInterestRows
from liqgrid.engine.model.book import Book

_CHUNK_BARS = 16_384  # between checkpoints: eleven days of 1m bars, and arrays that stay in the processor's cache
_CHUNK_SNAPSHOTS = 1_024  # 16 kB each
_LARGEST_JUMP = 10.0


@dataclass(frozen=True, slots=True)
class Inputs:
    """What one build replays: the bars with what stands beside them, and those before them back to midnight.

    ``series`` and ``replay`` have the same rows. Columns need the bars since midnight to be put together, the replay
    begins at ``first``. ``samples_held_back`` are those of open interest that jumped, see ``counting_samples``.
    """

    series: BarSeries
    replay: ReplayInput
    first: int
    bars_without_volume: int
    bars_without_open_interest: int
    samples_held_back: int


def replay_inputs(series: BarSeries, marks: list[Bars], samples: OpenInterestRows, book: Book) -> Inputs:
    """Return the bars with the open interest known at each close (the newest sample then, never a later one).

    Leading bars for which none is known are left out.
    """
    counts = counting_samples(samples, begins=not book.close_ms)  # (N,)
    # What the book ended with is the newest known until a sample after it counts.
    ts_ms = np.append(book.open_interest_ms, samples.ts_ms[counts])
    base = np.append(book.open_interest_base, samples.open_interest_base[counts])
    index = np.searchsorted(ts_ms[1:], series.close_ms, side="right")  # (T,)
    open_interest, sampled_ms = base[index], ts_ms[index]
    known = ~np.isnan(open_interest)
    start = int(np.argmax(known)) if known.any() else len(series)
    mark_low, mark_high, mark_close, has_mark = _marked(series, marks)
    whole = ReplayInput(
        open_ms=series.open_ms,
        close_ms=series.close_ms,
        low=series.low,
        high=series.high,
        mark_low=mark_low,
        mark_high=mark_high,
        mark_close=mark_close,
        volume_base=np.where(np.isnan(series.volume_base), 0.0, series.volume_base),
        open_interest_base=open_interest,
        open_interest_ms=sampled_ms,
        has_mark=has_mark,
    )
    first = int(np.searchsorted(series.open_ms, book.close_ms))
    return Inputs(
        series=series,
        replay=whole,
        first=max(first, start),
        bars_without_volume=int(np.isnan(series.volume_base[max(first, start) :]).sum()),
        bars_without_open_interest=max(start - first, 0),
        samples_held_back=int((~counts & (samples.ts_ms > book.close_ms)).sum()),
    )


def counting_samples(samples: OpenInterestRows, *, begins: bool) -> Bool:
    """Return which samples count, (N,): those within a factor of ten of the one before.

    Venues now and then report a hundred times the open interest, or none, for a moment. A jump counts from the sample
    that confirms it, which is its neighbour; until then the last one that counted is carried on. ``begins``: the first
    sample is that of the history; else it is only there to be compared with.
    """
    base = samples.open_interest_base
    if not len(base):
        return np.empty(0, dtype=bool)
    step = base[1:] / base[:-1]  # (N - 1,)
    return np.append(begins, (step <= _LARGEST_JUMP) & (step >= 1 / _LARGEST_JUMP))


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
