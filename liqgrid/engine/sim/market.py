"""A simulated symbol, block after block: what happened in each, and the state the next begins from."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

from liqgrid.engine.market.arrays import F64, I64, Bool
from liqgrid.engine.market.tiers import in_force
from liqgrid.engine.sim.clearing import Cleared, clear_block
from liqgrid.engine.sim.draws import BlockDraws, CommonDraws, Conditions, draw_block
from liqgrid.engine.sim.parameters import BLOCK_MS, BLOCK_STEPS, DAY_STEPS, STEPS_PER_MINUTE, SymbolParameters
from liqgrid.engine.sim.positions import OPEN_END, Positions, no_positions

WARM_UP_BLOCKS = 3  # days before the origin, so that the market begins with positions
_TREND_STEPS = 720  # traders look back an hour


@dataclass(frozen=True, slots=True)
class MarketState:
    """One symbol between two blocks; ``block`` is the number of the next. ``recent`` (720,) past log index prices."""

    block: int
    log_index: float
    log_passing: float
    conditions: Conditions
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
        conditions=Conditions(),
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
    draws = draw_block(seed, state.block, symbol, tiers, state.conditions, common)
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
        conditions=draws.conditions,
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
    positions, habits, before = cleared.positions, symbol.habits, state.positions
    first = state.block * BLOCK_STEPS
    new = positions.where(positions.open_step >= first)
    ended = positions.where(positions.end_step < OPEN_END)
    opened = _by_side(new.is_long, new.open_step - first, new.lots)  # (2, N)
    forced = _by_side(ended.is_long, ended.end_step - first, ended.lots * ended.liquidated)  # (2, N)
    closed = _by_side(ended.is_long, ended.end_step - first, ended.lots * ~ended.liquidated)  # (2, N)
    entered = _by_side(new.is_long, new.open_step - first, np.ones_like(new.lots))  # (2, N)
    left = _by_side(ended.is_long, ended.end_step - first, np.ones_like(ended.lots))  # (2, N)
    held, accounts = (
        _by_side(before.is_long, np.zeros_like(before.lots), amount)[:, :1] + np.cumsum(change, axis=1)
        for amount, change in ((before.lots, opened - closed - forced), (np.ones_like(before.lots), entered - left))
    )  # (2, N) each
    bought, sold = opened[0] + closed[1], opened[1] + closed[0]
    last = _rounded(cleared.log_last, symbol.price_decimals)
    churn = _churn(draws, last, symbol)
    lean = 0.5 + 0.2 * np.tanh(np.diff(last, prepend=last[0]) / last / symbol.price.noise_sigma / 5)  # (N,)
    taker_buy = habits.taker_fraction * bought + (1 - habits.taker_fraction) * sold + forced[1] + lean * churn
    return Steps(
        last=last,
        mark=_rounded(cleared.log_mark, 8),
        index=_rounded(cleared.log_index, 8),
        volume=bought + sold + forced.sum(axis=0) + churn,
        taker_buy=taker_buy.astype(np.int64),
        trades=1 + entered.sum(axis=0) + left.sum(axis=0) + (8 * draws.churn).astype(np.int64),
        longs=held[0],
        shorts=held[1],
        long_accounts=accounts[0],
        short_accounts=accounts[1],
    )


def _by_side(is_long: Bool, step: I64, amount: I64) -> I64:
    """Return whole amounts (K,) summed by side and step, (2, N): longs, shorts."""
    sides = [np.bincount(step, amount * chosen, BLOCK_STEPS) for chosen in (is_long, ~is_long)]
    return np.stack(sides).astype(np.int64)


def _churn(draws: BlockDraws, last: F64, symbol: SymbolParameters) -> I64:
    """Return the lots traded per step, (N,), that change nobody's position: a fraction of all that usually is."""
    habits = symbol.habits
    mean_notional = habits.notional_median_quote * np.exp(habits.notional_sigma**2 / 2)  # that of a log-normal
    usual_quote = 2 * mean_notional * habits.opens_per_minute / STEPS_PER_MINUTE  # positions open and close
    share = habits.churn_fraction / (1 - habits.churn_fraction)
    lots: F64 = np.ceil(share * usual_quote * draws.churn / (last * symbol.lot_base))
    return lots.astype(np.int64)


def _rounded(log_price: F64, decimals: int) -> F64:
    price: F64 = np.exp(log_price)
    return price.round(decimals)
