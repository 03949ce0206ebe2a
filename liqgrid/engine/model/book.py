"""The position book: what the model holds to be outstanding, and its bytes in a checkpoint."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np

from liqgrid.engine.market.arrays import F64, I64

# Columns of ``Book.state``.
SCALE, TOTAL, UNPLACED, LOG_KEPT, OPENED, LIQUIDATED, CLOSED = range(7)

_MARGIN_BINS = 512  # room added when the book must grow, so that it rarely does


@dataclass(slots=True)
class Book:
    """Outstanding base amount per side, leverage class and price bin of the liquidation price; row 0 long, 1 short.

    ``raw`` (2, J, W): a cell holds ``raw × scale`` base units, column w is bin ``first_bin + w``. Only the bins from
    ``live_low`` to ``live_high`` (2, J) of a class (absolute, inclusive) can hold anything. ``open_interest_base``
    with the time of its sample, ``close_ms`` and ``price`` are those of the last bar replayed; NaN and 0 before it.

    ``state`` (2, 7) holds each side as a whole, by the properties below. The ledger counts what happened since the
    start: ``opened`` = total + ``liquidated`` + ``closed`` (I1).
    """

    raw: F64
    first_bin: int
    live_low: I64
    live_high: I64
    state: F64
    open_interest_base: float
    open_interest_ms: int
    close_ms: int
    price: float

    @property
    def base(self) -> F64:
        """Base units per side, class and bin, (2, J, W)."""
        return self.raw * self.state[:, SCALE, None, None]

    @property
    def total_base(self) -> F64:
        """The whole side, (2,) base units, with what is unplaced."""
        return self.state[:, TOTAL]

    @property
    def unplaced_base(self) -> F64:
        """Open interest whose entry prices are unknown, (2,) base units."""
        return self.state[:, UNPLACED]

    @property
    def log_kept(self) -> F64:
        """Sum of the logarithms of what closing left of the side, (2,).

        A level that rested untouched between two closes has become exp(difference) of what it was; a gap that unplaced
        everything subtracts 10⁶, so that exp gives 0.
        """
        return self.state[:, LOG_KEPT]

    @property
    def opened_base(self) -> F64:
        """What opened since the start, (2,) base units."""
        return self.state[:, OPENED]

    @property
    def liquidated_base(self) -> F64:
        """What was liquidated since the start, (2,) base units."""
        return self.state[:, LIQUIDATED]

    @property
    def closed_base(self) -> F64:
        """What was closed since the start, (2,) base units."""
        return self.state[:, CLOSED]

    def copy(self) -> Book:
        """Return a book that shares nothing with this one."""
        return Book(
            self.raw.copy(), self.first_bin, self.live_low.copy(), self.live_high.copy(), self.state.copy(),
            self.open_interest_base, self.open_interest_ms, self.close_ms, self.price,
        )  # fmt: skip

    def reach(self, low_bin: int, high_bin: int) -> None:
        """Grow ``raw`` so that it covers bins ``low_bin`` … ``high_bin``."""
        width = self.raw.shape[2]
        if width and self.first_bin <= low_bin and high_bin < self.first_bin + width:
            return
        first = min(low_bin, self.first_bin if width else low_bin) - _MARGIN_BINS
        last = max(high_bin, self.first_bin + width - 1 if width else high_bin) + _MARGIN_BINS
        grown = np.zeros((2, self.raw.shape[1], last - first + 1))
        grown[:, :, self.first_bin - first : self.first_bin - first + width] = self.raw
        self.raw, self.first_bin = grown, first


def empty_book(classes: int) -> Book:
    """Return a book before its first bar, with room for ``classes`` leverage classes."""
    state = np.zeros((2, 7))
    state[:, SCALE] = 1.0
    return Book(
        raw=np.zeros((2, classes, 0)),
        first_bin=0,
        live_low=np.zeros((2, classes), dtype=np.int64),
        live_high=np.full((2, classes), -1, dtype=np.int64),
        state=state,
        open_interest_base=float("nan"),
        open_interest_ms=0,
        close_ms=0,
        price=float("nan"),
    )


def book_to_bytes(book: Book) -> bytes:
    """Return the book as bytes: the same book gives the same bytes, and back again bit for bit (I4, I5).

    Only live bins are kept, class by class, so that how far the arrays had grown does not show.
    """
    buffer = io.BytesIO()
    for array in (
        np.array([book.open_interest_ms, book.close_ms], dtype=np.int64),
        np.array([book.open_interest_base, book.price]),
        book.state,
        book.live_low,
        book.live_high,
        np.concatenate([np.empty(0), *(book.raw[side, j, live] for side, j, live in _live(book))]),
    ):
        np.lib.format.write_array(buffer, array, version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def book_from_bytes(stored: bytes) -> Book:
    """Return the book that ``book_to_bytes`` stored."""
    buffer = io.BytesIO(stored)
    times, scalars, state, live_low, live_high, cells = (
        np.lib.format.read_array(buffer, allow_pickle=False) for _ in range(6)
    )
    raw = np.zeros((2, live_low.shape[1], 0))
    book = Book(raw, 0, live_low, live_high, state, float(scalars[0]), int(times[0]), int(times[1]), float(scalars[1]))
    filled = live_low <= live_high  # (2, J)
    if filled.any():
        book.reach(int(live_low[filled].min()), int(live_high[filled].max()))
    for side, j, live in _live(book):
        count = live.stop - live.start
        book.raw[side, j, live], cells = cells[:count], cells[count:]
    return book


def _live(book: Book) -> list[tuple[int, int, slice]]:
    """Return side, class and slice of the columns that can hold anything, of every class that holds something."""
    return [
        (side, j, slice(int(low) - book.first_bin, int(high) + 1 - book.first_bin))
        for side in range(2)
        for j, (low, high) in enumerate(zip(book.live_low[side], book.live_high[side], strict=True))
        if low <= high
    ]
