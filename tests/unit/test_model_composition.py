"""Composition on numbers small enough to work out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from liqgrid.engine.market.axis import COLUMN_REACH, mid_prices
from liqgrid.engine.market.grid import SHARE_BLOCKS
from liqgrid.engine.market.instrument import Side
from liqgrid.engine.model.composition import notional_by_class

# A short side of a column whose price is in bin 802, so that its first bin 803 lies in block 100.
PRICE = float(mid_prices(802, 1)[0])
SHARES = np.zeros((2, SHARE_BLOCKS), dtype=np.uint8)
SHARES[:, :3] = np.array([[255, 51, 0], [0, 204, 254]])


def test_a_bin_has_the_shares_of_its_block() -> None:
    base = np.array([1.0, 2.0, 4.0])  # bins 807 (block 100), 808 and 809 (block 101)
    mids = mid_prices(807, 3)
    by_class = notional_by_class(Side.SHORT, PRICE, SHARES, 807, base)
    assert by_class == pytest.approx([mids[0] + 0.2 * (2 * mids[1] + 4 * mids[2]), 0.8 * (2 * mids[1] + 4 * mids[2])])


def test_blocks_count_from_the_bin_farthest_below() -> None:
    far = float(mid_prices(803 + COLUMN_REACH, 1)[0])  # of a long side, whose first bin is then 803
    base = np.array([1.0, 2.0, 4.0])
    longs, shorts = (
        notional_by_class(side, at, SHARES, 807, base) for side, at in ((Side.LONG, far), (Side.SHORT, PRICE))
    )
    assert longs.tolist() == shorts.tolist()
    block_later = notional_by_class(Side.SHORT, float(mid_prices(807, 1)[0]), SHARES, 816, np.array([1.0]))
    assert block_later == pytest.approx([0.2 * mid_prices(816, 1)[0], 0.8 * mid_prices(816, 1)[0]])


def test_classes_add_up_to_the_notional_though_255ths_are_rounded() -> None:
    base = np.array([3.0, 5.0])
    by_class = notional_by_class(Side.SHORT, PRICE, SHARES, 815, base)
    assert by_class.sum() == pytest.approx(base @ mid_prices(815, 2), rel=1e-12)


def test_bins_that_hold_nothing_may_lie_beyond_the_column() -> None:
    assert notional_by_class(Side.SHORT, PRICE, SHARES, 700, np.zeros(3000)).tolist() == [0, 0]
    padded = np.zeros(3000)
    padded[105] = 2.0  # bin 805
    assert notional_by_class(Side.SHORT, PRICE, SHARES, 700, padded)[0] == pytest.approx(2 * mid_prices(805, 1)[0])
