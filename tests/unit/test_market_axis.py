"""The price axis on a few prices whose bins can be worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from liqgrid.engine.market.axis import COLUMN_FACTOR, COLUMN_REACH, GROWTH, bin_of, bins_of, edges, mid_prices
from liqgrid.engine.market.errors import BadData


def test_a_bin_is_five_basis_points_wide() -> None:
    # bin 0 is [1, 1.0005), bin 1 is [1.0005, 1.0005² = 1.00100025), bin −1 is [1/1.0005 = 0.99950025, 1)
    by_price = {1.0: 0, 1.0004: 0, 1.0005: 1, 1.0006: 1, 1.00100025: 2, 0.9999: -1, 0.99951: -1, 0.9994: -2}
    assert {price: bin_of(price) for price in by_price} == by_price
    assert bins_of(np.array(list(by_price))).tolist() == list(by_price.values())
    assert edges(-1, 3) == pytest.approx([1 / 1.0005, 1.0, 1.0005, 1.00100025], rel=1e-15)
    assert mid_prices(0, 1) == pytest.approx([math.sqrt(1.0005)], rel=1e-15)


def test_a_column_reaches_a_factor_of_two() -> None:
    # ln 2 / ln 1.0005 = 1386.64: 1386 whole bins
    assert COLUMN_REACH == 1386
    assert GROWTH**COLUMN_REACH <= COLUMN_FACTOR < GROWTH ** (COLUMN_REACH + 1)


def test_no_bins_have_one_edge() -> None:
    assert edges(5, 0) == pytest.approx([1.0005**5])
    assert len(mid_prices(5, 0)) == 0


@pytest.mark.parametrize("price", [0.0, -1.0, math.nan, math.inf, 1e-10, 1.1e9])
def test_a_price_off_the_axis_is_refused(price: float) -> None:
    with pytest.raises(BadData, match="it must be within 1e-09 and 1e"):
        bin_of(price)
