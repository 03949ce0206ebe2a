"""The book's passage into columns and checkpoints."""

from __future__ import annotations

import numpy as np
import pytest

from liqgrid.engine.market.axis import COLUMN_REACH, bin_of, mid_prices
from liqgrid.engine.model.book import Book, book_from_bytes, book_to_bytes, empty_book, side_column

PRICE = 100.0
CENTRE = bin_of(PRICE)
LONG, SHORT = 0, 1


def book_with(*amounts: tuple[int, int, int, float]) -> Book:
    """A book at 100 that holds (side, class, bin, base)."""
    book = empty_book(2)
    for side, j, k, base in amounts:
        book.reach(k, k)
        book.base[side, j, k - book.first_bin] = base
        empty = book.live_low[side] > book.live_high[side]
        book.live_low[side] = k if empty else min(book.live_low[side], k)
        book.live_high[side] = k if empty else max(book.live_high[side], k)
    book.price, book.close_ms, book.open_interest_base = PRICE, 1_000, 5.0
    return book


def test_a_column_sums_the_classes_and_is_trimmed() -> None:
    book = book_with((LONG, 0, CENTRE - 5, 1.0), (LONG, 1, CENTRE - 5, 0.5), (LONG, 1, CENTRE - 2, 2.0))
    column = side_column(book, LONG)
    assert column.span.first_bin == CENTRE - 5
    assert column.span.base.tolist() == [1.5, 0, 0, 2]
    assert (column.outside_base, column.outside_quote) == (0, 0)


def test_what_lies_beyond_a_factor_of_two_is_in_the_outside_cell() -> None:
    # 1386 bins are a factor of 1.99937, 1387 one of 2.00037: the first is kept, the second is not.
    last, beyond = CENTRE - COLUMN_REACH, CENTRE - COLUMN_REACH - 1
    book = book_with((LONG, 0, last, 3.0), (LONG, 0, beyond, 4.0), (LONG, 1, beyond - 500, 5.0))
    column = side_column(book, LONG)
    assert (column.span.first_bin, column.span.base.tolist()) == (last, [3.0])
    assert column.outside_base == 9.0
    by_hand = 4 * mid_prices(beyond, 1)[0] + 5 * mid_prices(beyond - 500, 1)[0]
    assert column.outside_quote == pytest.approx(by_hand, rel=1e-12)
    assert 49.9 < mid_prices(beyond, 1)[0] < PRICE / 2 * 1.0005


def test_shorts_far_above_are_outside_too() -> None:
    last, beyond = CENTRE + COLUMN_REACH, CENTRE + COLUMN_REACH + 1
    column = side_column(book_with((SHORT, 0, last, 3.0), (SHORT, 0, beyond, 4.0)), SHORT)
    assert (column.span.first_bin, column.span.base.tolist()) == (last, [3.0])
    assert column.outside_base == 4.0
    assert column.outside_quote == pytest.approx(4 * mid_prices(beyond, 1)[0], rel=1e-12)


@pytest.mark.parametrize("offset", [-5000, 5000])
def test_a_side_that_lies_wholly_outside_has_an_empty_span(offset: int) -> None:
    column = side_column(book_with((LONG, 0, CENTRE + offset, 4.0)), LONG)
    assert (column.span.first_bin, len(column.span.base)) == (CENTRE, 0)
    assert column.outside_base == 4.0


def test_a_side_that_holds_nothing_has_an_empty_span_at_the_price() -> None:
    column = side_column(book_with((LONG, 0, CENTRE - 5, 1.0)), SHORT)
    assert (column.span.first_bin, len(column.span.base)) == (CENTRE, 0)
    assert (column.outside_base, column.outside_quote) == (0, 0)


def test_how_far_a_book_had_grown_does_not_show_in_its_bytes() -> None:
    amounts = ((LONG, 0, CENTRE - 5, 1.0), (SHORT, 1, CENTRE + 9, 2.0))
    grown = book_with(*amounts)
    grown.reach(CENTRE - 9000, CENTRE + 9000)
    assert book_to_bytes(grown) == book_to_bytes(book_with(*amounts))


@pytest.mark.parametrize("shift", [0, -CENTRE - 3000])  # bins above and below zero: prices of 100 and of 0.2
@pytest.mark.parametrize("side", [LONG, SHORT])
def test_a_book_with_one_side_only_comes_back_from_bytes(side: int, shift: int) -> None:
    book = book_with((side, 0, CENTRE + shift, 1.0), (side, 1, CENTRE + shift + 7, 2.0))
    back = book_from_bytes(book_to_bytes(book))
    grown = book.copy()
    grown.reach(CENTRE + shift - 9000, CENTRE + shift + 9000)
    assert book_to_bytes(back) == book_to_bytes(book) == book_to_bytes(grown)
    found = {(j, back.first_bin + w): back.base[side, j, w] for j, w in zip(*np.nonzero(back.base[side]), strict=True)}
    assert found == {(0, CENTRE + shift): 1.0, (1, CENTRE + shift + 7): 2.0}
    assert back.base[1 - side].sum() == 0


def test_everything_of_a_book_comes_back_from_bytes() -> None:
    book = book_with((LONG, 0, CENTRE - 5, 1.0), (SHORT, 1, CENTRE + 9, 2.0))
    for i, name in enumerate(("total_base", "unplaced_base", "opened_base", "liquidated_base", "closed_base")):
        setattr(book, name, np.array([i + 0.1, i + 0.2]))
    back = book_from_bytes(book_to_bytes(book))
    for name in ("total_base", "unplaced_base", "opened_base", "liquidated_base", "closed_base"):
        assert getattr(back, name).tolist() == getattr(book, name).tolist()
    assert (back.price, back.close_ms, back.open_interest_base) == (PRICE, 1_000, 5.0)
    assert side_column(back, LONG).span.base.tolist() == [1.0]
    assert side_column(back, SHORT).span.first_bin == CENTRE + 9


def test_an_empty_book_comes_back_from_bytes() -> None:
    back = book_from_bytes(book_to_bytes(empty_book(3)))
    assert back.base.shape[:2] == (2, 3)
    assert np.isnan(back.open_interest_base)
    assert back.close_ms == 0
    assert book_to_bytes(back) == book_to_bytes(empty_book(3))


def test_a_copy_shares_nothing() -> None:
    book = book_with((LONG, 0, CENTRE - 5, 1.0))
    copy = book.copy()
    copy.base[:] = 9.0
    copy.total_base[:] = 9.0
    copy.live_low[:] = 9
    assert book.base.sum() == 1.0
    assert book.total_base.tolist() == [0, 0]
    assert book.live_low[0] == CENTRE - 5
