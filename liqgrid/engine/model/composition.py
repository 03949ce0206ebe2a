"""Composition: which leverage classes the levels of a column are made of."""

from __future__ import annotations

import numpy as np

from liqgrid.engine.market.arrays import F64, U8
from liqgrid.engine.market.axis import mid_prices
from liqgrid.engine.market.grid import BLOCK_BINS


def notional_by_class(span_first_bin: int, shares: U8, first_bin: int, base: F64) -> F64:
    """Return the notional of each leverage class, (J,) quote currency; together that of ``base``.

    Parameters
    ----------
    span_first_bin, shares
        First bin of a stored side, and its (B, J) parts of each class in 255ths, a row for every block of BLOCK_BINS
        bins from that bin's on.
    first_bin, base
        Some bins of that side: (P,) base units.
    """
    held = np.flatnonzero(base)  # what holds nothing may lie outside the stored span
    if not len(held):
        return np.zeros(shares.shape[1])
    parts = shares[(first_bin + held) // BLOCK_BINS - span_first_bin // BLOCK_BINS].astype(np.float64)  # (H, J)
    notional = (base * mid_prices(first_bin, len(base)))[held]  # (H,)
    # 255ths are rounded, so a row adds up to 255 only nearly.
    by_class: F64 = (notional / parts.sum(axis=1)) @ parts
    return by_class
