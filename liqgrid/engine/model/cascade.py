"""What if: the liquidations of a price that travels from where it stands along given targets.

A fall liquidates the longs of every bin it enters, a rise the shorts, as the replay's step 1 does; nothing opens or
closes meanwhile. With impact, what is liquidated moves the price further, which may liquidate more: a leg ends at the
nearest price that is its target displaced by the impact of all that was liquidated on the way there (docs/model.md,
"What if").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from liqgrid.engine.market.arrays import F64, I64
from liqgrid.engine.market.axis import COLUMN_FACTOR, MAX_PRICE, MIN_PRICE, bin_of, mid_prices
from liqgrid.engine.market.instrument import SIDES, Side
from liqgrid.engine.model.impact import Impact

NO_SIDE = -1  # of a leg that does not move


@dataclass(frozen=True, slots=True)
class Steps:
    """What is liquidated, bin by bin in order of travel, (N,) each; bins that hold nothing are left out.

    ``leg`` counts from 0; ``side_row`` is 0 long, 1 short; ``price`` the bin's mid price, quote per base.
    """

    leg: I64
    side_row: I64
    price: F64
    base: F64
    notional_quote: F64


@dataclass(frozen=True, slots=True)
class Legs:
    """One row per target, (L,) each: prices quote per base, amounts in base units or quote currency.

    ``side_row`` is 0 for a fall, which liquidates longs, 1 for a rise, -1 where the target is the one before.
    ``overshoot_quote`` is the part of ``notional_quote`` beyond the bin of the target. ``at_column_end`` (bool): the
    impact would have carried the price further than a factor of two from the column's, where columns end.
    """

    start: F64
    target: F64
    end: F64
    side_row: I64
    base: F64
    notional_quote: F64
    overshoot_quote: F64
    at_column_end: I64


@dataclass(frozen=True, slots=True)
class Cascade:
    """What a travel liquidates.

    ``base`` and ``notional_quote`` (2,) are totals, long and short; ``placed_quote`` (2,) what the bins held before;
    ``triggered_quote`` what the same travel without impact would not have liquidated.
    """

    steps: Steps
    legs: Legs
    base: F64
    notional_quote: F64
    placed_quote: F64
    triggered_quote: float

    @property
    def end_price(self) -> float:
        """Where the price ends, quote per base."""
        return float(self.legs.end[-1])


def run_cascade(first_bin: int, base: F64, price: float, path: Sequence[float], impact: Impact | None) -> Cascade:
    """Return what a price liquidates that travels from ``price`` along ``path``.

    Parameters
    ----------
    first_bin
        Bin of ``base[:, 0]``.
    base
        (2, P) base units per bin, row 0 long and 1 short.
    price
        Where the travel begins, quote per base.
    path
        Targets in order, at least one, each within the price axis.
    impact
        None for none.
    """
    books = tuple(_Outwards.of(side, first_bin, base[side.row]) for side in SIDES)
    legs, reached = _travel(books, price, path, impact)
    plainly = reached if impact is None else _travel(books, price, path, None)[1]
    return Cascade(
        steps=_steps(books, legs),
        legs=_legs(books, legs),
        base=np.array([book.base[:stop].sum() for book, stop in zip(books, reached, strict=True)]),
        notional_quote=np.array([book.running_quote[stop] for book, stop in zip(books, reached, strict=True)]),
        placed_quote=np.array([book.running_quote[-1] for book in books]),
        triggered_quote=sum(
            book.between_quote(plain, stop) for book, plain, stop in zip(books, plainly, reached, strict=True)
        ),
    )


@dataclass(frozen=True, slots=True)
class _Outwards:
    """One side in the order in which a travel meets its bins: longs from the highest down, shorts from the lowest up.

    ``price``, ``base``, ``notional_quote`` (P,); ``running_quote`` (P + 1,) what the first 0, 1, … P bins hold. What a
    travel has liquidated is always the first so many of them.
    """

    side: Side
    nearest_bin: int
    price: F64
    base: F64
    notional_quote: F64
    running_quote: F64

    @classmethod
    def of(cls, side: Side, first_bin: int, base: F64) -> _Outwards:
        falling = side is Side.LONG
        order = slice(None, None, -1) if falling else slice(None)
        mids = mid_prices(first_bin, len(base))
        notional_quote = (base * mids)[order]
        return cls(
            side=side,
            nearest_bin=first_bin + len(base) - 1 if falling else first_bin,
            price=mids[order],
            base=base[order],
            notional_quote=notional_quote,
            running_quote=np.concatenate([[0.0], np.cumsum(notional_quote)]),
        )

    def count(self, price: float) -> int:
        """Return how many bins a travel to ``price`` enters, that of the price among them."""
        beyond = self.nearest_bin - bin_of(price) if self.side is Side.LONG else bin_of(price) - self.nearest_bin
        return min(max(beyond + 1, 0), len(self.base))

    def between_quote(self, begin: int, stop: int) -> float:
        """Return what the bins from one count to another hold, 0 if the second is not the larger."""
        return float(self.running_quote[max(begin, stop)] - self.running_quote[begin])


@dataclass(frozen=True, slots=True)
class _Leg:
    """A leg done: it liquidated the bins ``begin`` … ``stop`` of its side, in order of travel."""

    row: int
    start: float
    target: float
    end: float
    begin: int
    stop: int
    at_column_end: bool


def _travel(
    books: tuple[_Outwards, ...], price: float, path: Sequence[float], impact: Impact | None
) -> tuple[list[_Leg], list[int]]:
    """Return the legs, and how many bins of each side they liquidate.

    Legs that go the same way one after the other push together; a turn begins anew.
    """
    legs: list[_Leg] = []
    aimed = end = price
    liquidated = [0, 0]
    pushing_row, pushing_from = NO_SIDE, 0
    for target in path:
        start = end
        if target == aimed:
            legs.append(_Leg(NO_SIDE, start, target, end, 0, 0, at_column_end=False))
            continue
        row = (Side.LONG if target < aimed else Side.SHORT).row
        book = books[row]
        if row != pushing_row:
            pushing_row, pushing_from = row, liquidated[row]
        begin = liquidated[row]
        end, stop, at_column_end = _settle(book, price, target, pushing_from, max(begin, book.count(target)), impact)
        legs.append(_Leg(row, start, target, end, begin, stop, at_column_end))
        liquidated[row], aimed = stop, target
    return legs, liquidated


def _settle(
    book: _Outwards, price: float, target: float, pushing_from: int, stop: int, impact: Impact | None
) -> tuple[float, int, bool]:
    """Return where a leg ends, how many bins are liquidated by then, and whether the column's end stopped it.

    From the target outwards: what is liquidated displaces the target, the bins up to there are liquidated too, and so
    on until no bin more is reached. Each round takes in at least one more bin, so there are at most P.
    """
    if impact is None:
        return target, stop, False
    # A target beyond the column is where the caller sends the price; nothing is known there to push it on.
    falls = book.side is Side.LONG
    column_end = max(price / COLUMN_FACTOR, MIN_PRICE) if falls else min(price * COLUMN_FACTOR, MAX_PRICE)
    furthest = min(target, column_end) if falls else max(target, column_end)
    log_room = abs(math.log(furthest / target))
    while True:
        log_move = impact.log_move(book.between_quote(pushing_from, stop))
        at_column_end = log_move > log_room
        end = furthest if at_column_end else target * math.exp(-log_move if falls else log_move)
        reached = book.count(end)
        if reached <= stop:
            return end, stop, at_column_end
        stop = reached


def _steps(books: tuple[_Outwards, ...], legs: list[_Leg]) -> Steps:
    columns: tuple[list[F64], ...] = ([np.empty(0)], [np.empty(0)], [np.empty(0)])
    numbers, rows = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for number, leg in enumerate(legs):
        if leg.stop <= leg.begin:
            continue
        book = books[leg.row]
        filled = np.flatnonzero(book.base[leg.begin : leg.stop]) + leg.begin  # (N of the leg,)
        for column, values in zip(columns, (book.price, book.base, book.notional_quote), strict=True):
            column.append(values[filled])
        numbers.append(np.full(len(filled), number))
        rows.append(np.full(len(filled), leg.row))
    price, base, notional_quote = (np.concatenate(column) for column in columns)
    return Steps(np.concatenate(numbers), np.concatenate(rows), price, base, notional_quote)


def _legs(books: tuple[_Outwards, ...], legs: list[_Leg]) -> Legs:
    amounts = np.zeros((3, len(legs)))  # base, notional, overshoot
    for number, leg in enumerate(legs):
        if leg.row != NO_SIDE:
            book = books[leg.row]
            amounts[:, number] = (
                book.base[leg.begin : leg.stop].sum(),
                book.between_quote(leg.begin, leg.stop),
                book.between_quote(max(leg.begin, book.count(leg.target)), leg.stop),
            )
    return Legs(
        start=np.array([leg.start for leg in legs]),
        target=np.array([leg.target for leg in legs]),
        end=np.array([leg.end for leg in legs]),
        side_row=np.array([leg.row for leg in legs]),
        base=amounts[0],
        notional_quote=amounts[1],
        overshoot_quote=amounts[2],
        at_column_end=np.array([int(leg.at_column_end) for leg in legs]),
    )
