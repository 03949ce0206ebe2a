"""The replay: run the book over bars, one step each, and keep its state at the closes asked for.

For every bar and each side, in this order (docs/model.md, steps 1-3):

1. liquidate: levels the bar's mark price range passed leave the book; that is the prediction, made from the book
   as of the bar before;
2. close: of what rests, volume closes a part, and more if more rests than the target s·OI;
3. open: what is missing to the target opens at the bar's prices, split over leverage classes.

This is the clear numpy form; the slow reference in tests/parity pins its meaning.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.axis import bin_of, coordinates
from liqgrid.engine.market.bars import ReplayInput
from liqgrid.engine.market.errors import BadData
from liqgrid.engine.model.book import Book, SideColumn, side_column
from liqgrid.engine.model.levels import LevelTable
from liqgrid.engine.model.parameters import ModelParameters

_LONG, _SHORT = 0, 1
# A bar without a range still opens over this width, in bins: the entry distribution needs a width to divide by.
_MIN_WIDTH = 1e-3


@dataclass(frozen=True, slots=True)
class BookSnapshot:
    """The book at one close, as a grid column keeps it; amounts in base units, see ``GridColumn``."""

    close_ms: int
    price: float
    open_interest_base: float
    total_base: float
    long: SideColumn
    short: SideColumn


@dataclass(frozen=True, slots=True)
class Replay:
    """The book after the last bar, the predictions (2, T) in base units, and the snapshots asked for."""

    book: Book
    predicted_base: F64
    snapshots: list[BookSnapshot]


def replay(
    book: Book,
    bars: ReplayInput,
    levels: LevelTable,
    parameters: ModelParameters,
    snapshots_at_ms: Collection[int] = (),
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
    snapshots_at_ms
        Close times of the bars whose state is wanted.

    Raises
    ------
    BadData
        If the bars begin before the book's close.
    """
    if len(bars) and bars.open_ms[0] < book.close_ms:
        raise BadData(f"bars begin at {bars.open_ms[0]} ms, before the book's close at {book.close_ms} ms")
    book = book.copy()
    predicted = np.zeros((2, len(bars)))  # (2, T)
    snapshots: list[BookSnapshot] = []
    shift = coordinates(levels.factor)  # (2, R) bins from entry to liquidation price
    for t in range(len(bars)):
        if book.close_ms and bars.open_ms[t] - book.close_ms > parameters.max_gap_ms:
            _unplace(book)
        predicted[:, t] = _liquidate(book, bin_of(float(bars.mark_low[t])), bin_of(float(bars.mark_high[t])))
        target = parameters.modelled_share * float(bars.open_interest_base[t])
        if math.isnan(book.open_interest_base):
            _start(book, target)
        else:
            _close(book, parameters.turnover_fraction * float(bars.volume_base[t]), target)
            entries = coordinates(np.array([bars.low[t], bars.high[t]]))  # (2,)
            _open(book, entries, bin_of(float(bars.mark_close[t])), levels, shift, target)
        book.open_interest_base = float(bars.open_interest_base[t])
        book.close_ms = int(bars.close_ms[t])
        book.price = float(bars.mark_close[t])
        if book.close_ms in snapshots_at_ms:
            snapshots.append(_snapshot(book))
    return Replay(book, predicted, snapshots)


def _unplace(book: Book) -> None:
    """Forget entry prices: after a long gap in the bars, what rests was opened nobody knows where."""
    book.unplaced_base[:] = book.total_base
    book.base[:] = 0.0
    book.live_low[:], book.live_high[:] = 0, -1


def _start(book: Book, target: float) -> None:
    """Begin a history: the open interest is there, its entry prices are unknown."""
    book.unplaced_base[:] = book.total_base[:] = book.opened_base[:] = target


def _liquidate(book: Book, low_bin: int, high_bin: int) -> tuple[float, float]:
    """Remove longs at or above ``low_bin`` and shorts at or below ``high_bin``; return the base amounts."""
    passed = (
        slice(max(low_bin, int(book.live_low[_LONG])), int(book.live_high[_LONG]) + 1),
        slice(int(book.live_low[_SHORT]), min(high_bin, int(book.live_high[_SHORT])) + 1),
    )
    amounts = [0.0, 0.0]
    for side, bins in enumerate(passed):
        if bins.start >= bins.stop:
            continue
        cells = book.base[side, :, bins.start - book.first_bin : bins.stop - book.first_bin]  # (J, P)
        # Row sums first: the result then depends on the live bins alone, not on how far the arrays have grown.
        amounts[side] = float(cells.sum(axis=1).sum())
        cells[:] = 0.0
        book.total_base[side] = max(book.total_base[side] - amounts[side], 0.0)
        book.liquidated_base[side] += amounts[side]
    book.live_high[_LONG] = min(book.live_high[_LONG], low_bin - 1)
    book.live_low[_SHORT] = max(book.live_low[_SHORT], high_bin + 1)
    return amounts[0], amounts[1]


def _close(book: Book, turnover_base: float, target: float) -> None:
    """Close what turnover τ·V closes, and shrink what then still exceeds the target.

    A volume of V trades V base units between two sides, so each side's part that closes is τ·V / (2·OI₋₁) to first
    order. Closing goes on through the bar, so the part that stays is exp(−τ·V / (2·OI₋₁)): twelve bars of 5 minutes
    then close what one bar of an hour closes.
    """
    stays = math.exp(-turnover_base / (2 * book.open_interest_base))
    for side in (_LONG, _SHORT):
        rests = book.total_base[side] * stays
        keep = stays * min(1.0, target / rests) if rests > 0 else stays
        book.base[side, :, book.live(side)] *= keep
        book.unplaced_base[side] *= keep
        kept = min(rests, target)
        book.closed_base[side] += book.total_base[side] - kept
        book.total_base[side] = kept


def _open(book: Book, entries: F64, price_bin: int, levels: LevelTable, shift: F64, target: float) -> None:
    """Open what is missing to the target: entries uniform in log price over the bar, each rung at its level.

    ``entries`` (2,) coordinates of the bar's low and high; ``shift`` (2, R) bins. Levels the close
    has passed would be liquidated already: they get nothing, the rest takes their part (I3). Where no rung has a
    level left at all, everything opened is unplaced.
    """
    width = max(float(entries[1] - entries[0]), _MIN_WIDTH)
    for side in (_LONG, _SHORT):
        opened = target - book.total_base[side]
        if opened <= 0:
            continue
        book.total_base[side] = target
        book.opened_base[side] += opened
        begin = entries[0] + shift[side]  # (R,) where the rung's levels begin
        bins = np.floor(begin).astype(np.int64)[:, None] + np.arange(math.ceil(width) + 1)  # (R, E)
        below = np.clip((bins - begin[:, None]) / width, 0.0, 1.0)  # (R, E) part of the levels below the bin
        below_next = np.clip((bins + 1 - begin[:, None]) / width, 0.0, 1.0)  # (R, E)
        alive = bins < price_bin if side == _LONG else bins > price_bin  # (R, E)
        part = np.where(alive, (below_next - below) * levels.weight[:, None], 0.0)  # (R, E)
        placed = float(part.sum(axis=1).sum())
        if placed <= 0:
            book.unplaced_base[side] += opened
            continue
        filled = bins[part > 0]
        low_bin, high_bin = int(filled.min()), int(filled.max())
        book.reach(low_bin, high_bin)
        rows, columns = np.nonzero(part)
        cells = levels.class_index[rows], bins[rows, columns] - book.first_bin  # rungs of a class share bins
        np.add.at(book.base[side], cells, part[rows, columns] * (opened / placed))
        empty = book.live_low[side] > book.live_high[side]
        book.live_low[side] = low_bin if empty else min(book.live_low[side], low_bin)
        book.live_high[side] = high_bin if empty else max(book.live_high[side], high_bin)


def _snapshot(book: Book) -> BookSnapshot:
    return BookSnapshot(
        close_ms=book.close_ms,
        price=book.price,
        open_interest_base=book.open_interest_base,
        total_base=float(book.total_base[_LONG]),
        long=side_column(book, _LONG),
        short=side_column(book, _SHORT),
    )
