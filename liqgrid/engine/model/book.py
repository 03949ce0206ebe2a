"""The position book: what the model holds to be outstanding, and its passage into grid columns and checkpoints."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import numpy as np

from liqgrid.engine.market.arrays import F64, I64
from liqgrid.engine.market.axis import COLUMN_REACH, bin_of, mid_prices
from liqgrid.engine.market.grid import BinSpan

_MARGIN_BINS = 512  # room added when the book must grow, so that it rarely does


@dataclass(slots=True)
class Book:
    """Outstanding base amount per side, leverage class and price bin of the liquidation price.

    ``base`` (2, J, W) base units, row 0 long and 1 short; column w is bin ``first_bin + w``. Only bins
    ``live_low[side]`` … ``live_high[side]`` (absolute, inclusive) can hold anything. ``total_base`` (2,) is the
    whole side with the ``unplaced_base`` (2,) cell, whose entry prices are unknown. ``open_interest_base`` and
    ``close_ms`` are those of the last bar replayed; NaN and 0 before the first.

    The ledger counts what happened since the start, (2,) base units: ``opened`` = total + ``liquidated`` +
    ``closed`` (I1).
    """

    base: F64
    first_bin: int
    live_low: I64
    live_high: I64
    total_base: F64
    unplaced_base: F64
    open_interest_base: float
    close_ms: int
    price: float
    opened_base: F64 = field(default_factory=lambda: np.zeros(2))
    liquidated_base: F64 = field(default_factory=lambda: np.zeros(2))
    closed_base: F64 = field(default_factory=lambda: np.zeros(2))

    def copy(self) -> Book:
        """Return a book that shares nothing with this one."""
        return Book(
            self.base.copy(), self.first_bin, self.live_low.copy(), self.live_high.copy(), self.total_base.copy(),
            self.unplaced_base.copy(), self.open_interest_base, self.close_ms, self.price, self.opened_base.copy(),
            self.liquidated_base.copy(), self.closed_base.copy(),
        )  # fmt: skip

    def live(self, side: int) -> slice:
        """Return the slice of columns that can hold anything on one side; empty when low > high."""
        return slice(int(self.live_low[side]) - self.first_bin, max(int(self.live_high[side]) + 1 - self.first_bin, 0))

    def reach(self, low_bin: int, high_bin: int) -> None:
        """Grow ``base`` so that it covers bins ``low_bin`` … ``high_bin``."""
        width = self.base.shape[2]
        if width and self.first_bin <= low_bin and high_bin < self.first_bin + width:
            return
        first = min(low_bin, self.first_bin if width else low_bin) - _MARGIN_BINS
        last = max(high_bin, self.first_bin + width - 1 if width else high_bin) + _MARGIN_BINS
        grown = np.zeros((2, self.base.shape[1], last - first + 1))
        grown[:, :, self.first_bin - first : self.first_bin - first + width] = self.base
        self.base, self.first_bin = grown, first


def empty_book(classes: int) -> Book:
    """Return a book before its first bar, with room for ``classes`` leverage classes."""
    return Book(
        base=np.zeros((2, classes, 0)),
        first_bin=0,
        live_low=np.zeros(2, dtype=np.int64),
        live_high=np.full(2, -1, dtype=np.int64),
        total_base=np.zeros(2),
        unplaced_base=np.zeros(2),
        open_interest_base=float("nan"),
        close_ms=0,
        price=float("nan"),
    )


@dataclass(frozen=True, slots=True)
class SideColumn:
    """One side of a book as a grid column keeps it: bins near the price, a cell for those outside, and the unplaced."""

    span: BinSpan
    unplaced_base: float
    outside_base: float
    outside_quote: float


def side_column(book: Book, side: int) -> SideColumn:
    """Return one side of the book at its close, leverage classes summed, within a factor of two of the price."""
    live = book.live(side)
    base = book.base[side, :, live].sum(axis=0)  # (P,)
    first = book.first_bin + live.start
    centre = bin_of(book.price)
    inside = slice(
        min(max(centre - COLUMN_REACH - first, 0), len(base)), min(max(centre + COLUMN_REACH + 1 - first, 0), len(base))
    )
    notional = base * mid_prices(first, len(base))  # (P,)
    outside = np.ones(len(base), dtype=bool)
    outside[inside] = False
    return SideColumn(
        unplaced_base=float(book.unplaced_base[side]),
        span=_trimmed(first + inside.start, base[inside], centre),
        outside_base=float(base[outside].sum()),
        outside_quote=float(notional[outside].sum()),
    )


def _trimmed(first_bin: int, base: F64, centre: int) -> BinSpan:
    """Return the span without empty ends, float32; an empty one stands at ``centre``."""
    stored = base.astype(np.float32)
    filled = np.flatnonzero(stored)
    if not len(filled):
        return BinSpan(centre, np.empty(0, dtype=np.float32))
    return BinSpan(first_bin + int(filled[0]), stored[filled[0] : filled[-1] + 1])


def book_to_bytes(book: Book) -> bytes:
    """Return the book as bytes: the same book gives the same bytes, and back again bit for bit (I4, I5).

    Only live bins are kept, so that how far the arrays had grown does not show.
    """
    filled = book.live_low <= book.live_high  # (2,) a side that holds nothing has no bins to count
    low, high = (int(book.live_low[filled].min()), int(book.live_high[filled].max())) if filled.any() else (0, -1)
    lead = low - book.first_bin
    kept = book.base[:, :, lead : lead + high - low + 1] if high >= low else book.base[:, :, :0]
    buffer = io.BytesIO()
    np.savez(
        buffer,
        base=kept,
        integers=np.array([low, book.close_ms, *book.live_low, *book.live_high], dtype=np.int64),
        scalars=np.array([book.open_interest_base, book.price]),
        sides=np.stack([book.total_base, book.unplaced_base, book.opened_base, book.liquidated_base, book.closed_base]),
    )
    return buffer.getvalue()


def book_from_bytes(stored: bytes) -> Book:
    """Return the book that ``book_to_bytes`` stored."""
    with np.load(io.BytesIO(stored), allow_pickle=False) as arrays:
        integers, scalars, sides = arrays["integers"], arrays["scalars"], arrays["sides"]
        return Book(
            arrays["base"], int(integers[0]), integers[2:4].copy(), integers[4:6].copy(), sides[0].copy(),
            sides[1].copy(), float(scalars[0]), int(integers[1]), float(scalars[1]), sides[2].copy(),
            sides[3].copy(), sides[4].copy(),
        )  # fmt: skip
