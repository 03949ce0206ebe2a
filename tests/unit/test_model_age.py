"""Age on numbers small enough to work out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from liqgrid.engine.market.axis import edges, mid_prices
from liqgrid.engine.market.instrument import Side
from liqgrid.engine.model.age import split_by_age, still_there, swept

BASE = np.array([8.0, 4.0, 2.0, 1.0])  # bins 100 to 103
HALF = math.log(0.5)


def between(low_bin: int, high_bin: int) -> tuple[float, float]:
    low, high = (float(mid_prices(k, 1)[0]) for k in (low_bin, high_bin))
    return low, high


def test_longs_rest_under_the_bin_of_the_low() -> None:
    assert still_there(Side.LONG, 100, BASE, HALF, *between(102, 500)).tolist() == [4, 2, 0, 0]
    assert swept(Side.LONG, 100, BASE, HALF, *between(102, 500)) == pytest.approx(1.5)


def test_shorts_rest_over_the_bin_of_the_high() -> None:
    assert still_there(Side.SHORT, 100, BASE, HALF, *between(50, 102)).tolist() == [0, 0, 0, 0.5]
    assert swept(Side.SHORT, 100, BASE, HALF, *between(50, 102)) == pytest.approx(7)


def test_an_edge_belongs_to_the_bin_above() -> None:
    edge = float(edges(102, 0)[0])
    assert still_there(Side.LONG, 100, BASE, 0.0, edge, edge).tolist() == [8, 4, 0, 0]
    assert still_there(Side.SHORT, 100, BASE, 0.0, edge, edge).tolist() == [0, 0, 0, 1]


def test_nothing_is_kept_across_a_gap_that_makes_the_book_forget() -> None:
    assert not still_there(Side.LONG, 100, BASE, -1e6, *between(500, 500)).any()


def test_what_is_older_is_cut_to_what_rests() -> None:
    older = [np.array([8.5, 3.0, 0.0, 0.0]), np.array([1.0, 3.5, 0.0, 0.0])]
    assert split_by_age(BASE, older).tolist() == [[0, 1, 2, 1], [7, 0, 0, 0], [1, 3, 0, 0]]
