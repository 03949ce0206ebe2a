"""What a replay costs: ``python -m bench.replay [--bars N] [--rounds N]``.

A made-up year of one-minute bars, both sides, on one core, without columns:

- ``kernel``: the compiled replay, 10 leverage classes of one rung each, and the default model with its rungs
- ``numpy``: the same replay as a numpy loop over bars, on the first bars; predictions and totals must be equal
- ``stream``: reading and writing the bytes of the replay's inputs and predictions once, the least it could cost

then whether cost grows with bars and with bins, and what the compiler costs a process, with and without its cache.
Ratios are medians over rounds of each round's own, so that a machine that is slow for a while is slow for all.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from bench.made_up import YEAR_BARS, minutes, replay_rows
from bench.numpy_replay import numpy_replay
from liqgrid.engine.market import axis
from liqgrid.engine.market.bars import ReplayInput
from liqgrid.engine.market.tiers import published_tiers
from liqgrid.engine.model.book import Book, empty_book
from liqgrid.engine.model.levels import LevelTable, level_table
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.model.replay import replay
from tests.markets import BITCOIN

GOAL_NS, GOAL_RATIO = 250.0, 20.0  # DESIGN.md §7 and the issue
CHUNK = 16_384  # bars at a time, as a build replays them
NUMPY_BARS = 4_000
TEN = ModelParameters(leverages=(2, 3, 5, 10, 20, 25, 50, 75, 100, 125))


def one_rung_each(parameters: ModelParameters) -> LevelTable:
    """Return a level table with the first rung of each class alone."""
    whole = level_table(BITCOIN, published_tiers()[BITCOIN][0], parameters)
    first = np.flatnonzero(np.diff(whole.class_index, prepend=-1))  # (J,)
    weight = np.bincount(whole.class_index, whole.weight).astype(np.float64)
    return LevelTable(whole.leverage, whole.class_index[first], weight, whole.factor[:, first])


def run(bars: ReplayInput, levels: LevelTable, parameters: ModelParameters) -> tuple[Book, list[np.ndarray]]:
    """Replay in chunks; return the book at the end and the predictions."""
    book = empty_book(len(parameters.leverages))
    predicted = []
    for start in range(0, len(bars), CHUNK):
        done = replay(book, bars.rows(start, start + CHUNK), levels, parameters)
        book = done.book
        predicted.append(done.predicted_base)
    return book, predicted


def stream(bars: ReplayInput) -> None:
    """Touch what a replay must: every input once, and two predictions written."""
    for name in bars.__slots__:
        np.add.reduce(getattr(bars, name))
    np.zeros((2, len(bars))).fill(1.0)


def ns_per_bar(work: Callable[[], object], bars: int) -> float:
    """Return the processor time of one call."""
    started = time.process_time()
    work()
    return (time.process_time() - started) / bars * 1e9


def check(bars: ReplayInput, levels: LevelTable) -> None:
    """Assert that the kernel and the loop agree."""
    book, predicted = run(bars, levels, TEN)
    expected, total = numpy_replay(bars, levels, TEN)
    scale = float(bars.open_interest_base.max())
    assert np.allclose(np.concatenate(predicted, axis=1), expected, rtol=1e-9, atol=1e-9 * scale)
    assert np.allclose(book.total_base, total, rtol=1e-9)
    cells = book.base.sum(axis=(1, 2)) + book.unplaced_base
    assert np.allclose(cells, book.total_base, rtol=1e-9), "what rests adds up to open interest"


@contextmanager
def half_as_wide_bins() -> Iterator[None]:
    """Let the price axis have twice as many bins."""
    kept = axis.LOG_GROWTH
    axis.LOG_GROWTH = kept / 2
    try:
        yield
    finally:
        axis.LOG_GROWTH = kept


def compile_seconds(cache: str) -> float:
    """Return what a new process waits for the compiled loop."""
    code = (
        "import time; started = time.perf_counter()\n"
        "from bench.replay import *\n"
        "run(replay_rows(minutes(20)), one_rung_each(TEN), TEN)\n"
        "print(time.perf_counter() - started)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "NUMBA_CACHE_DIR": cache}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    return float(found.stdout)


def main() -> None:
    """Measure and print tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--bars", type=int, default=YEAR_BARS)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    bars, ten, default = replay_rows(minutes(chosen.bars)), one_rung_each(TEN), ModelParameters()
    rungs = level_table(BITCOIN, published_tiers()[BITCOIN][0], default)
    some = bars.rows(0, NUMPY_BARS)
    check(some, ten)

    def in_half_bins() -> None:
        with half_as_wide_bins():
            run(bars, ten, TEN)

    ways: dict[str, tuple[Callable[[], object], int]] = {
        "kernel, 10 classes": (lambda: run(bars, ten, TEN), len(bars)),
        f"kernel, default ({len(rungs.weight)} rungs)": (lambda: run(bars, rungs, default), len(bars)),
        "half of the bars": (lambda: run(bars.rows(0, len(bars) // 2), ten, TEN), len(bars) // 2),
        "twice the bins": (in_half_bins, len(bars)),
        "stream": (lambda: stream(bars), len(bars)),
        "numpy": (lambda: numpy_replay(some, ten, TEN), len(some)),
    }
    took: dict[str, list[float]] = {name: [] for name in ways}
    for done in range(chosen.rounds):
        for name in sorted(ways, reverse=bool(done % 2)):
            took[name].append(ns_per_bar(*ways[name]))
    kernel = took["kernel, 10 classes"]
    print(f"{chosen.bars} bars of one minute, both sides, {chosen.rounds} rounds, one core\n")
    print(f"{'way':30} median ns/bar      best  of kernel")
    for name, each in took.items():
        ratio = statistics.median(own / ours for own, ours in zip(each, kernel, strict=True))
        print(f"{name:30} {statistics.median(each):13.0f} {min(each):9.0f} {ratio:10.2f}")
    print(
        f"\ngoals: kernel at most {GOAL_NS:g} ns, numpy at least {GOAL_RATIO:g} of it, twice the bins under 1.3 of it"
    )
    with tempfile.TemporaryDirectory() as cache:
        cold, warm = compile_seconds(cache), compile_seconds(cache)
    print(f"a new process waits {cold:.1f} s for the compiler, {warm:.1f} s with its cache (imports included)")


if __name__ == "__main__":
    main()
