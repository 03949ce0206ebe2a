"""The price axis: one universal geometric grid of price bins.

Bin k covers [g^k, g^(k+1)) with g = 1.0005 (5 basis points). The bin of a price never depends on a pair's
history, so grids of venues and of years add by index, and scaling prices by g^n only shifts them by n bins (I7).
"""

from __future__ import annotations

import math

import numpy as np

from liqgrid.engine.market.arrays import F64, I64
from liqgrid.engine.market.errors import BadData

GROWTH = 1.0005
LOG_GROWTH = math.log(GROWTH)
MIN_PRICE = 1e-9
MAX_PRICE = 1e9
# A grid column keeps the bins within a factor of two of its close; what lies beyond is in its outside cell.
COLUMN_FACTOR = 2.0
COLUMN_REACH = math.floor(math.log(COLUMN_FACTOR) / LOG_GROWTH)
# Rounding of log(): a price on an edge, such as g^k itself, must fall in bin k and not in the one below.
_EDGE_TOLERANCE = 1e-9


def coordinates(price: F64) -> F64:
    """Return log(price) / log(g): the price in units of bins, a real number; same shape as ``price``."""
    return np.log(price) / LOG_GROWTH


def bins_of(price: F64) -> I64:
    """Return the bin of each price, same shape; prices are quote per base, > 0."""
    return bins_at(coordinates(price))


def bins_at(coordinate: F64) -> I64:
    """Return the bin of each coordinate, same shape."""
    return np.floor(coordinate + _EDGE_TOLERANCE).astype(np.int64)


def bin_of(price: float) -> int:
    """Return the bin of one price.

    Raises
    ------
    BadData
        If the price is not within [1e-9, 1e9].
    """
    if not MIN_PRICE <= price <= MAX_PRICE:
        raise BadData(f"price was {price!r}; it must be within {MIN_PRICE:g} and {MAX_PRICE:g}", price=price)
    return math.floor(math.log(price) / LOG_GROWTH + _EDGE_TOLERANCE)


def check_price(price: F64) -> None:
    """Raise unless every price is one that bins can be told of.

    Raises
    ------
    BadData
        If one is not within [1e-9, 1e9]; a NaN is not.
    """
    if not (price.min(initial=MAX_PRICE) >= MIN_PRICE and price.max(initial=MIN_PRICE) <= MAX_PRICE):
        was = float(price[~((price >= MIN_PRICE) & (price <= MAX_PRICE))][0])
        raise BadData(f"price was {was!r}; it must be within {MIN_PRICE:g} and {MAX_PRICE:g}", price=was)


def edges(first_bin: int, count: int) -> F64:
    """Return the ``count`` + 1 edges of bins ``first_bin`` … ``first_bin + count - 1``, quote per base."""
    return _powers(np.arange(first_bin, first_bin + count + 1, dtype=np.float64))


def mid_prices(first_bin: int, count: int) -> F64:
    """Return the geometric mid price g^(k + 1/2) of each bin, shape (count,): what base × price = notional uses."""
    return _powers(np.arange(first_bin, first_bin + count, dtype=np.float64) + 0.5)


def _powers(exponent: F64) -> F64:
    price: F64 = np.exp(exponent * LOG_GROWTH)
    return price
