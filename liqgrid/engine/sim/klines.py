"""Bars of any interval out of one-minute bars."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from liqgrid.engine.market.arrays import F64, I64
from liqgrid.engine.sim.tape import MINUTE_MS, Minutes

_AT_CLOSE = {"open_interest_base", "long_accounts", "short_accounts", "lean"}


def grouped(minutes: Minutes, interval_ms: int) -> Minutes:
    """Return bars of ``interval_ms`` that begin on its multiples; the first and last hold what minutes there are."""
    if interval_ms == MINUTE_MS or not len(minutes):
        return minutes
    group = minutes.open_ms // interval_ms  # (M,)
    first = np.flatnonzero(np.diff(group, prepend=-1))  # (N,)
    last = np.append(first[1:], len(minutes)) - 1  # (N,)
    columns = {}
    for one in fields(Minutes):
        column = getattr(minutes, one.name)
        columns[one.name] = column[last] if one.name in _AT_CLOSE else np.add.reduceat(column, first, axis=-1)
    columns["open_ms"] = group[first] * interval_ms
    columns["prices"] = _prices(minutes.prices, first, last)
    return Minutes(**columns)


def _prices(prices: F64, first: I64, last: I64) -> F64:
    return np.stack(
        [
            prices[:, 0, first],
            np.maximum.reduceat(prices[:, 1], first, axis=1),
            np.minimum.reduceat(prices[:, 2], first, axis=1),
            prices[:, 3, last],
        ],
        axis=1,
    )
