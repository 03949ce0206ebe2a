"""Age: how much of what rests in a column was already there at earlier ones (docs/model.md, "Age").

Closing takes the same part of every level of a side, and only the liquidating price takes a level away whole. So what
rested at an earlier column and was not reached since is known without replaying anything.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from liqgrid.engine.market.arrays import F64, Bool
from liqgrid.engine.market.axis import bin_of
from liqgrid.engine.market.instrument import Side

_DAY_MS = 86_400_000
# Where one band of age ends and the next begins, youngest first.
AGE_LIMITS_MS = (_DAY_MS, 7 * _DAY_MS, 30 * _DAY_MS)


def reached_bins(side: Side, first_bin: int, bins: int, lowest: float, highest: float) -> Bool:
    """Return (P,) which bins a liquidating price that moved from ``lowest`` to ``highest`` took from a side."""
    k = np.arange(first_bin, first_bin + bins)
    return k >= bin_of(lowest) if side is Side.LONG else k <= bin_of(highest)


def still_there(side: Side, first_bin: int, base: F64, log_kept: float, lowest: float, highest: float) -> F64:
    """Return what is left of an earlier column's levels, (P,) base units.

    Parameters
    ----------
    side, first_bin, base
        The earlier column: (P,) base units per bin.
    log_kept
        That of the later column less that of the earlier: the logarithm of what closing left.
    lowest, highest
        Range of the liquidating price between them, quote per base.
    """
    left: F64 = np.where(
        reached_bins(side, first_bin, len(base), lowest, highest), 0.0, base * math.exp(min(log_kept, 0.0))
    )
    return left


def swept(side: Side, first_bin: int, base: F64, log_kept: float, lowest: float, highest: float) -> float:
    """Return what the liquidating price took of an earlier column's levels, base units; arguments as `still_there`.

    How much of a level was closed before the price came is known for the whole stretch only, so this is a floor.
    """
    taken = base[reached_bins(side, first_bin, len(base), lowest, highest)]
    return float(taken.sum()) * math.exp(min(log_kept, 0.0))


def split_by_age(base: F64, older: Sequence[F64]) -> F64:
    """Return (A + 1, P) what rests by age, youngest first; the rows add up to ``base``.

    Parameters
    ----------
    base
        (P,) base units that rest now.
    older
        Of each of A limits, the nearest first: (P,) what is older. Nothing is older than what rests, or than what is
        older than a nearer limit; where rounding says so it is cut.
    """
    at_least: F64 = np.minimum.accumulate(np.stack([base, *older]), axis=0)  # (A + 1, P)
    by_age: F64 = at_least - np.concatenate([at_least[1:], np.zeros((1, len(base)))])
    return by_age
