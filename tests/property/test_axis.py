"""The price axis: bins and edges answer each other exactly, and every price lies inside its bin."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqgrid.engine.market.axis import (
    GROWTH,
    LOG_GROWTH,
    MAX_PRICE,
    MIN_PRICE,
    bin_of,
    bins_of,
    coordinates,
    edges,
    mid_prices,
)

LOWEST, HIGHEST = -41_400, 41_400  # a little inside the bins of 1e-9 and 1e9
prices = st.floats(math.log(MIN_PRICE * 1.001), math.log(MAX_PRICE * 0.999)).map(math.exp)
first_bins = st.integers(LOWEST, HIGHEST - 400)


@given(first_bins, st.integers(0, 400))
def test_the_bin_of_an_edge_is_the_bin_above_it(first_bin: int, count: int) -> None:
    assert bins_of(edges(first_bin, count)).tolist() == list(range(first_bin, first_bin + count + 1))


def test_every_edge_of_the_whole_axis_is_exact() -> None:
    count = HIGHEST - LOWEST
    assert bins_of(edges(LOWEST, count)).tolist() == list(range(LOWEST, HIGHEST + 1))


@given(first_bins, st.integers(0, 400))
def test_the_bin_of_a_mid_price_is_its_own(first_bin: int, count: int) -> None:
    assert bins_of(mid_prices(first_bin, count)).tolist() == list(range(first_bin, first_bin + count))


@given(prices)
def test_a_price_lies_inside_the_edges_of_its_bin(price: float) -> None:
    low, high = edges(bin_of(price), 1)
    assert low * (1 - 1e-11) <= price < high * (1 + 1e-11)
    assert high / low == pytest.approx(GROWTH, rel=1e-10)


@given(prices)
def test_one_price_and_an_array_of_prices_get_the_same_bin(price: float) -> None:
    assert bins_of(np.array([price, price])).tolist() == [bin_of(price)] * 2


@given(st.lists(prices, min_size=2, max_size=20).map(sorted))
def test_bins_ascend_with_prices(ascending: list[float]) -> None:
    assert (np.diff(bins_of(np.array(ascending))) >= 0).all()


@given(prices, st.integers(-1000, 1000))
def test_whole_bins_are_whole_coordinates(price: float, n: int) -> None:
    here, there = coordinates(np.array([price, price * math.exp(n * LOG_GROWTH)]))
    assert there - here == pytest.approx(n, abs=1e-9)


def test_edges_enclose_mids_and_ascend() -> None:
    low_to_high, mids = edges(-5, 10), mid_prices(-5, 10)
    assert len(low_to_high) == 11
    assert len(mids) == 10
    assert ((low_to_high[:-1] < mids) & (mids < low_to_high[1:])).all()
    assert low_to_high[5] == 1.0
