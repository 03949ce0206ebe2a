"""The model's map against the true positions of a simulated market, and the measures of likeness on small numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.axis import COLUMN_REACH, LOG_GROWTH, bin_of
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.sim.parameters import symbol_parameters
from liqgrid.engine.sim.tape import Market, new_market, play_until, positions_at
from liqgrid.engine.sim.truth import (
    COARSE_BINS,
    chart_map,
    likeness,
    modelled_maps,
    true_map,
    true_turnover_fraction,
)
from tests.sim.exchange import DAY_MS, HOUR_MS, ORIGIN_MS

DAYS, BURN_IN_DAYS = 11, 4
NAME = "BTCUSDT"
TIMES_MS = [ORIGIN_MS + hour * HOUR_MS for hour in range(BURN_IN_DAYS * 24, DAYS * 24 + 1, 8)]


def a_map(longs: dict[int, float], shorts: dict[int, float]) -> F64:
    """Amounts by distance in whole per cents of the price."""
    held = np.zeros((2, COLUMN_REACH))
    for side, amounts in enumerate((longs, shorts)):
        for percent, amount in amounts.items():
            held[side, percent * COARSE_BINS] = amount
    return held


def test_a_map_is_like_itself_in_any_unit() -> None:
    held = a_map({1: 1.0, 5: 2.0, 9: 3.0}, {2: 1.0, 3: 1.0})
    like = likeness(held, 1000 * held)
    np.testing.assert_allclose(like.rank_correlation, 1)
    np.testing.assert_allclose(like.earth_mover_percent, 0, atol=1e-12)


def test_the_earth_mover_carries_amounts_to_where_they_belong() -> None:
    truth = a_map({5: 1.0, 9: 1.0}, {2: 4.0})
    # Longs: one half is carried 3 bins of 1 %, the other lies right. Shorts: all is carried 4.
    estimate = a_map({2: 1.0, 9: 1.0}, {6: 1.0})
    per_cent = 100 * COARSE_BINS * LOG_GROWTH  # 1 % bins are 20 bins of 5 basis points
    np.testing.assert_allclose(likeness(truth, estimate).earth_mover_percent, [1.5 * per_cent, 4 * per_cent])


def test_ranks_are_those_of_per_cents_of_the_price() -> None:
    truth = a_map({n: n + 1.0 for n in range(20)}, {n: n + 1.0 for n in range(20)})
    upside_down = a_map({n: 20.0 - n for n in range(20)}, {n: (n + 1.0) ** 3 for n in range(20)})
    np.testing.assert_allclose(likeness(truth, upside_down).rank_correlation, [-1, 1])
    assert likeness(truth, np.ones_like(truth)).rank_correlation.tolist() == [0, 0]


def test_the_true_map_holds_every_position_once(market: Market) -> None:
    ms = ORIGIN_MS + 2 * DAY_MS
    price = float(market.tapes[NAME].minutes[1].prices[1, 3, -1])
    positions = positions_at(market, NAME, ms)
    held = true_map(market, NAME, ms, price)
    for side, is_long in enumerate((True, False)):
        mine = positions.where(positions.is_long == is_long)
        nearest = mine.where(np.abs(mine.log_level - np.log(price)) < np.log(2) - LOG_GROWTH)
        assert held[side].sum() == nearest.lots.sum() > 0.8 * mine.lots.sum()
        one = nearest.where(slice(0, 1))
        distance = abs(bin_of(float(np.exp(one.log_level[0]))) - bin_of(price))
        assert held[side, distance - 1] >= one.lots[0]


@pytest.fixture(scope="module")
def crowd() -> Market:
    """One symbol with as many traders as make chance small."""
    symbol = symbol_parameters("BTC")
    crowded = replace(symbol, habits=replace(symbol.habits, opens_per_minute=10.0))
    market = new_market(11, ORIGIN_MS, [crowded])
    play_until(market, ORIGIN_MS + DAYS * DAY_MS)
    return market


@pytest.fixture(scope="module")
def turned_maps(crowd: Market) -> dict[int, tuple[float, F64]]:
    """Maps of the model that knows the market's true turnover."""
    parameters = ModelParameters(turnover_fraction=true_turnover_fraction(crowd, NAME))
    return modelled_maps(crowd, NAME, parameters, Interval.M5, TIMES_MS)


def mean_likeness(crowd: Market, estimate: Callable[[int, float], F64], prices: dict[int, float]) -> F64:
    """Mean over the times, (2, 2): rank correlation and earth mover's distance, by side."""
    found = []
    for ms, price in prices.items():
        like = likeness(true_map(crowd, NAME, ms, price), estimate(ms, price))
        found.append([like.rank_correlation, like.earth_mover_percent])
    mean: F64 = np.mean(found, axis=0)
    return mean


def test_the_model_finds_true_positions(crowd: Market, turned_maps: dict[int, tuple[float, F64]]) -> None:
    """Bounds with room below what docs/model.md reports: what the model knows by default, and knowing the turnover."""
    usual = ModelParameters()
    usual_maps = modelled_maps(crowd, NAME, usual, Interval.M5, TIMES_MS)
    assert list(usual_maps) == TIMES_MS
    prices = {ms: price for ms, (price, _) in usual_maps.items()}

    model = mean_likeness(crowd, lambda ms, _: usual_maps[ms][1], prices)
    turned = mean_likeness(crowd, lambda ms, _: turned_maps[ms][1], prices)
    chart = mean_likeness(crowd, lambda ms, price: chart_map(crowd, NAME, ms, price, usual), prices)
    uniform = mean_likeness(crowd, lambda _ms, _price: np.ones((2, COLUMN_REACH)), prices)

    assert 0.2 < true_turnover_fraction(crowd, NAME) < 0.4
    assert (model[0] > 0.15).all()  # of ranks; the uniform map knows none
    assert (model[1] < uniform[1]).all()
    assert (turned[0] > 0.35).all()
    assert (turned[0] > chart[0] + 0.05).all()
    assert (turned[1] < uniform[1] - 0.5).all()


def test_a_map_of_another_time_is_less_like(crowd: Market, turned_maps: dict[int, tuple[float, F64]]) -> None:
    """The likeness is to what is held now, not to any market at any time."""
    maps, now, earlier = turned_maps, [], []
    for before_ms, ms in zip(TIMES_MS[:-9], TIMES_MS[9:], strict=True):
        truth = true_map(crowd, NAME, ms, maps[ms][0])
        now.append(likeness(truth, maps[ms][1]).rank_correlation)
        earlier.append(likeness(truth, maps[before_ms][1]).rank_correlation)
    assert (np.mean(now, axis=0) > np.mean(earlier, axis=0) + 0.05).all()
