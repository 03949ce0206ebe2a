"""What holds in a simulated market: nothing is made or lost, only crossed positions are liquidated, crashes happen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from liqgrid.engine.market.errors import BadSetting
from liqgrid.engine.sim.draws import draw_common
from liqgrid.engine.sim.market import MarketBlock, advance, first_state
from liqgrid.engine.sim.parameters import BLOCK_STEPS, PriceModel, symbol_parameters
from liqgrid.engine.sim.positions import OPEN_END
from liqgrid.engine.sim.tape import Market, Tape, new_market, play_until, positions_at
from tests.sim.exchange import DAY_MS, DAYS, ORIGIN_MS

SOL = symbol_parameters("SOL")


def blocks(count: int, seed: int = 3) -> Iterator[MarketBlock]:
    state = first_state(SOL)
    for _ in range(count):
        state, block = advance(seed, ORIGIN_MS, SOL, state, draw_common(seed, state.block, PriceModel()))
        yield block


@pytest.fixture(scope="module")
def days() -> list[MarketBlock]:
    return list(blocks(6))


def test_long_and_short_lots_are_those_of_the_positions_at_every_step(days: list[MarketBlock]) -> None:
    for block in days:
        first, positions = block.block * BLOCK_STEPS, block.positions
        for step in (0, 1, BLOCK_STEPS // 2, BLOCK_STEPS - 1):
            held = positions.where((positions.open_step <= first + step) & (positions.end_step > first + step))
            longs, shorts = int(held.lots[held.is_long].sum()), int(held.lots[~held.is_long].sum())
            assert (longs, shorts) == (block.steps.longs[step], block.steps.shorts[step])
            assert block.steps.open_interest[step] == max(longs, shorts)
            accounts = (int(held.is_long.sum()), int((~held.is_long).sum()))
            assert accounts == (block.steps.long_accounts[step], block.steps.short_accounts[step])


def test_amounts_and_prices_are_positive(days: list[MarketBlock]) -> None:
    for block in days:
        steps = block.steps
        assert (block.positions.lots > 0).all()
        assert (steps.longs >= 0).all()
        assert (steps.shorts >= 0).all()
        assert ((steps.taker_buy >= 0) & (steps.taker_buy <= steps.volume)).all()
        assert min(steps.last.min(), steps.mark.min(), steps.index.min()) > 0


def test_a_position_is_liquidated_when_the_mark_price_reaches_its_level_and_not_before(days: list[MarketBlock]) -> None:
    liquidated = 0
    for block in days:
        first = block.block * BLOCK_STEPS
        log_mark = np.log(block.steps.mark)
        for row in range(len(block.positions)):
            one = block.positions.where(slice(row, row + 1))
            # From the step after it opened, for levels hold from then on, to its end or the block's.
            begin = max(int(one.open_step[0]) + 1 - first, 0)
            end = min(int(one.end_step[0]) - first, BLOCK_STEPS)
            sign = 1 if one.is_long[0] else -1
            room = sign * (log_mark[begin:end] - one.log_level[0])
            assert not len(room) or room.min() > -1e-9
            if one.liquidated[0]:
                liquidated += 1
                assert sign * (log_mark[end] - one.log_level[0]) < 1e-9
    assert liquidated > 100


def test_levels_lie_on_the_losing_side_of_the_entry(days: list[MarketBlock]) -> None:
    for block in days:
        distance = block.positions.log_level - np.log(block.positions.entry)
        assert ((distance < 0) == block.positions.is_long).all()


def test_a_block_goes_on_where_the_one_before_ended(days: list[MarketBlock]) -> None:
    for before, after in pairwise(days):
        carried = before.positions.where(before.positions.end_step == OPEN_END)
        assert carried.number.tolist() == after.positions.number[: len(carried)].tolist()
        assert abs(np.log(after.steps.last[0] / before.steps.last[-1])) < 0.02


def test_forced_orders_come_in_cascades(days: list[MarketBlock]) -> None:
    """The busiest minute of liquidations holds far more of them than independent ones would ever put in it."""
    ends = np.concatenate([one.positions.end_step[one.positions.liquidated] for one in days])
    per_minute = np.bincount((ends - ends.min()) // 12)
    assert per_minute.max() > 20 * max(per_minute.mean(), 0.5)


def test_forced_orders_push_the_price() -> None:
    """The same draws without impact: all is the same up to the first liquidation, which pushes the price on its way."""
    calm = replace(SOL, price=replace(SOL.price, impact=0.0))
    paths = []
    for symbol in (SOL, calm):
        state, played = first_state(symbol), []
        for _ in range(4):
            state, block = advance(3, ORIGIN_MS, symbol, state, draw_common(3, state.block, PriceModel()))
            played.append(block)
        paths.append(played)
    for pushed, unpushed in zip(*paths, strict=True):
        forced = pushed.positions.where(pushed.positions.liquidated)
        if len(forced):
            break
        np.testing.assert_array_equal(pushed.steps.last, unpushed.steps.last)
    step = int(forced.end_step.min())
    row, sold = step - pushed.block * BLOCK_STEPS, bool(forced.is_long[np.argmin(forced.end_step)])
    np.testing.assert_array_equal(pushed.steps.last[:row], unpushed.steps.last[:row])
    assert (pushed.steps.last[row] < unpushed.steps.last[row]) == sold


def test_crashes_happen() -> None:
    """In a month of a volatile coin some hour falls by over 3 %, with many times the usual share liquidated."""
    lows, shares = [], []
    for block in blocks(30):
        last = block.steps.last.reshape(24, -1)  # by hour
        lows.append((last.min(axis=1) / last[:, 0] - 1).min())
        forced = block.positions.where(block.positions.liquidated)
        hour = (forced.end_step - block.block * BLOCK_STEPS) // 720
        shares.append(np.bincount(hour, forced.lots, 24) / block.steps.open_interest.mean())
    assert min(lows) < -0.03
    assert np.max(shares) > 0.05
    assert np.max(shares) > 20 * np.mean(shares)


def facts(tape: Tape) -> list[bytes]:
    parts: tuple[Any, ...] = (*tape.minutes[:DAYS], *tape.liquidations[:DAYS], *tape.ended[:DAYS])
    return [getattr(part, one.name).tobytes() for part in parts for one in fields(part)]


def test_a_market_is_the_same_however_it_is_played(market: Market) -> None:
    again = new_market(7, ORIGIN_MS + 1234, [tape.symbol for tape in market.tapes.values()])
    for day in range(DAYS):
        play_until(again, ORIGIN_MS + day * DAY_MS + 1)
    assert again.played_until_ms == ORIGIN_MS + DAYS * DAY_MS
    for name, tape in market.tapes.items():
        assert facts(again.tapes[name]) == facts(tape)


def test_a_symbol_is_the_same_whoever_trades_beside_it(market: Market) -> None:
    alone = new_market(7, ORIGIN_MS, [market.tapes["ETHUSDT"].symbol])
    play_until(alone, ORIGIN_MS + DAY_MS)
    assert alone.tapes["ETHUSDT"].minutes[0].prices.tobytes() == market.tapes["ETHUSDT"].minutes[0].prices.tobytes()


def test_forced_orders_are_taken_from_the_market(days: list[MarketBlock]) -> None:
    """Who is forced out of a short buys at the market's price, who is forced out of a long sells."""
    for block in days:
        steps, first = block.steps, block.block * BLOCK_STEPS
        for is_long, taken in ((False, steps.taker_buy), (True, steps.volume - steps.taker_buy)):
            forced = block.positions.where(block.positions.liquidated & (block.positions.is_long == is_long))
            lots = np.bincount(forced.end_step - first, forced.lots, BLOCK_STEPS)
            assert (taken >= lots).all()


def test_symbols_move_together_and_apart(market: Market) -> None:
    returns = [
        np.diff(np.log(np.concatenate([day.prices[0, 3] for day in tape.minutes[:DAYS]])))
        for tape in market.tapes.values()
    ]
    assert 0.5 < np.corrcoef(returns)[0, 1] < 0.9


def test_what_symbols_share_depends_on_the_seed_and_the_day() -> None:
    drawn = [draw_common(seed, day, PriceModel()).returns[0] for seed, day in ((1, 0), (1, 1), (2, 0))]
    assert len(set(drawn)) == 3


def test_another_seed_is_another_market(market: Market) -> None:
    other = new_market(8, ORIGIN_MS, [market.tapes["BTCUSDT"].symbol])
    play_until(other, ORIGIN_MS + DAY_MS)
    assert other.tapes["BTCUSDT"].minutes[0].prices[0, 3, -1] != market.tapes["BTCUSDT"].minutes[0].prices[0, 3, -1]


def test_true_positions_add_up_to_the_open_interest(market: Market) -> None:
    for name, tape in market.tapes.items():
        for minute in (1, 700, 2000, 4319):
            positions = positions_at(market, name, ORIGIN_MS + minute * 60_000)
            sides = [int(positions.lots[positions.is_long == is_long].sum()) for is_long in (True, False)]
            bar = tape.minutes[(minute - 1) // 1440].rows((minute - 1) % 1440, (minute - 1) % 1440 + 1)
            assert max(sides) * tape.symbol.lot_base == pytest.approx(bar.open_interest_base[0])


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(BadSetting, match="seed was -1"):
        new_market(-1, ORIGIN_MS, [SOL])
    with pytest.raises(BadSetting, match="coin was 'btc'"):
        symbol_parameters("btc")
