"""A simulated symbol, block after block: what happened in each, and the state the next begins from."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

from liqgrid.engine.market.arrays import F64, I64
from liqgrid.engine.market.tiers import in_force
from liqgrid.engine.sim.clearing import Cleared, clear_block
from liqgrid.engine.sim.draws import BlockDraws, CommonDraws, Volatility, draw_block
from liqgrid.engine.sim.parameters import BLOCK_MS, BLOCK_STEPS, DAY_STEPS, STEPS_PER_MINUTE, SymbolParameters
from liqgrid.engine.sim.positions import OPEN_END, Positions, joined, no_positions

WARM_UP_BLOCKS = 12  # three days before the origin, so that the market begins with positions
_TREND_STEPS = 720  # traders look back an hour


@dataclass(frozen=True, slots=True)
class MarketState:
    """One symbol between two blocks; ``block`` is the number of the next. ``recent`` (720,) past log index prices."""

    block: int
    log_index: float
    log_passing: float
    volatility: Volatility
    recent: F64
    positions: Positions
    next_number: int


@dataclass(frozen=True, slots=True)
class Steps:
    """What a symbol did, (N,) each, one row per step; amounts in whole lots.

    ``last``, ``mark``, ``index`` prices at the end of the step. ``volume``, ``taker_buy``, ``trades`` in the step.
    ``longs``, ``shorts`` lots of all traders and ``long_accounts``, ``short_accounts`` their number, after the step.
    """

    last: F64
    mark: F64
    index: F64
    volume: I64
    taker_buy: I64
    trades: I64
    longs: I64
    shorts: I64
    long_accounts: I64
    short_accounts: I64

    def __len__(self) -> int:
        return len(self.last)

    @property
    def open_interest(self) -> I64:
        """Lots outstanding, one side: dealers hold what longs and shorts differ by."""
        return np.maximum(self.longs, self.shorts)

    def rows(self, start: int, stop: int) -> Self:
        """Return steps ``start`` … ``stop - 1``."""
        return type(self)(*(getattr(self, field.name)[start:stop] for field in fields(self)))


@dataclass(frozen=True, slots=True)
class MarketBlock:
    """One block of one symbol: its steps, and every position that was open at some time in it."""

    block: int
    steps: Steps
    positions: Positions


def first_state(symbol: SymbolParameters) -> MarketState:
    """Return the state before the warm-up: nobody holds a position."""
    log_price = float(np.log(symbol.first_price))
    return MarketState(
        block=-WARM_UP_BLOCKS,
        log_index=log_price,
        log_passing=0.0,
        volatility=Volatility(),
        recent=np.full(_TREND_STEPS, log_price),
        positions=no_positions(),
        next_number=1,
    )


def advance(
    seed: int, origin_ms: int, symbol: SymbolParameters, state: MarketState, common: CommonDraws
) -> tuple[MarketState, MarketBlock]:
    """Run the next block of a symbol and return the state after it.

    ``origin_ms`` is the time of block 0; the venue's tiers in force at the block's start hold for what opens in it.
    """
    tiers = in_force(symbol.tiers, origin_ms + state.block * BLOCK_MS)
    draws = draw_block(seed, state.block, symbol, tiers, state.volatility, common)
    cleared = clear_block(
        draws=draws,
        carried=state.positions,
        first_step=state.block * BLOCK_STEPS,
        log_index=state.log_index,
        log_passing=state.log_passing,
        trend=_trend(draws, state, symbol),
        symbol=symbol,
        tiers=tiers,
        next_number=state.next_number,
    )
    block = MarketBlock(state.block, _steps(cleared, draws, state, symbol), cleared.positions)
    after = replace(
        state,
        block=state.block + 1,
        log_index=float(cleared.log_index[-1]),
        log_passing=cleared.log_passing,
        volatility=draws.volatility,
        recent=cleared.log_index[-_TREND_STEPS:],
        positions=cleared.positions.where(cleared.positions.end_step == OPEN_END),
        next_number=state.next_number + len(draws.orders.step),
    )
    return after, block


def _trend(draws: BlockDraws, state: MarketState, symbol: SymbolParameters) -> F64:
    """Return the return of the past hour, (N,), in units of its usual size; forced orders of this block left out."""
    path = np.concatenate([state.recent, state.log_index + np.cumsum(draws.returns)])  # (720 + N,)
    usual = symbol.daily_volatility * (_TREND_STEPS / DAY_STEPS) ** 0.5
    trend: F64 = (path[_TREND_STEPS:] - path[:-_TREND_STEPS]) / usual
    return trend


def _steps(cleared: Cleared, draws: BlockDraws, state: MarketState, symbol: SymbolParameters) -> Steps:
    """Return the steps' prices and amounts: who traded follows from the positions, churn comes on top."""
    positions, habits = cleared.positions, symbol.habits
    first = state.block * BLOCK_STEPS
    opened = positions.open_step >= first  # (K,)
    forced, chosen = positions.liquidated, (positions.end_step < OPEN_END) & ~positions.liquidated

    def per_step(step: I64, amount: I64) -> I64:
        return np.bincount(step - first, weights=amount, minlength=BLOCK_STEPS).astype(np.int64)

    def summed(of: Positions, step: I64) -> tuple[I64, I64]:
        """Return what longs and what shorts did, in lots per step, (N,) each."""
        return per_step(step, of.lots * of.is_long), per_step(step, of.lots * ~of.is_long)

    new, closed, liquidated = positions.where(opened), positions.where(chosen), positions.where(forced)
    long_opened, short_opened = summed(new, new.open_step)
    long_closed, short_closed = summed(closed, closed.end_step)
    long_forced, short_forced = summed(liquidated, liquidated.end_step)
    ended = joined([closed, liquidated])
    one_long, one_short = positions.is_long.astype(np.int64), (~positions.is_long).astype(np.int64)
    has_ended = chosen | forced
    long_accounts = per_step(positions.open_step[opened], one_long[opened]) - per_step(
        positions.end_step[has_ended], one_long[has_ended]
    )
    short_accounts = per_step(positions.open_step[opened], one_short[opened]) - per_step(
        positions.end_step[has_ended], one_short[has_ended]
    )
    bought, sold = long_opened + short_closed, short_opened + long_closed
    usual = habits.opens_per_minute / STEPS_PER_MINUTE * 2 * _mean_notional(symbol)  # quote per step
    share = habits.churn_fraction / (1 - habits.churn_fraction)
    last = _rounded(cleared.log_last, symbol.price_decimals)
    churn = np.ceil(share * usual * draws.churn / (last * symbol.lot_base))  # (N,)
    lean = np.clip(0.5 + 0.2 * np.tanh(np.diff(last, prepend=last[0]) / last / symbol.price.noise_sigma / 5), 0, 1)
    taker_buy = habits.taker_fraction * bought + (1 - habits.taker_fraction) * sold + short_forced + lean * churn
    before = state.positions
    return Steps(
        last=last,
        mark=_rounded(cleared.log_mark, 8),
        index=_rounded(cleared.log_index, 8),
        volume=bought + sold + long_forced + short_forced + churn.astype(np.int64),
        taker_buy=taker_buy.astype(np.int64),
        trades=1
        + np.bincount(new.open_step - first, minlength=BLOCK_STEPS)
        + np.bincount(ended.end_step - first, minlength=BLOCK_STEPS)
        + (8 * draws.churn).astype(np.int64),
        longs=int(before.lots[before.is_long].sum()) + np.cumsum(long_opened - long_closed - long_forced),
        shorts=int(before.lots[~before.is_long].sum()) + np.cumsum(short_opened - short_closed - short_forced),
        long_accounts=int(before.is_long.sum()) + np.cumsum(long_accounts),
        short_accounts=int((~before.is_long).sum()) + np.cumsum(short_accounts),
    )


def _rounded(log_price: F64, decimals: int) -> F64:
    price: F64 = np.exp(log_price)
    return price.round(decimals)


def _mean_notional(symbol: SymbolParameters) -> float:
    """Return the mean notional of a new position, quote: that of a log-normal."""
    return symbol.habits.notional_median_quote * float(np.exp(symbol.habits.notional_sigma**2 / 2))
