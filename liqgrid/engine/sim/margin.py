"""The venue's margin rules, for many positions at once: written from Binance's rules, apart from the model's code."""

from __future__ import annotations

import numpy as np

from liqgrid.engine.market.arrays import F64, I64
from liqgrid.engine.market.tiers import TierSet


def capped_leverage(tiers: TierSet, notional_quote: F64, leverage: F64) -> F64:
    """Return the leverage, (K,), no higher than the venue allows for the notional."""
    allowed = np.array([tier.max_leverage for tier in tiers.tiers])
    capped: F64 = np.minimum(leverage, allowed[_tier(tiers, notional_quote)])
    return capped


def log_factors(tiers: TierSet, notional_quote: F64, leverage: F64) -> F64:
    """Return ln(liquidation price / entry price), shape (2, K): long < 0, short > 0.

    Binance's isolated linear rule: the position ends where margin + profit = notional at mark × m − d, so at
    E·(1 − 1/L − d/N) / (1 − m) for a long and E·(1 + 1/L + d/N) / (1 + m) for a short.
    """
    tier = _tier(tiers, notional_quote)  # (K,)
    rate = np.array([one.maintenance_margin_rate for one in tiers.tiers])[tier]  # (K,)
    amount = np.array([one.maintenance_amount_quote for one in tiers.tiers])[tier]  # (K,)
    margin = 1 / leverage + amount / notional_quote  # (K,)
    factors: F64 = np.log(np.stack([(1 - margin) / (1 - rate), (1 + margin) / (1 + rate)]))
    return factors


def _tier(tiers: TierSet, notional_quote: F64) -> I64:
    floors = np.array([tier.floor_quote for tier in tiers.tiers])
    return np.searchsorted(floors, notional_quote, side="right") - 1
