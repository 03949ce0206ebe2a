"""Skill: its parts worked by hand, and the ends of its scale."""

from __future__ import annotations

import math

import numpy as np
import pytest

from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.bars import Bars
from liqgrid.engine.market.errors import BadData
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.rows import LiquidationBarRows
from liqgrid.engine.model.skill import (
    exponential_mean,
    measure_skill,
    null_predictions,
    predictions_of,
    ranks,
    realised_of,
)

COUNT = 168 + 60


def random_bars(count: int = COUNT) -> Bars:
    rng = np.random.default_rng(7)
    close = 100 * np.exp(np.cumsum(0.01 * rng.normal(size=count)))
    opened = np.concatenate([[100.0], close[:-1]])
    high = np.maximum(opened, close) * (1 + 0.01 * rng.random(count))
    low = np.minimum(opened, close) * (1 - 0.01 * rng.random(count))
    open_ms = np.arange(count, dtype=np.int64) * Interval.H1.ms
    return Bars(Interval.H1, open_ms, opened, high, low, close, rng.exponential(10.0, count))


def random_amounts(seed: int, count: int = COUNT) -> F64:
    return np.random.default_rng(seed).exponential(size=(2, count))


def test_equal_values_share_the_mean_of_their_ranks() -> None:
    # 10 is first, 20 and 20 share (2 + 3)/2, 30 is fourth
    assert ranks(np.array([30.0, 20.0, 10.0, 20.0])).tolist() == [4, 2.5, 1, 2.5]
    assert ranks(np.zeros(3)).tolist() == [2, 2, 2]


def test_the_exponential_mean_of_three_values() -> None:
    # Weights 1, 5/7 and 25/49 by age: 7; (0 + 7 × 5/7) / (12/7) = 35/12; (12 + 0 + 7 × 25/49) / (109/49) = 763/109 = 7
    assert exponential_mean(np.array([7.0, 0.0, 12.0]), 6) == pytest.approx([7, 35 / 12, 7])


def test_the_null_is_the_move_times_the_turnover_before() -> None:
    close, low, high = np.array([100.0, 90.0, 99.0]), np.array([95.0, 80.0, 92.0]), np.array([101.0, 103.0, 99.0])
    bars = Bars(Interval.H1, np.arange(3) * 3_600_000, close, high, low, close, np.array([7.0, 0.0, 5.0]))
    # Bar 1: (100 − 80)/100 × 7 and (103 − 100)/100 × 7. Bar 2: its low of 92 is over 90; (99 − 90)/90 × 35/12.
    found = null_predictions(bars)
    assert np.isnan(found[:, 0]).all()
    assert found[0, 1:] == pytest.approx([1.4, 0])
    assert found[1, 1:] == pytest.approx([0.21, 0.1 * 35 / 12])


def test_a_map_that_orders_everything_right_has_skill_one() -> None:
    realised = random_amounts(1)
    found = measure_skill(random_bars(), np.sqrt(realised) * 1000, realised)
    assert (found.long, found.short, found.mean) == pytest.approx((1, 1, 1))


def test_a_map_that_orders_everything_wrong_has_skill_minus_one() -> None:
    realised = random_amounts(1)
    found = measure_skill(random_bars(), -realised, realised)
    assert (found.long, found.short) == pytest.approx((-1, -1))


def test_a_map_of_noise_knows_nothing() -> None:
    count = 168 + 3000
    found = measure_skill(random_bars(count), random_amounts(1, count), random_amounts(2, count))
    assert abs(found.long) < 4 / math.sqrt(3000)
    assert abs(found.short) < 4 / math.sqrt(3000)


def test_the_mean_is_that_of_both_sides_and_bars_are_counted() -> None:
    bars, realised = random_bars(), random_amounts(1)
    predicted = np.stack([realised[0], random_amounts(2)[1]])
    found = measure_skill(bars, predicted, realised)
    assert found.mean == (found.long + found.short) / 2
    null = null_predictions(bars)[:, 168:]
    assert (found.long_bars, found.short_bars) == ((null[0] > 0).sum(), (null[1] > 0).sum())


def test_bars_in_the_burn_in_and_unknown_ones_do_not_count() -> None:
    bars, predicted, realised = random_bars(), random_amounts(1), random_amounts(2)
    before = measure_skill(bars, predicted, realised)
    predicted[:, :168] = 1e9
    assert measure_skill(bars, predicted, realised) == before
    realised[0, 170:173] = np.nan
    after = measure_skill(bars, predicted, realised)
    usable = null_predictions(bars)[0, 170:173] > 0
    assert after.long_bars == before.long_bars - usable.sum() < before.long_bars
    assert (after.short, after.short_bars) == (before.short, before.short_bars)


def test_too_few_bars_are_refused() -> None:
    bars = random_bars(168 + 20)
    with pytest.raises(
        BadData, match=r"skill of the long side needs at least 30 bars .* burn-in of 168; there were 20"
    ):
        measure_skill(bars, random_amounts(1, len(bars)), random_amounts(2, len(bars)))
    assert measure_skill(bars, random_amounts(1, len(bars)), random_amounts(2, len(bars)), burn_in=100).long_bars > 60


def test_the_side_without_known_liquidations_is_named() -> None:
    realised = random_amounts(2)
    realised[1] = np.nan
    with pytest.raises(BadData, match=r"skill of the short side .* there were 0"):
        measure_skill(random_bars(), random_amounts(1), realised)


def test_amounts_that_do_not_vary_are_refused() -> None:
    with pytest.raises(BadData, match="do not vary"):
        measure_skill(random_bars(), np.zeros((2, COUNT)), random_amounts(1))
    with pytest.raises(BadData, match="do not vary"):
        measure_skill(random_bars(), random_amounts(1), np.ones((2, COUNT)))


def test_a_map_that_is_the_null_knows_nothing_beyond_it() -> None:
    bars = random_bars()
    with pytest.raises(BadData, match="do not vary"):  # once the null is taken out, nothing is left of it
        measure_skill(bars, np.nan_to_num(null_predictions(bars)), random_amounts(1))


def minutes(*opens: int, interval: Interval = Interval.M5) -> Bars:
    count = len(opens)
    return Bars(interval, np.array(opens, dtype=np.int64) * 60_000, *(np.ones(count) for _ in range(5)))


def test_predictions_of_finer_bars_are_summed() -> None:
    finer = minutes(0, 1, 2, 4, 11, interval=Interval.M1)
    predicted = np.array([[1.0, 2, 3, 4, 5], [10, 20, 30, 40, 50]])
    found = predictions_of(minutes(0, 5, 10), finer.open_ms, finer.close_ms, predicted)
    # 0:00 to 0:05 has four minutes, 0:05 to 0:10 none, 0:10 to 0:15 one.
    assert found == pytest.approx(np.array([[10, np.nan, 5], [100, np.nan, 50]]), nan_ok=True)


def test_bars_finer_than_the_predictions_have_none() -> None:
    hour = minutes(0, interval=Interval.H1)
    found = predictions_of(minutes(0, 5, 55), hour.open_ms, hour.close_ms, np.array([[1.0], [2.0]]))
    assert np.isnan(found).all()


def test_without_predictions_every_bar_is_unknown() -> None:
    empty = np.empty(0, dtype=np.int64)
    assert np.isnan(predictions_of(minutes(0, 5), empty, empty, np.empty((2, 0)))).all()


def test_realised_liquidations_stand_at_their_bars() -> None:
    rows = LiquidationBarRows(np.array([5, 10, 20]) * 60_000, np.array([1.0, 2, 3]), np.array([4.0, 5, 6]))
    found = realised_of(minutes(0, 5, 10, 15), rows)
    assert found == pytest.approx(np.array([[np.nan, 1, 2, np.nan], [np.nan, 4, 5, np.nan]]), nan_ok=True)
