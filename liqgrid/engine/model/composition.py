"""Composition: which leverage classes the levels of a column are made of."""

from __future__ import annotations

import numpy as np

from liqgrid.engine.market.arrays import F64, U8
from liqgrid.engine.market.axis import COLUMN_REACH, bin_of, mid_prices
from liqgrid.engine.market.grid import BLOCK_BINS
from liqgrid.engine.market.instrument import Side


def notional_by_class(side: Side, price: float, shares: U8, first_bin: int, base: F64) -> F64:
    """Return the notional of each leverage class, (J,) quote currency; together that of ``base``.

    Parameters
    ----------
    side, price
        Of the column: they tell which bin is its farthest below, and the first of its blocks.
    shares
        (J, SHARE_BLOCKS) of that side, the part of each class in each block of BLOCK_BINS bins, in 255ths.
    first_bin, base
        Some bins of that side: (P,) base units.
    """
    held = np.flatnonzero(base)  # what holds nothing may lie beyond the column
    lowest = bin_of(price) - COLUMN_REACH if side is Side.LONG else bin_of(price) + 1
    parts = shares[:, (first_bin + held) // BLOCK_BINS - lowest // BLOCK_BINS].astype(np.float64)  # (J, H)
    notional = (base * mid_prices(first_bin, len(base)))[held]  # (H,)
    # 255ths are rounded, so a block's add up to 255 only nearly.
    by_class: F64 = parts @ (notional / parts.sum(axis=0))
    return by_class
