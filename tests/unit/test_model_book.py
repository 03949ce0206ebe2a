"""The book's passage into columns and checkpoints."""

from __future__ import annotations

import numpy as np
import pytest

from liqgrid.engine.market.axis import COLUMN_REACH, bin_of, mid_prices
from liqgrid.engine.market.grid import BLOCK_BINS
from liqgrid.engine.model.book import SCALE, Book, book_from_bytes, book_to_bytes, empty_book
from tests.snapshots import column_of

PRICE = 100.0
CENTRE = bin_of(PRICE)
LONG, SHORT = 0, 1


def book_with(*amounts: tuple[int, int, int, float]) -> Book:
    """A book at 100 that holds (side, class, bin, base)."""
    book = empty_book(2)
    for side, j, k, base in amounts:
        book.reach(k, k)
        book.raw[side, j, k - book.first_bin] = base
        empty = book.live_low[side, j] > book.live_high[side, j]
        book.live_low[side, j] = k if empty else min(book.live_low[side, j], k)
        book.live_high[side, j] = k if empty else max(book.live_high[side, j], k)
    book.price, book.close_ms, book.open_interest_base = PRICE, 1_000, 5.0
    return book


def test_a_column_sums_the_classes_and_is_trimmed() -> None:
    book = book_with((LONG, 0, CENTRE - 5, 1.0), (LONG, 1, CENTRE - 5, 0.5), (LONG, 1, CENTRE - 2, 2.0))
    column = column_of(book, LONG)
    assert column.first_bin == CENTRE - 5
    assert column.base.tolist() == [1.5, 0, 0, 2]
    assert (column.outside_base, column.outside_quote) == (0, 0)


def test_what_lies_beyond_a_factor_of_two_is_in_the_outside_cell() -> None:
    # 1386 bins are a factor of 1.99937, 1387 one of 2.00037: the first is kept, the second is not.
    last, beyond = CENTRE - COLUMN_REACH, CENTRE - COLUMN_REACH - 1
    book = book_with((LONG, 0, last, 3.0), (LONG, 0, beyond, 4.0), (LONG, 1, beyond - 500, 5.0))
    column = column_of(book, LONG)
    assert (column.first_bin, column.base.tolist()) == (last, [3.0])
    assert column.outside_base == 9.0
    by_hand = 4 * mid_prices(beyond, 1)[0] + 5 * mid_prices(beyond - 500, 1)[0]
    assert column.outside_quote == pytest.approx(by_hand, rel=1e-12)
    assert 49.9 < mid_prices(beyond, 1)[0] < PRICE / 2 * 1.0005


def test_shorts_far_above_are_outside_too() -> None:
    last, beyond = CENTRE + COLUMN_REACH, CENTRE + COLUMN_REACH + 1
    column = column_of(book_with((SHORT, 0, last, 3.0), (SHORT, 0, beyond, 4.0)), SHORT)
    assert (column.first_bin, column.base.tolist()) == (last, [3.0])
    assert column.outside_base == 4.0
    assert column.outside_quote == pytest.approx(4 * mid_prices(beyond, 1)[0], rel=1e-12)


@pytest.mark.parametrize("offset", [-5000, 5000])
def test_a_side_that_lies_wholly_outside_has_an_empty_span(offset: int) -> None:
    column = column_of(book_with((LONG, 0, CENTRE + offset, 4.0)), LONG)
    assert (column.first_bin, len(column.base)) == (CENTRE, 0)
    assert column.outside_base == 4.0


def test_a_side_that_holds_nothing_has_an_empty_span_at_the_price() -> None:
    column = column_of(book_with((LONG, 0, CENTRE - 5, 1.0)), SHORT)
    assert (column.first_bin, len(column.base)) == (CENTRE, 0)
    assert (column.outside_base, column.outside_quote) == (0, 0)


def test_a_cell_is_what_it_holds_times_the_scale_of_its_side() -> None:
    book = book_with((LONG, 0, CENTRE - 5, 4.0), (SHORT, 0, CENTRE + 5, 4.0))
    book.state[:, SCALE] = [0.5, 0.25]
    assert book.base.sum(axis=(1, 2)).tolist() == [2.0, 1.0]
    assert column_of(book, LONG).base.tolist() == [2.0]
    assert column_of(book_from_bytes(book_to_bytes(book)), SHORT).base.tolist() == [1.0]


def test_shares_are_the_parts_of_the_classes_in_blocks_of_eight_bins() -> None:
    block = (CENTRE - 40) // BLOCK_BINS
    first, last = block * BLOCK_BINS, block * BLOCK_BINS + BLOCK_BINS - 1
    book = book_with((LONG, 0, first, 1.0), (LONG, 0, last, 1.0), (LONG, 1, last, 6.0), (LONG, 1, last + 1, 0.5))
    # 2 of 8 and 6 of 8, and in the next block all of it, in 255ths.
    assert column_of(book, LONG).shares == {(block, 0): 64, (block, 1): 191, (block + 1, 1): 255}


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
    book.state[:] = np.arange(1, 15).reshape(2, 7) / 7
    book.state[:, SCALE] = 1.0
    back = book_from_bytes(book_to_bytes(book))
    assert back.state.tolist() == book.state.tolist()
    assert (back.price, back.close_ms, back.open_interest_base) == (PRICE, 1_000, 5.0)
    assert column_of(back, LONG).base.tolist() == [1.0]
    assert column_of(back, SHORT).first_bin == CENTRE + 9


def test_an_empty_book_comes_back_from_bytes() -> None:
    back = book_from_bytes(book_to_bytes(empty_book(3)))
    assert back.base.shape[:2] == (2, 3)
    assert np.isnan(back.open_interest_base)
    assert back.close_ms == 0
    assert book_to_bytes(back) == book_to_bytes(empty_book(3))


def test_a_copy_shares_nothing() -> None:
    book = book_with((LONG, 0, CENTRE - 5, 1.0))
    copy = book.copy()
    copy.raw[:] = 9.0
    copy.total_base[:] = 9.0
    copy.live_low[:] = 9
    assert book.base.sum() == 1.0
    assert book.total_base.tolist() == [0, 0]
    assert book.live_low[0, 0] == CENTRE - 5
