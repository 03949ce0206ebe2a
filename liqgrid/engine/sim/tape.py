"""What has happened so far in a simulated market, by symbol and time, and who holds what.

A market plays on when it is asked for a time it has not reached. Nothing here knows what time it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Self

import numpy as np

from liqgrid.engine.market.arrays import F64, I64, Bool
from liqgrid.engine.market.errors import BadSetting
from liqgrid.engine.sim.draws import draw_common
from liqgrid.engine.sim.market import MarketBlock, MarketState, Steps, advance, first_state
from liqgrid.engine.sim.parameters import (
    BLOCK_MS,
    BLOCK_STEPS,
    FUNDING_MS,
    STEP_MS,
    STEPS_PER_MINUTE,
    PriceModel,
    SymbolParameters,
)
from liqgrid.engine.sim.positions import OPEN_END, Positions, joined

MINUTE_MS = 60_000
BLOCK_MINUTES = BLOCK_STEPS // STEPS_PER_MINUTE
_KEPT_STEP_BLOCKS = 2  # single steps of older blocks are dropped: only what is forming needs them
LAST, MARK, INDEX = 0, 1, 2  # rows of prices


@dataclass(frozen=True, slots=True)
class Minutes:
    """One-minute bars of one symbol, (M,) each, and what stood at their close; amounts in base units.

    ``prices`` (3, 4, M): last, mark and index price, each open, high, low, close. ``volume_quote`` and
    ``taker_buy_quote`` in quote currency. ``open_interest_base`` one side; ``lean`` (longs − shorts) / both.
    """

    open_ms: I64
    prices: F64
    volume_base: F64
    volume_quote: F64
    taker_buy_base: F64
    taker_buy_quote: F64
    trades: I64
    open_interest_base: F64
    long_accounts: I64
    short_accounts: I64
    lean: F64

    def __len__(self) -> int:
        return len(self.open_ms)

    def rows(self, start: int, stop: int) -> Self:
        """Return bars ``start`` … ``stop - 1``."""
        return self.where(slice(start, stop))

    def where(self, chosen: I64 | slice) -> Self:
        """Return the chosen bars."""
        return type(self)(*(getattr(self, one.name)[..., chosen] for one in fields(self)))


@dataclass(frozen=True, slots=True)
class Liquidations:
    """Positions closed by force, (K,) each, ascending in time: when, whose side, how much, at which prices.

    ``bankruptcy`` is where the margin is used up, the limit of the venue's order; ``average`` what it was filled at.
    """

    ts_ms: I64
    is_long: Bool
    base: F64
    bankruptcy: F64
    average: F64


@dataclass(slots=True)
class Tape:
    """One symbol's past: bars and liquidations of every block since the origin, and its positions."""

    symbol: SymbolParameters
    state: MarketState
    minutes: list[Minutes] = field(default_factory=list)
    liquidations: list[Liquidations] = field(default_factory=list)
    ended: list[Positions] = field(default_factory=list)
    steps: dict[int, Steps] = field(default_factory=dict)
    funding: list[float] = field(default_factory=list)  # rate at each funding time after the origin


@dataclass(slots=True)
class Market:
    """Simulated symbols from ``origin_ms`` on; ``blocks`` have been played. Same seed and origin, same market."""

    seed: int
    origin_ms: int
    tapes: dict[str, Tape]
    blocks: int = 0

    @property
    def played_until_ms(self) -> int:
        """Time up to which everything is known, exclusive."""
        return self.origin_ms + self.blocks * BLOCK_MS


def new_market(seed: int, origin_ms: int, symbols: Sequence[SymbolParameters]) -> Market:
    """Return a market that begins at ``origin_ms``, rounded down to a day; its warm-up before that is not kept.

    Raises
    ------
    BadSetting
        If the seed is negative.
    """
    if seed < 0:
        raise BadSetting(f"seed was {seed}; it must be 0 or more")
    origin_ms -= origin_ms % BLOCK_MS
    market = Market(seed, origin_ms, {one.name: Tape(one, first_state(one)) for one in symbols})
    for number in range(min(tape.state.block for tape in market.tapes.values()), 0):
        _play(market, number)
    return market


def play_until(market: Market, ms: int) -> None:
    """Play on until everything before ``ms`` is known."""
    while market.played_until_ms < ms:
        for tape, block in _play(market, market.blocks):
            _record(market, tape, block)
        market.blocks += 1


def _play(market: Market, number: int) -> list[tuple[Tape, MarketBlock]]:
    common = draw_common(market.seed, number, PriceModel())
    played = []
    for tape in market.tapes.values():
        tape.state, block = advance(market.seed, market.origin_ms, tape.symbol, tape.state, common)
        played.append((tape, block))
    return played


def _record(market: Market, tape: Tape, block: MarketBlock) -> None:
    start_ms = market.origin_ms + block.block * BLOCK_MS
    tape.minutes.append(minutes_of(block.steps, start_ms, tape.symbol))
    tape.steps[block.block] = block.steps
    tape.steps.pop(block.block - _KEPT_STEP_BLOCKS, None)
    ended = block.positions.where(block.positions.end_step < OPEN_END)
    tape.ended.append(ended.where(np.argsort(ended.end_step, kind="stable")))
    tape.liquidations.append(_liquidations(tape.ended[-1], block, market.origin_ms, tape.symbol))
    for ts_ms in range(start_ms + FUNDING_MS, start_ms + BLOCK_MS + 1, FUNDING_MS):
        lean = minutes_between(market, tape, ts_ms - FUNDING_MS, ts_ms).lean
        tape.funding.append(round(min(max(1e-4 + 0.004 * float(lean.mean()), -0.003), 0.003), 8))


def minutes_of(steps: Steps, start_ms: int, symbol: SymbolParameters) -> Minutes:
    """Return the bars of consecutive steps from ``start_ms``, a whole minute; the last may be of fewer steps."""
    first = np.arange(0, len(steps), STEPS_PER_MINUTE)  # (M,)
    last = np.append(first[1:], len(steps)) - 1  # (M,)
    prices = np.stack([steps.last, steps.mark, steps.index])  # (3, N)
    bars = np.stack(
        [
            prices[:, first],
            np.maximum.reduceat(prices, first, axis=1),
            np.minimum.reduceat(prices, first, axis=1),
            prices[:, last],
        ],
        axis=1,
    )  # (3, 4, M)
    lot = symbol.lot_base

    def total(amounts: F64 | I64) -> F64:
        summed: F64 = np.add.reduceat(amounts.astype(np.float64), first)
        return summed

    longs, shorts = steps.longs[last], steps.shorts[last]
    return Minutes(
        open_ms=start_ms + np.arange(len(first)) * MINUTE_MS,
        prices=bars,
        volume_base=total(steps.volume) * lot,
        volume_quote=total(steps.volume * steps.last) * lot,
        taker_buy_base=total(steps.taker_buy) * lot,
        taker_buy_quote=total(steps.taker_buy * steps.last) * lot,
        trades=np.add.reduceat(steps.trades, first),
        open_interest_base=steps.open_interest[last] * lot,
        long_accounts=steps.long_accounts[last],
        short_accounts=steps.short_accounts[last],
        lean=(longs - shorts) / np.maximum(longs + shorts, 1),
    )


def _liquidations(ended: Positions, block: MarketBlock, origin_ms: int, symbol: SymbolParameters) -> Liquidations:
    forced = ended.where(ended.liquidated)
    spread = forced.number * 7919 % STEP_MS  # any time in the step, the same for the same position
    ts_ms = origin_ms + forced.end_step * STEP_MS + spread
    order = np.argsort(ts_ms, kind="stable")
    forced, ts_ms = forced.where(order), ts_ms[order]
    bankruptcy = forced.entry * (1 - np.where(forced.is_long, 1, -1) / forced.leverage)
    return Liquidations(
        ts_ms=ts_ms,
        is_long=forced.is_long,
        base=forced.lots.astype(np.float64) * symbol.lot_base,
        bankruptcy=np.round(bankruptcy, symbol.price_decimals),
        average=block.steps.last[forced.end_step - block.block * BLOCK_STEPS],
    )


def minutes_between(market: Market, tape: Tape, start_ms: int, end_ms: int) -> Minutes:
    """Return the bars that open in [start_ms, end_ms), as far as the market has been played."""
    first = max(-(-(start_ms - market.origin_ms) // MINUTE_MS), 0)
    stop = min(-(-(end_ms - market.origin_ms) // MINUTE_MS), len(tape.minutes) * BLOCK_MINUTES)
    if stop <= first:
        return tape.minutes[0].rows(0, 0)
    parts = []
    for number in range(first // BLOCK_MINUTES, -(-stop // BLOCK_MINUTES)):
        begin = number * BLOCK_MINUTES
        parts.append(tape.minutes[number].rows(max(first - begin, 0), stop - begin))
    return _one_after_another(parts)


def steps_between(tape: Tape, first: int, stop: int) -> Steps:
    """Return steps ``first`` … ``stop - 1`` since the origin, of one block only.

    Raises
    ------
    LookupError
        If they are no longer kept: the market has been played days beyond the time asked for.
    """
    number = first // BLOCK_STEPS
    if number not in tape.steps:
        raise LookupError(f"{tape.symbol.name}: the steps of day {number} are no longer kept; ask before playing on")
    return tape.steps[number].rows(first - number * BLOCK_STEPS, stop - number * BLOCK_STEPS)


def step_at(market: Market, ms: int) -> int:
    """Return the number of the step that begins at or before ``ms``: those below it are over by then."""
    return (ms - market.origin_ms) // STEP_MS


def minutes_seen(market: Market, tape: Tape, start_ms: int, end_ms: int, now_ms: int) -> Minutes:
    """Return the bars that open in [start_ms, end_ms) as one sees them at ``now_ms``: the last still forming."""
    forming_ms = now_ms - now_ms % MINUTE_MS
    closed = minutes_between(market, tape, start_ms, min(end_ms, forming_ms))
    first, stop = step_at(market, forming_ms), step_at(market, now_ms)
    if not start_ms <= forming_ms < end_ms or first == stop:
        return closed
    forming = minutes_of(steps_between(tape, first, stop), forming_ms, tape.symbol)
    return _one_after_another([closed, forming])


def _one_after_another(parts: list[Minutes]) -> Minutes:
    return Minutes(*(np.concatenate([getattr(part, one.name) for part in parts], axis=-1) for one in fields(Minutes)))


def liquidations_between(market: Market, tape: Tape, start_ms: int, end_ms: int) -> Liquidations:
    """Return the liquidations in [start_ms, end_ms), as far as the market has been played."""
    first, last = ((ms - market.origin_ms) // BLOCK_MS for ms in (start_ms, end_ms - 1))
    parts = tape.liquidations[max(first, 0) : last + 1] or tape.liquidations[:1]
    whole = [np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Liquidations)]
    chosen = (whole[0] >= start_ms) & (whole[0] < end_ms)
    return Liquidations(*(array[chosen] for array in whole))


def positions_at(market: Market, name: str, ms: int) -> Positions:
    """Return the traders' true open positions of a symbol at ``ms``: the end of the last step over by then."""
    tape = market.tapes[name]
    play_until(market, ms)
    step = step_at(market, ms) - 1
    known = joined([*tape.ended, tape.state.positions])
    return known.where((known.open_step <= step) & (known.end_step > step))
