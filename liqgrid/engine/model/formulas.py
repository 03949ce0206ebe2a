"""Liquidation formulas of the venues, isolated margin, by contract and date.

Each gives liquidation price / entry price, which depends on leverage L, maintenance margin rate m, and maintenance
amount ÷ notional d/N alone: no price and no currency. They solve margin + profit = maintenance margin, and differ in
where the venue takes the maintenance margin (at the mark price or at the entry) and in what the contract pays in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.contract import Contract, contract_of
from liqgrid.engine.market.errors import BadData
from liqgrid.engine.market.instrument import Instrument

# (leverage, rate, amount_fraction), (R,) each → factor (2, R), row 0 long and 1 short.
Factors = Callable[[F64, F64, F64], F64]


def linear_at_mark(leverage: F64, rate: F64, amount_fraction: F64) -> F64:
    """Return liquidation / entry price (2, R) of linear contracts whose maintenance margin is taken at the mark price.

    Long (1 − 1/L − d/N) / (1 − m), short (1 + 1/L + d/N) / (1 + m). A long without a level above 0, at 1x, has 0.

    Parameters
    ----------
    leverage
        (R,) >= 1.
    rate
        (R,) maintenance margin rate m, a fraction of notional, < 1.
    amount_fraction
        (R,) maintenance amount ÷ notional at entry, d/N.
    """
    margin = 1 / leverage + amount_fraction  # (R,)
    return np.stack([np.maximum(1 - margin, 0) / (1 - rate), (1 + margin) / (1 + rate)])  # (2, R)


def linear_at_entry(leverage: F64, rate: F64, amount_fraction: F64) -> F64:
    """Return liquidation / entry price (2, R) of linear contracts whose maintenance margin is fixed at the entry.

    Long 1 − (1/L − m + d/N), short 1 + (1/L − m + d/N); parameters as ``linear_at_mark``.
    """
    room = 1 / leverage - rate + amount_fraction  # (R,)
    return np.stack([1 - room, 1 + room])  # (2, R)


def inverse_at_mark(leverage: F64, rate: F64, amount_fraction: F64) -> F64:
    """Return liquidation / entry price (2, R) of inverse contracts whose maintenance margin is taken at the mark price.

    Long (1 + m) / (1 + 1/L + d/N), short (1 − m) / (1 − 1/L − d/N); parameters as ``linear_at_mark``, amount and
    notional in base coin. A 1x short holds the coin that it owes and is never liquidated: infinity.
    """
    margin = 1 / leverage + amount_fraction  # (R,)
    return np.stack([(1 + rate) / (1 + margin), _over(1 - rate, 1 - margin)])  # (2, R)


def inverse_at_entry(leverage: F64, rate: F64, amount_fraction: F64) -> F64:
    """Return liquidation / entry price (2, R) of inverse contracts whose maintenance margin is fixed at the entry.

    Long 1 / (1 + (1/L − m + d/N)), short 1 / (1 − (1/L − m + d/N)); parameters as ``inverse_at_mark``.

    At 1x the venue's formula gives a short a level of about 1/m times the entry, for it still asks for a margin.
    """
    room = 1 / leverage - rate + amount_fraction  # (R,)
    return np.stack([1 / (1 + room), _over(np.ones_like(room), 1 - room)])  # (2, R)


def _over(numerator: F64, denominator: F64) -> F64:
    """Return the quotient, infinity where the denominator is not positive: no rise of the price is enough."""
    with np.errstate(divide="ignore"):
        quotient: F64 = numerator / np.maximum(denominator, 0)
    return quotient


@dataclass(frozen=True, slots=True)
class Formula:
    """A venue's rule from ``valid_from_ms`` on.

    ``name`` stands in every answer. ``taker_fee_fraction`` is added to the maintenance margin rate, where the venue
    wants the fee of the closing order kept as well. ``whole_position``: the rate of a position's bracket holds for all
    of it, and there is no maintenance amount.
    """

    name: str
    valid_from_ms: int
    factors: Factors
    taker_fee_fraction: float = 0.0
    whole_position: bool = False

    def factor(self, leverage: F64, rate: F64, amount_fraction: F64) -> F64:
        """Return liquidation price / entry price (2, R) of positions whose bracket has this rate and d/N, (R,) each."""
        amounts = np.zeros_like(amount_fraction) if self.whole_position else amount_fraction  # (R,)
        return self.factors(leverage, rate + self.taker_fee_fraction, amounts)


_SINCE_EVER = 0
_BYBIT_MARK_MS = 1_756_771_200_000  # 2025-09-02 UTC
# Taker fee of a regular user (Lv1), perpetuals. No earlier one was established, so it stands for all dates.
_OKX_TAKER_FEE = 0.0005

# The rules by venue and contract, ascending by date; a change of any is a new name.
# - Binance: support, "How to Calculate Liquidation Price of USDⓈ-M Futures Contracts" and "… of COIN-M Futures
#   Contracts", with an isolated wallet balance of N/L.
# - Bybit: help, "Liquidation Price Calculation under Isolated Mode (Unified Trading Account)" of 2024-09-10 (margin at
#   entry) and of 2026-05-27 (at mark, inverse formula stated). "The New Margin Calculation: Adjustments and
#   Implications" announces the change for 2 September 2025 and defines the linear maintenance margin at mark, from
#   which the linear formula follows; the linear formula itself was not read, nor when the change reached every account.
# - OKX: margin ratio = (margin + profit) / (value at mark × (tier rate + taker fee)), liquidated at 100 %; read in
#   restatements of the help page and in freqtrade's tests. Partial liquidation from bracket 3 on is not modelled.
# - Hyperliquid: docs, "Liquidations": price − side × margin available / size / (1 − l × side), l = m, the same form.
FORMULA_VERSIONS: dict[tuple[str, Contract], tuple[Formula, ...]] = {
    ("binance", Contract.LINEAR): (Formula("binance-linear-1", _SINCE_EVER, linear_at_mark),),
    ("binance", Contract.INVERSE): (Formula("binance-inverse-1", _SINCE_EVER, inverse_at_mark),),
    ("bybit", Contract.LINEAR): (
        Formula("bybit-linear-1", _SINCE_EVER, linear_at_entry),
        Formula("bybit-linear-2", _BYBIT_MARK_MS, linear_at_mark),
    ),
    ("bybit", Contract.INVERSE): (
        Formula("bybit-inverse-1", _SINCE_EVER, inverse_at_entry),
        Formula("bybit-inverse-2", _BYBIT_MARK_MS, inverse_at_mark),
    ),
    ("okx", Contract.LINEAR): (
        Formula("okx-linear-1", _SINCE_EVER, linear_at_mark, _OKX_TAKER_FEE, whole_position=True),
    ),
    ("okx", Contract.INVERSE): (
        Formula("okx-inverse-1", _SINCE_EVER, inverse_at_mark, _OKX_TAKER_FEE, whole_position=True),
    ),
    ("hyperliquid", Contract.LINEAR): (Formula("hyperliquid-linear-1", _SINCE_EVER, linear_at_mark),),
}


def formulas_of(instrument: Instrument) -> tuple[Formula, ...]:
    """Return the venue's rules for an instrument, ascending by date; the first holds since ever.

    Raises
    ------
    BadData
        If the venue has none here.
    """
    contract = contract_of(instrument)
    formulas = FORMULA_VERSIONS.get((instrument.venue, contract))
    if formulas is None:
        known = ", ".join(f"{venue} {kind}" for venue, kind in FORMULA_VERSIONS)
        raise BadData(
            f"{instrument}: no liquidation formula for {contract} contracts of venue {instrument.venue!r}; "
            f"there are some for {known}"
        )
    return formulas


def formula_at(instrument: Instrument, at_ms: int) -> Formula:
    """Return the rule in force at ``at_ms``; raises as ``formulas_of``."""
    return [formula for formula in formulas_of(instrument) if formula.valid_from_ms <= at_ms][-1]


def formula_version(instrument: Instrument) -> str:
    """Return the name of the newest rule, which stands for it and those before it; raises as ``formulas_of``."""
    return formulas_of(instrument)[-1].name
