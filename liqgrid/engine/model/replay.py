"""The replay: run the book over bars, and keep its state at the closes asked for.

For every bar and each side, in this order (docs/model.md, steps 0-3):

1. liquidate: levels the bar's mark price range passed leave the book; that is the prediction, made from the book
   as of the bar before;
2. close: of what rests, volume closes a part, and more if more rests than the target s·OI;
3. open: what is missing to the target opens at the bar's prices, split over the rungs of the level table.

Here bars become bins and shifts, all at once; the loop over them is ``kernel.py``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from liqgrid.engine.market.arrays import F32, F64, I64, U8, Bool
from liqgrid.engine.market.axis import COLUMN_REACH, bins_at, bins_of, check_price, coordinates, mid_prices
from liqgrid.engine.market.bars import ReplayInput
from liqgrid.engine.market.errors import BadData
from liqgrid.engine.market.grid import BLOCK_BINS, SHARE_BLOCKS
from liqgrid.engine.model.book import Book
from liqgrid.engine.model.kernel import AMOUNTS, run_side
from liqgrid.engine.model.levels import LevelTable
from liqgrid.engine.model.parameters import ModelParameters

# A bar without a range still opens over this width, in bins: the entry distribution needs a width to divide by.
_MIN_WIDTH = 1e-3


@dataclass(frozen=True, slots=True)
class Snapshots:
    """The book at S closes, as grid columns keep it; amounts in base units, row 0 long and 1 short.

    ``bar`` (S,) row of the bar that closes with it. ``near_base`` (2, S, COLUMN_REACH) classes summed: longs from the
    bin COLUMN_REACH below that of the price, shorts from the bin above it, both upwards. ``shares`` (2, S, J,
    SHARE_BLOCKS) the part of each leverage class in each block of bins, in 255ths, from the block of that first bin.
    ``total_base``, ``unplaced_base``, ``near_quote``, ``outside_base``, ``outside_quote``, ``log_kept`` (2, S).
    """

    bar: I64
    near_base: F32
    shares: U8
    total_base: F64
    unplaced_base: F64
    near_quote: F64
    outside_base: F64
    outside_quote: F64
    log_kept: F64

    def __len__(self) -> int:
        return len(self.bar)


@dataclass(frozen=True, slots=True)
class Replay:
    """The book after the last bar, the predictions (2, T) in base units, and the snapshots asked for."""

    book: Book
    predicted_base: F64
    snapshots: Snapshots


def replay(
    book: Book, bars: ReplayInput, levels: LevelTable, parameters: ModelParameters, wanted: Bool | None = None
) -> Replay:
    """Run ``book`` over ``bars`` and return where it ends; the given book stays as it was.

    Replaying in pieces, each from the book the piece before returned, equals replaying at once, bit for bit (I4).

    Parameters
    ----------
    book
        State at the close before the first bar.
    bars
        (T,) ascending, none opening before ``book.close_ms``.
    levels
        In force over the whole of ``bars``.
    parameters
        The model's.
    wanted
        (T,) true where the state at a bar's close is wanted; 13 kB each. None: nowhere.

    Raises
    ------
    BadData
        If the bars begin before the book's close, or a price, volume or open interest is out of range.
    """
    bar = np.flatnonzero(wanted) if wanted is not None else np.empty(0, dtype=np.int64)  # (S,)
    classes = len(levels.leverage)
    near_base = np.empty((2, len(bar), COLUMN_REACH), dtype=np.float32)
    shares = np.empty((2, len(bar), classes, SHARE_BLOCKS), dtype=np.uint8)
    amounts = np.empty((2, len(bar), AMOUNTS))
    predicted = np.zeros((2, len(bars)))  # (2, T)
    book = book.copy()
    if len(bars):
        if bars.open_ms[0] < book.close_ms:
            raise BadData(f"bars begin at {bars.open_ms[0]} ms, before the book's close at {book.close_ms} ms")
        steps = _steps(book, bars, parameters)
        shift = coordinates(levels.factor)  # (2, R) bins from entry to liquidation price
        _make_room(book, steps, shift)
        slot = np.full(len(bars), -1, dtype=np.int64)  # (T,)
        slot[bar] = np.arange(len(bar))
        mid = mid_prices(book.first_bin, book.raw.shape[2])
        for side, is_long in enumerate((True, False)):
            run_side(
                is_long, book.raw[side], book.live_low[side], book.live_high[side], book.first_bin, book.state[side],
                math.isnan(book.open_interest_base), steps.gap, steps.entry_low, steps.width, steps.reached[side],
                steps.close_bin, steps.log_stays, steps.stays, steps.target, shift[side], levels.weight,
                levels.class_index, slot, mid, BLOCK_BINS, predicted[side], near_base[side], shares[side],
                amounts[side],
            )  # fmt: skip
        book.open_interest_base = float(bars.open_interest_base[-1])
        book.open_interest_ms = int(bars.open_interest_ms[-1])
        book.close_ms = int(bars.close_ms[-1])
        book.price = float(bars.mark_close[-1])
    return Replay(book, predicted, Snapshots(bar, near_base, shares, *np.moveaxis(amounts, 2, 0)))


@dataclass(frozen=True, slots=True)
class _Steps:
    """What each bar does, (T,), ``reached`` (2, T): see ``run_side``."""

    gap: Bool
    entry_low: F64
    width: F64
    reached: I64
    close_bin: I64
    log_stays: F64
    stays: F64
    target: F64


def _steps(book: Book, bars: ReplayInput, parameters: ModelParameters) -> _Steps:
    for price in (bars.low, bars.high, bars.mark_low, bars.mark_high, bars.mark_close):
        check_price(price)
    _check_amounts(bars)
    entry_low, entry_high = coordinates(bars.low), coordinates(bars.high)
    # Logarithms are half of what is left of a replay's time: without marks there are two fewer to take.
    reached_low, reached_high = entry_low, entry_high
    if bars.has_mark.any():
        reached_low, reached_high = coordinates(bars.mark_low), coordinates(bars.mark_high)
    before_ms = np.concatenate([[book.close_ms or bars.open_ms[0]], bars.close_ms[:-1]])  # (T,)
    before_interest = np.concatenate([[book.open_interest_base], bars.open_interest_base[:-1]])  # (T,)
    # NaN in the very first bar, which closes nothing.
    log_stays = -parameters.turnover_fraction * bars.volume_base / (2 * before_interest)
    return _Steps(
        gap=bars.open_ms - before_ms > parameters.max_gap_ms,
        entry_low=entry_low,
        width=np.maximum(entry_high - entry_low, _MIN_WIDTH),
        reached=np.stack([bins_at(reached_low), bins_at(reached_high)]),
        close_bin=bins_of(bars.mark_close),
        log_stays=log_stays,
        stays=np.exp(log_stays),
        target=parameters.modelled_share * bars.open_interest_base,
    )


def _check_amounts(bars: ReplayInput) -> None:
    """Raise unless open interest and volume are what a replay can work with; a NaN is not."""
    interest, volume = bars.open_interest_base, bars.volume_base
    for name, values, usable in (
        ("open interest", interest, (interest > 0) & (interest < math.inf)),
        ("volume", volume, (volume >= 0) & (volume < math.inf)),
    ):
        if not usable.all():
            t = int(np.argmin(usable))
            raise BadData(
                f"{name} of the bar that opens at {bars.open_ms[t]} ms was {float(values[t])!r}; correct that row and "
                "build again",
                open_ms=int(bars.open_ms[t]),
            )


def _make_room(book: Book, steps: _Steps, shift: F64) -> None:
    """Let the book cover every bin that these bars can open in, and the one above that the kernel adds nothing to."""
    low = math.floor(float(steps.entry_low.min() + shift.min()))
    high = math.floor(float((steps.entry_low + steps.width).max() + shift.max()))
    book.reach(low, high + 1)
