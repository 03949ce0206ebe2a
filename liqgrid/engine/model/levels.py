"""Liquidation levels: where the venue force-closes what opens at a given price, by leverage class.

A venue's rule makes the liquidation price a multiple of the entry price that depends only on leverage, margin bracket
and side. So a few factors per leverage class say everything, and in log price each is a shift.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from liqgrid.engine.market.arrays import F64, I64
from liqgrid.engine.market.axis import LOG_GROWTH
from liqgrid.engine.market.contract import Contract, contract_of
from liqgrid.engine.market.errors import BadData
from liqgrid.engine.market.instrument import Instrument
from liqgrid.engine.market.tiers import Tier, TierSet
from liqgrid.engine.model.formulas import Formula, formula_at, formulas_of
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.model.sizes import SizeDistribution

# Rungs cost time. Those with less than this part of all that opens, or nearer to each other than this part of their
# distance from the entry, are not told apart.
_LEAST_WEIGHT = 0.01
_LEAST_APART = 0.02
# A bracket with less of a class than this has none of it.
_ROUNDING = 1e-15


@dataclass(frozen=True, slots=True)
class LevelTable:
    """The leverage profile as rungs: a class and margin tier, with its weight and liquidation factors.

    ``leverage`` (J,) the classes, ascending, >= 2. Rung r belongs to class ``class_index[r]``, (R,) int64, ascending;
    ``weight`` (R,) its share of what opens, sums to 1; ``factor`` (2, R) liquidation price / entry price, row 0 long
    (< 1), row 1 short (> 1). Rungs with weight 0 are left out, so a class the venue does not offer has none.
    """

    leverage: F64
    class_index: I64
    weight: F64
    factor: F64


@dataclass(frozen=True, slots=True)
class _Bracket:
    """What of one class is in one bracket: its share of the class, and its mean maintenance amount ÷ notional."""

    tier: Tier
    share: float
    amount_fraction: float


@dataclass(frozen=True, slots=True)
class _Rung:
    """One entry of a level table."""

    class_index: int
    weight: float
    long: float
    short: float


def level_table(
    instrument: Instrument, tiers: TierSet, parameters: ModelParameters, at_ms: int | None = None
) -> LevelTable:
    """Return the level table of an instrument for what opens at ``at_ms``; by the newest rule where that is left out.

    Parameters
    ----------
    instrument
        Venue and quote say which rule and contract.
    tiers
        In force at ``at_ms``.
    parameters
        The leverage profile and the distribution of position sizes.
    at_ms
        When the positions open, epoch ms.

    Raises
    ------
    BadData
        If the venue has no rule here, offers no leverage class, or a tier would liquidate a position at its entry.
    """
    formula = formulas_of(instrument)[-1] if at_ms is None else formula_at(instrument, at_ms)
    sizes = size_distribution(instrument, tiers, parameters)
    offered = [x <= tiers.tiers[0].max_leverage for x in parameters.leverages]
    if not any(offered):
        raise BadData(f"{instrument}: highest leverage was {tiers.tiers[0].max_leverage:g}, below every class")
    leverage = np.array(parameters.leverages, dtype=np.float64)  # (J,)
    profile = np.where(offered, leverage**parameters.profile_exponent, 0.0)  # (J,)
    profile /= profile.sum()
    rungs: list[_Rung] = []
    for j in np.flatnonzero(offered).tolist():
        brackets = _brackets(tiers, leverage[j], sizes)
        rungs += _merged(_rungs(instrument, formula, j, leverage[j], profile[j], brackets))
    return LevelTable(
        leverage=leverage,
        class_index=np.array([rung.class_index for rung in rungs], dtype=np.int64),
        weight=np.array([rung.weight for rung in rungs]),
        factor=np.array([[rung.long for rung in rungs], [rung.short for rung in rungs]]),
    )


def size_distribution(instrument: Instrument, tiers: TierSet, parameters: ModelParameters) -> SizeDistribution:
    """Return the position sizes of an instrument, in the unit of its tiers.

    Tiers of inverse contracts are in coin. A price would bind levels to it, so their median is a stated part of the
    venue's own first bracket.
    """
    median = parameters.position_median_quote
    if contract_of(instrument) is Contract.INVERSE and len(tiers.tiers) > 1:
        median = parameters.inverse_median_fraction * tiers.tiers[0].cap_quote
    return SizeDistribution(median, parameters.position_spread)


def rule_changes_ms(instrument: Instrument, tier_sets: tuple[TierSet, ...]) -> list[int]:
    """Return when a level table ceases to hold: the dates of the tier sets and of the venue's rules, ascending."""
    return sorted(
        {tiers.valid_from_ms for tiers in tier_sets} | {formula.valid_from_ms for formula in formulas_of(instrument)}
    )


def _brackets(tiers: TierSet, leverage: float, sizes: SizeDistribution) -> list[_Bracket]:
    """Return the brackets that positions of an offered leverage are in.

    Sizes over what the venue allows at this leverage count at the largest allowed, which is the end of the last.
    """
    allowed = [tier for tier in tiers.tiers if tier.max_leverage >= leverage]
    largest = allowed[-1].cap_quote
    found = []
    for tier in allowed:
        share = sizes.share(tier.floor_quote, tier.cap_quote)
        inverse_sum = sizes.inverse_sum(tier.floor_quote, tier.cap_quote)
        if tier is allowed[-1]:
            beyond = sizes.share(largest, math.inf)
            share, inverse_sum = share + beyond, inverse_sum + beyond / largest
        if share > _ROUNDING:
            found.append(_Bracket(tier, share, tier.maintenance_amount_quote * inverse_sum / share))
    return found


def _rungs(
    instrument: Instrument, formula: Formula, class_index: int, leverage: float, weight: float, brackets: list[_Bracket]
) -> list[_Rung]:
    """Return one rung per bracket of a class whose share of all is ``weight``."""
    factor = formula.factor(
        np.full(len(brackets), leverage),
        np.array([bracket.tier.maintenance_margin_rate for bracket in brackets]),
        np.array([bracket.amount_fraction for bracket in brackets]),
    )  # (2, brackets)
    rungs = []
    for bracket, (long, short) in zip(brackets, factor.T.tolist(), strict=True):
        if not (0 < long < 1 < short < math.inf):
            raise BadData(
                f"{instrument}: {leverage:g}x leaves no room between entry and liquidation in the bracket from "
                f"{bracket.tier.floor_quote:g}, where the rate was {bracket.tier.maintenance_margin_rate:g}; check it"
            )
        rungs.append(_Rung(class_index, weight * bracket.share, long, short))
    return rungs


def _merged(rungs: list[_Rung]) -> list[_Rung]:
    """Return the rungs of one class, neighbours made one where telling them apart changes nothing, nearest first.

    That is where one has under ``_LEAST_WEIGHT`` of all that opens, or their levels are nearer to each other than a
    price bin or than ``_LEAST_APART`` of their distance from the entry. The rung made of two has their mean level.
    """
    kept = list(rungs)
    while True:
        pairs = [
            (apart, i)
            for i, (a, b) in enumerate(pairwise(kept))
            if (apart := _apart(a, b)) < 1 or min(a.weight, b.weight) < _LEAST_WEIGHT
        ]
        if not pairs:
            return kept
        _, i = min(pairs)
        kept[i : i + 2] = [_joined(kept[i], kept[i + 1])]


def _apart(a: _Rung, b: _Rung) -> float:
    """Return how far apart two rungs are on the wider side, in units of what is told apart."""
    levels = ((a.long, b.long), (a.short, b.short))
    return max(
        abs(math.log(x / y)) / max(LOG_GROWTH, _LEAST_APART * min(abs(math.log(x)), abs(math.log(y))))
        for x, y in levels
    )


def _joined(a: _Rung, b: _Rung) -> _Rung:
    weight = a.weight + b.weight
    part = b.weight / weight
    return _Rung(a.class_index, weight, a.long + part * (b.long - a.long), a.short + part * (b.short - a.short))
