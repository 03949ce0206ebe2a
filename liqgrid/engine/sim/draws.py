"""Everything random of one block of market time, drawn before anything happens in it.

The draws depend on the seed, the symbol and the block's number only, never on who asks or when, so a market is the
same however it is played.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from liqgrid.engine.market.arrays import F64, I64, Bool
from liqgrid.engine.market.tiers import TierSet
from liqgrid.engine.sim.margin import capped_leverage
from liqgrid.engine.sim.parameters import BLOCK_STEPS, DAY_STEPS, STEPS_PER_MINUTE, Habits, PriceModel, SymbolParameters

BLOCK_MINUTES = BLOCK_STEPS // STEPS_PER_MINUTE
_SEED_SHIFT = 1_000_000  # blocks before the origin have negative numbers, seeds have none


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a block hands to the next: volatility relative to its usual as a logarithm, in a fast and a slow part.

    ``premium`` is what the contract's price is above the index by itself, log price.
    """

    fast_volatility: float = 0.0
    slow_volatility: float = 0.0
    premium: float = 0.0


@dataclass(frozen=True, slots=True)
class CommonDraws:
    """What all symbols share in one block: returns (N,), volatility shocks (2, M), and jumps as log returns (N,)."""

    returns: F64
    shocks: F64
    jumps: F64


@dataclass(frozen=True, slots=True)
class Orders:
    """Traders who will open a position in the block, (K,) each, ascending by ``step``.

    ``side_draw`` uniform in [0, 1): below the chance of a long it is one. ``lifetime_steps`` until the trader closes,
    if not liquidated first.
    """

    step: I64
    notional_quote: F64
    leverage: F64
    lifetime_steps: I64
    side_draw: F64


@dataclass(frozen=True, slots=True)
class BlockDraws:
    """Draws of one symbol and block, (N,) per step.

    ``returns`` of the index without forced orders, ``premium`` of the contract and ``noise`` of its last price, in log
    price; ``activity`` trading and ``churn`` passing volume, relative to their usual; ``conditions`` at the end.
    """

    returns: F64
    activity: F64
    premium: F64
    noise: F64
    churn: F64
    orders: Orders
    conditions: Conditions


def draw_common(seed: int, block: int, model: PriceModel) -> CommonDraws:
    """Return what all symbols share in a block."""
    rng = np.random.default_rng([seed, 0, block + _SEED_SHIFT])
    return CommonDraws(
        returns=rng.standard_normal(BLOCK_STEPS),
        shocks=rng.standard_normal((2, BLOCK_MINUTES)),
        jumps=_jumps(rng, model),
    )


def draw_block(
    seed: int, block: int, symbol: SymbolParameters, tiers: TierSet, before: Conditions, common: CommonDraws
) -> BlockDraws:
    """Return the draws of one symbol in a block that follows on ``before``."""
    rng = np.random.default_rng([seed, crc32(symbol.name.encode()), block + _SEED_SHIFT])
    model, habits = symbol.price, symbol.habits
    shared, own = math.sqrt(model.market_correlation), math.sqrt(1 - model.market_correlation)
    shocks = shared * common.shocks + own * rng.standard_normal((2, BLOCK_MINUTES))  # (2, M)
    fast = _reverting(
        before.fast_volatility, shocks[0], model.fast_volatility_sigma, model.fast_volatility_half_life_minutes
    )  # (M,)
    slow = _reverting(
        before.slow_volatility, shocks[1], model.slow_volatility_sigma, model.slow_volatility_half_life_minutes
    )  # (M,)
    spread = model.fast_volatility_sigma**2 + model.slow_volatility_sigma**2
    relative = np.repeat(np.exp(fast + slow - spread), STEPS_PER_MINUTE)  # (N,) mean square 1
    step_sigma = symbol.daily_volatility / math.sqrt(DAY_STEPS)
    returns = shared * common.returns + own * rng.standard_normal(BLOCK_STEPS)  # (N,)
    day = 2 * np.pi * (np.arange(BLOCK_STEPS) + block * BLOCK_STEPS) / DAY_STEPS  # (N,)
    activity = relative * (1 + 0.35 * np.sin(day))  # (N,)
    noise = model.noise_sigma * rng.standard_normal(BLOCK_STEPS)
    wicks = rng.random(BLOCK_STEPS) < model.wick_probability
    noise[wicks] += model.wick_mean * rng.laplace(size=int(wicks.sum()))
    ends = _reverting(
        before.premium, rng.standard_normal(BLOCK_MINUTES), model.premium_sigma, model.premium_half_life_minutes
    )  # (M,) at the end of each minute
    minute = np.arange(1, BLOCK_STEPS + 1) / STEPS_PER_MINUTE  # (N,)
    return BlockDraws(
        returns=returns * relative * step_sigma + common.jumps + _jumps(rng, model),
        activity=activity,
        premium=np.interp(minute, np.arange(BLOCK_MINUTES + 1), np.append(before.premium, ends)),
        noise=noise,
        churn=activity * rng.gamma(2.0, 0.5, BLOCK_STEPS),
        orders=_orders(rng, activity, habits, tiers),
        conditions=Conditions(float(fast[-1]), float(slow[-1]), float(ends[-1])),
    )


def _orders(rng: np.random.Generator, activity: F64, habits: Habits, tiers: TierSet) -> Orders:
    arrivals = rng.poisson(activity * habits.opens_per_minute / STEPS_PER_MINUTE)  # (N,)
    step = np.repeat(np.arange(BLOCK_STEPS), arrivals)  # (K,)
    count = len(step)
    notional = habits.notional_median_quote * np.exp(habits.notional_sigma * rng.standard_normal(count))
    spread = habits.leverage_median * np.exp(habits.leverage_sigma * rng.standard_normal(count))
    rounded = rng.choice(habits.round_leverages, count, p=habits.round_weights)
    leverage = np.where(rng.random(count) < habits.spread_fraction, np.maximum(spread, habits.min_leverage), rounded)
    leverage = capped_leverage(tiers, notional, leverage)
    scalper: Bool = rng.random(count) < habits.scalper_fraction
    median = np.where(scalper, habits.scalper_median_steps, habits.holder_median_steps)
    lifetime = median * np.exp(habits.lifetime_sigma * rng.standard_normal(count))
    lifetime *= (leverage / habits.usual_leverage) ** habits.lifetime_exponent
    return Orders(
        step=step,
        notional_quote=notional,
        leverage=leverage,
        lifetime_steps=np.maximum(lifetime, 1).astype(np.int64),
        side_draw=rng.random(count),
    )


def _reverting(start: float, shocks: F64, sigma: float, half_life: float) -> F64:
    """Return a mean-reverting series, (M,), of stationary spread ``sigma`` that begins after ``start``."""
    keep = 0.5 ** (1 / half_life)
    power = keep ** np.arange(1, len(shocks) + 1)  # (M,) tiny at the end, where the sum is as large: no digit is lost
    series: F64 = power * (start + np.cumsum(sigma * math.sqrt(1 - keep * keep) * shocks / power))
    return series


def _jumps(rng: np.random.Generator, model: PriceModel) -> F64:
    """Return the returns (N,) of a block's jumps: rare, rather down, each spread over some minutes."""
    returns = np.zeros(BLOCK_STEPS)
    for _ in range(rng.poisson(model.jumps_per_day / 2 * BLOCK_STEPS / DAY_STEPS)):
        start = int(rng.integers(BLOCK_STEPS))
        steps = int(rng.integers(1, model.jump_steps + 1))
        direction = -1.0 if rng.random() < model.jump_down_fraction else 1.0
        returns[start : start + steps] += direction * rng.gamma(2.0, model.jump_mean / 2) / steps
    return returns
