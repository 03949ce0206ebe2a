"""Margin tiers as venues tell them, in quote currency."""

from __future__ import annotations

from typing import Any

from liqgrid.engine.collect.venues.contract import Contract, positive
from liqgrid.engine.market.tiers import TierSet, tier_set


async def fetch_tiers(exchange: Any, contract: Contract, price: float, valid_from_ms: int) -> TierSet:
    """Return the tiers in force now, of a venue that bounds them in quote currency, or in base where inverse.

    Raises
    ------
    BadData
        If they do not ascend.
    """
    found = await exchange.fetch_market_leverage_tiers(contract.symbol)
    return tiers_of(found, valid_from_ms, 1.0 if contract.linear else price)


async def fetch_tiers_in_contracts(exchange: Any, contract: Contract, price: float, valid_from_ms: int) -> TierSet:
    """Return the tiers in force now, of a venue that bounds them in contracts: what ccxt calls notional is a count."""
    found = await exchange.fetch_market_leverage_tiers(contract.symbol)
    return tiers_of(found, valid_from_ms, contract.base_from_contracts(1, price) * price)


def tiers_of(found: list[dict[str, Any]], valid_from_ms: int, quote_per_unit: float) -> TierSet:
    """Return ccxt's tiers, whose caps are in units of ``quote_per_unit`` quote currency.

    A venue may repeat a rate in the next tier, where only the leverage differs; such tiers are one here.
    """
    brackets: list[tuple[float, float, float]] = []
    for tier in sorted(found, key=lambda tier: float(tier["maxNotional"])):
        bracket = (
            positive(tier["maxNotional"], "a tier's cap") * quote_per_unit,
            positive(tier["maintenanceMarginRate"], "a maintenance margin rate"),
            positive(tier["maxLeverage"], "a leverage"),
        )
        if brackets and brackets[-1][1] == bracket[1]:
            brackets[-1] = (bracket[0], bracket[1], brackets[-1][2])
        else:
            brackets.append(bracket)
    return tier_set(valid_from_ms, brackets)
