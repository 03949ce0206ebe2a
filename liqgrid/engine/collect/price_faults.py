"""What no source may say of a bar, whatever it is written in."""

from __future__ import annotations

import numpy as np

from liqgrid.engine.collect.csv_faults import Fault
from liqgrid.engine.market.arrays import F64, Bool
from liqgrid.engine.market.axis import MAX_PRICE, MIN_PRICE

_MAX_COUNT = 2.0**53  # beyond it floats skip whole numbers


def price_faults(opened: F64, high: F64, low: F64, close: F64) -> list[Fault]:
    """Return where the prices of bars, (T,) each, are beyond the price axis or contradict each other."""
    prices = {"open": opened, "high": high, "low": low, "close": close}
    faults: list[Fault] = [
        ((values < MIN_PRICE) | (values > MAX_PRICE), name, f"must be within {MIN_PRICE:g} and {MAX_PRICE:g}")
        for name, values in prices.items()
    ]
    faults.append((high < low, "high", "is below low"))
    faults += [(high < prices[name], "high", f"is below {name}") for name in ("open", "close")]
    return faults + [(low > prices[name], "low", f"is above {name}") for name in ("open", "close")]


def is_count(values: F64) -> Bool:
    """Return which values, (T,), are whole numbers that floats can hold, or unknown."""
    counts: Bool = ~((values != np.floor(values)) & np.isfinite(values) | (values > _MAX_COUNT))
    return counts
