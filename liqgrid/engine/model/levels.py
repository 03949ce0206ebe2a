"""Liquidation prices: where the venue force-closes a position opened at a given price.

A venue's rule makes the liquidation price a multiple of the entry price that depends only on leverage, tier and
side. So one factor per leverage class says everything, and in log price a class is a shift.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.errors import BadData
from liqgrid.engine.market.instrument import Instrument
from liqgrid.engine.market.tiers import Tier, TierSet
from liqgrid.engine.model.parameters import ModelParameters

# Formulas by venue, with the version each answer names; other venues join here.
FORMULA_VERSIONS = {"binance": "binance-linear-1"}


@dataclass(frozen=True, slots=True)
class LevelTable:
    """The leverage profile with the liquidation factor of each class, classes ascending by leverage.

    ``leverage`` (J,) >= 2; ``weight`` (J,) share of what opens, sums to 1, 0 where the venue does not offer the
    leverage; ``factor`` (2, J) liquidation price / entry price, row 0 long (< 1), row 1 short (> 1).
    """

    leverage: F64
    weight: F64
    factor: F64


def linear_factors(leverage: F64, rate: F64, amount_fraction: F64) -> F64:
    """Return liquidation price / entry price of isolated linear positions, shape (2, J): long, short.

    Parameters
    ----------
    leverage
        (J,) >= 1.
    rate
        (J,) maintenance margin rate m, a fraction of notional.
    amount_fraction
        (J,) maintenance amount ÷ notional, d/N.

    Notes
    -----
    Binance charges the margin at the mark price: long (1 − 1/L − d/N) / (1 − m), short (1 + 1/L + d/N) / (1 + m).
    Source: Binance support, "How to Calculate Liquidation Price of USDⓈ-M Futures Contracts", with isolated margin.
    """
    margin = 1 / leverage + amount_fraction  # (J,)
    return np.stack([(1 - margin) / (1 - rate), (1 + margin) / (1 + rate)])  # (2, J)


def level_table(instrument: Instrument, tiers: TierSet, parameters: ModelParameters) -> LevelTable:
    """Return the level table of an instrument under one tier set.

    A position's tier follows from its assumed notional, or from the largest notional the venue allows at that
    leverage where that is smaller. Classes above the venue's highest leverage get no weight.

    Raises
    ------
    BadData
        If the venue has no formula here, or a tier would liquidate a position at its entry.
    """
    if instrument.venue not in FORMULA_VERSIONS:
        raise BadData(
            f"{instrument}: no liquidation formula for venue {instrument.venue!r}; "
            f"there is one for {', '.join(FORMULA_VERSIONS)}"
        )
    leverage = np.array(parameters.leverages, dtype=np.float64)  # (J,)
    offered = np.array([tiers.tiers[0].max_leverage >= x for x in parameters.leverages])  # (J,)
    if not offered.any():
        raise BadData(f"{instrument}: highest leverage was {tiers.tiers[0].max_leverage:g}, below every class")
    chosen = [_tier_of(tiers, x, parameters.position_notional_quote) for x in parameters.leverages]
    rate = np.array([tier.maintenance_margin_rate for tier, _ in chosen])  # (J,)
    amount_fraction = np.array([tier.maintenance_amount_quote / notional for tier, notional in chosen])  # (J,)
    factor = linear_factors(leverage, rate, amount_fraction)  # (2, J)
    if not ((factor[0] < 1) & (factor[1] > 1))[offered].all():
        raise BadData(f"{instrument}: a margin tier leaves no room between entry and liquidation; check its rates")
    weight = np.where(offered, leverage**parameters.profile_exponent, 0.0)
    return LevelTable(leverage, weight / weight.sum(), factor)


def _tier_of(tiers: TierSet, leverage: float, notional_quote: float) -> tuple[Tier, float]:
    """Return the tier of a position of this leverage, and the notional it is taken at."""
    allowed = [tier for tier in tiers.tiers if tier.max_leverage >= leverage] or [tiers.tiers[0]]
    if notional_quote < allowed[-1].cap_quote:
        return tiers.at(notional_quote), notional_quote
    return allowed[-1], allowed[-1].cap_quote
