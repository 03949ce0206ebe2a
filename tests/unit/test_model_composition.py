"""Composition on numbers small enough to work out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from liqgrid.engine.market.axis import mid_prices
from liqgrid.engine.model.composition import notional_by_class

SHARES = np.array([[255, 0], [51, 204], [0, 254]], dtype=np.uint8)  # blocks 100, 101 and 102


def test_a_bin_has_the_shares_of_its_block() -> None:
    base = np.array([1.0, 2.0, 4.0])  # bins 807 (block 100), 808 and 809 (block 101)
    mids = mid_prices(807, 3)
    by_class = notional_by_class(803, SHARES, 807, base)
    assert by_class == pytest.approx([mids[0] + 0.2 * (2 * mids[1] + 4 * mids[2]), 0.8 * (2 * mids[1] + 4 * mids[2])])


def test_the_first_bin_of_the_span_tells_the_first_block() -> None:
    for span_first_bin in (800, 807):
        assert notional_by_class(span_first_bin, SHARES, 816, np.array([1.0]))[0] == 0
    assert notional_by_class(808, SHARES, 808, np.array([1.0]))[1] == 0


def test_classes_add_up_to_the_notional_though_255ths_are_rounded() -> None:
    base = np.array([3.0, 5.0])
    assert notional_by_class(800, SHARES, 815, base).sum() == pytest.approx(base @ mid_prices(815, 2), rel=1e-12)


def test_bins_that_hold_nothing_may_lie_outside_the_span() -> None:
    assert notional_by_class(800, SHARES, 780, np.zeros(100)).tolist() == [0, 0]
    assert notional_by_class(800, SHARES[:0], 780, np.zeros(3)).tolist() == [0, 0]
    padded = np.zeros(60)
    padded[25] = 2.0  # bin 805
    assert notional_by_class(800, SHARES, 780, padded)[0] == pytest.approx(2 * mid_prices(805, 1)[0])
