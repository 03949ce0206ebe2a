"""One block of the market, step by step: positions open, close and are liquidated, and forced orders move the price.

In every step, in this order: the index and mark price move; positions whose liquidation price the mark price has
reached are closed by force, each pushing the price on; traders who meant to close do; new ones open at the last price.
A trader's counterparty is a hedged dealer, who never is liquidated: dealers hold what longs and shorts differ by, so
long and short open interest are equal at every step.

The loop is plain Python over floats: a step costs a quarter of a microsecond, less than one call of numpy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

import numpy as np

from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.tiers import TierSet
from liqgrid.engine.sim.draws import BlockDraws
from liqgrid.engine.sim.margin import log_factors
from liqgrid.engine.sim.parameters import BLOCK_STEPS, SymbolParameters
from liqgrid.engine.sim.positions import OPEN_END, Positions


@dataclass(frozen=True, slots=True)
class Cleared:
    """What a block came to: logarithms of the index, mark and last price, (N,) each, at the end of each step.

    ``positions`` are those carried in and those opened, with how they ended. ``log_passing`` is the impact of forced
    orders that is still wearing off at the end.
    """

    log_index: F64
    log_mark: F64
    log_last: F64
    positions: Positions
    log_passing: float


def clear_block(  # noqa: PLR0912, PLR0915 - one loop over local names; a call per step would double its time
    draws: BlockDraws,
    carried: Positions,
    first_step: int,
    log_index: float,
    log_passing: float,
    trend: F64,
    symbol: SymbolParameters,
    tiers: TierSet,
    next_number: int,
) -> Cleared:
    """Run one block and return it.

    Parameters
    ----------
    carried
        Positions open at the block's start.
    first_step
        Number of the block's first step.
    log_index, log_passing
        Logarithm of the index price at the start, and what the last price is above it after forced orders.
    trend
        (N,) recent return in units of its usual size, as traders see it.
    """
    habits, model, orders = symbol.habits, symbol.price, draws.orders
    count, held = len(orders.step), len(carried)
    lot_base = symbol.lot_base
    keep = 0.5 ** (1 / model.impact_half_life_steps)
    passing_impact, lasting_impact = model.impact * (1 - model.lasting_impact), model.impact * model.lasting_impact
    mark_share, balance = model.mark_share, habits.balance_strength

    # Plain lists: the loop reads and writes single numbers. Positions carried come first, then those that open.
    path = log_index + np.cumsum(draws.returns)  # (N,) of the index, if nobody were liquidated
    premium = mark_share * draws.premium  # (N,) of the mark price over the index
    noise = draws.premium - premium + draws.noise  # (N,) of the last price over the mark price
    over_mark = noise.tolist()
    open_steps = [*orders.step.tolist(), BLOCK_STEPS]
    chance = (0.5 + habits.trend_strength * np.tanh(trend[orders.step])).tolist()
    side_draw, notional = orders.side_draw.tolist(), orders.notional_quote.tolist()
    factors = log_factors(tiers, orders.notional_quote, orders.leverage)
    long_factor, short_factor = factors[0].tolist(), factors[1].tolist()
    is_long = carried.is_long.tolist() + [False] * count
    lots = carried.lots.tolist() + [0] * count
    level = carried.log_level.tolist() + [0.0] * count
    entry = [0.0] * count
    ended = [-1] * (held + count)
    liquidated = [False] * (held + count)
    close_step = np.concatenate([carried.close_step - first_step, orders.step + orders.lifetime_steps])
    closing = np.argsort(close_step, kind="stable")
    closing = closing[: np.searchsorted(close_step[closing], BLOCK_STEPS)]
    close_steps, closing_positions = [*close_step[closing].tolist(), BLOCK_STEPS], closing.tolist()

    longs = [(-level[k], k) for k in range(held) if is_long[k]]
    shorts = [(level[k], k) for k in range(held) if not is_long[k]]
    heapify(longs)
    heapify(shorts)
    long_lots = sum(lots[k] for _, k in longs)
    short_lots = sum(lots[k] for _, k in shorts)
    nearest_long, nearest_short = -longs[0][0] if longs else -math.inf, shorts[0][0] if shorts else math.inf
    passing_path = [0.0] * BLOCK_STEPS
    passing, lasting = log_passing, 0.0
    forced: list[tuple[int, float]] = []  # steps in which the lasting impact changed, and what it came to
    next_open = next_close = 0
    next_step = min(open_steps[0], close_steps[0])
    for step, undisturbed in enumerate((path + premium).tolist()):
        passing *= keep
        passing_path[step] = passing
        mark = undisturbed + lasting + mark_share * passing
        if mark <= nearest_long or mark >= nearest_short:
            while longs and -longs[0][0] >= mark:
                k = heappop(longs)[1]
                if ended[k] < 0:
                    ended[k], liquidated[k] = step, True
                    share = lots[k] / max(long_lots, short_lots)
                    long_lots -= lots[k]
                    passing -= passing_impact * share
                    lasting -= lasting_impact * share
            while shorts and shorts[0][0] <= mark:
                k = heappop(shorts)[1]
                if ended[k] < 0:
                    ended[k], liquidated[k] = step, True
                    share = lots[k] / max(long_lots, short_lots)
                    short_lots -= lots[k]
                    passing += passing_impact * share
                    lasting += lasting_impact * share
            forced.append((step, lasting))
            nearest_long = -longs[0][0] if longs else -math.inf
            nearest_short = shorts[0][0] if shorts else math.inf
        if step < next_step:
            continue
        while close_steps[next_close] <= step:
            k = closing_positions[next_close]
            next_close += 1
            if ended[k] < 0:
                ended[k] = step
                if is_long[k]:
                    long_lots -= lots[k]
                else:
                    short_lots -= lots[k]
        while open_steps[next_open] == step:
            k = held + next_open
            last = undisturbed + lasting + passing + over_mark[step]
            outstanding = long_lots + short_lots
            tilt = balance * (long_lots - short_lots) / outstanding if outstanding else 0.0
            is_long[k] = side_draw[next_open] + tilt < chance[next_open]
            lots[k] = amount = int(notional[next_open] / (math.exp(last) * lot_base)) or 1
            entry[next_open] = last
            if is_long[k]:
                level[k] = last + long_factor[next_open]
                heappush(longs, (-level[k], k))
                nearest_long = -longs[0][0]
                long_lots += amount
            else:
                level[k] = last + short_factor[next_open]
                heappush(shorts, (level[k], k))
                nearest_short = shorts[0][0]
                short_lots += amount
            next_open += 1
        next_step = min(open_steps[next_open], close_steps[next_close])
    passing_before = np.array(passing_path)  # (N,) as the mark price of the step had it
    passing_after = np.append(passing_before[1:] / keep, passing)  # (N,) with the step's own forced orders
    lasting_after = _stepwise(forced)  # (N,)
    lasting_before = np.append(0.0, lasting_after[:-1])  # (N,)
    end_step = np.array(ended, dtype=np.int64)
    return Cleared(
        log_index=path + lasting_after,
        log_mark=path + premium + lasting_before + mark_share * passing_before,
        log_last=path + premium + lasting_after + passing_after + noise,
        positions=Positions(
            number=np.concatenate([carried.number, np.arange(next_number, next_number + count)]),
            is_long=np.array(is_long, dtype=bool),
            lots=np.array(lots, dtype=np.int64),
            entry=np.concatenate([carried.entry, np.exp(np.array(entry))]),
            leverage=np.concatenate([carried.leverage, orders.leverage]),
            log_level=np.array(level, dtype=np.float64),
            open_step=np.concatenate([carried.open_step, orders.step + first_step]),
            close_step=close_step + first_step,
            end_step=np.where(end_step < 0, OPEN_END, end_step + first_step),
            liquidated=np.array(liquidated, dtype=bool),
        ),
        log_passing=passing,
    )


def _stepwise(changes: list[tuple[int, float]]) -> F64:
    """Return a series (N,) that is 0 up to the first change and what the newest change came to from then on."""
    starts = np.array([0, *(step for step, _ in changes), BLOCK_STEPS])
    return np.repeat([0.0, *(value for _, value in changes)], np.diff(starts))
