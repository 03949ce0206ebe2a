"""Liquidation prices, worked by hand from Binance's formula and the tiers of 20 June 2024."""

from __future__ import annotations

import numpy as np
import pytest

from liqgrid.engine.market.errors import BadData
from liqgrid.engine.market.instrument import parse_instrument
from liqgrid.engine.market.tiers import TierSet, tier_set
from liqgrid.engine.model.levels import LevelTable, level_table, linear_factors
from liqgrid.engine.model.parameters import ModelParameters

BITCOIN = parse_instrument("binance:BTC-USDT")
TIERS = tier_set(0, [(50_000, 0.004, 125), (600_000, 0.005, 100), (3_000_000, 0.0065, 75), (12_000_000, 0.01, 50)])


def table(tiers: TierSet = TIERS, *leverages: float, notional: float = 10_000) -> LevelTable:
    return level_table(BITCOIN, tiers, ModelParameters(leverages=leverages, position_notional_quote=notional))


def test_a_small_position_at_125x() -> None:
    # N = 10 000 is in the first bracket: m = 0.004, d = 0
    # long (1 − 1/125) / (1 − 0.004) = 0.992 / 0.996, short (1 + 1/125) / (1 + 0.004) = 1.008 / 1.004
    found = table(TIERS, 125)
    assert found.factor[0] == pytest.approx([0.9959839357429718], rel=1e-15)
    assert found.factor[1] == pytest.approx([1.0039840637450199], rel=1e-15)


def test_a_larger_position_at_50x_has_its_maintenance_amount() -> None:
    # N = 1 000 000 is in the third bracket: m = 0.0065, d = 950, d/N = 0.00095
    # long (1 − 0.02 − 0.00095) / 0.9935 = 0.97905 / 0.9935, short (1 + 0.02 + 0.00095) / 1.0065 = 1.02095 / 1.0065
    found = table(TIERS, 50, notional=1_000_000)
    assert found.factor[:, 0] == pytest.approx([0.97905 / 0.9935, 1.02095 / 1.0065], rel=1e-15)


def test_a_position_is_no_larger_than_its_leverage_allows() -> None:
    found = table(TIERS, 50, 75, 100, 125, notional=5_000_000)
    expected = [
        (1 - 1 / 50 - 11_450 / 5_000_000) / (1 - 0.01),  # 5 000 000 as asked; d = 950 + 3 000 000 × 0.0035 = 11 450
        (1 - 1 / 75 - 950 / 3_000_000) / (1 - 0.0065),  # at most 3 000 000 at 75x
        (1 - 1 / 100 - 50 / 600_000) / (1 - 0.005),  # at most 600 000 at 100x
        (1 - 1 / 125 - 0 / 50_000) / (1 - 0.004),  # at most 50 000 at 125x
    ]
    assert found.factor[0] == pytest.approx(expected, rel=1e-15)


def test_a_position_beyond_every_cap_is_in_the_last_bracket() -> None:
    found = table(TIERS, 20, notional=1e10)
    assert found.factor[0] == pytest.approx([(1 - 1 / 20 - 11_450 / 12_000_000) / (1 - 0.01)], rel=1e-15)


def test_at_the_level_the_margin_left_is_the_maintenance_margin() -> None:
    # Bought 2 at 500 (N = 1000) with 20x: margin 50. At price P: 50 + 2 (P − 500) = m × 2 P − d
    m, d, entry, quantity, leverage = 0.01, 3.0, 500.0, 2.0, 20.0
    long, short = linear_factors(np.array([leverage]), np.array([m]), np.array([d / (entry * quantity)]))[:, 0]
    for sign, factor in ((1, long), (-1, short)):
        price = entry * factor
        margin = entry * quantity / leverage + sign * quantity * (price - entry)
        assert margin == pytest.approx(m * quantity * price - d, rel=1e-12)


@pytest.mark.parametrize(("leverage", "overstated"), [(25, 0.11), (50, 0.24), (100, 0.66)])
def test_the_naive_distance_is_overstated_as_the_design_says(leverage: float, overstated: float) -> None:
    long = linear_factors(np.array([leverage]), np.array([0.004]), np.array([0.0]))[0, 0]
    assert (1 / leverage) / (1 - long) - 1 == pytest.approx(overstated, abs=0.006)


def test_weights_are_the_inverse_of_leverage_and_sum_to_one() -> None:
    # 1/2 : 1/5 : 1/10 = 5 : 2 : 1
    assert table(TIERS, 2, 5, 10).weight == pytest.approx([5 / 8, 2 / 8, 1 / 8], rel=1e-15)
    flat = level_table(BITCOIN, TIERS, ModelParameters(leverages=(2, 5, 10, 20), profile_exponent=0))
    assert flat.weight == pytest.approx([0.25] * 4)


def test_a_class_above_the_highest_leverage_gets_no_weight() -> None:
    modest = tier_set(0, [(10_000, 0.01, 50), (1_000_000, 0.02, 20)])
    found = table(modest, 10, 20, 50, 75, 125)
    # 1/10 : 1/20 : 1/50 = 10 : 5 : 2
    assert found.weight == pytest.approx([10 / 17, 5 / 17, 2 / 17, 0, 0], rel=1e-15)
    assert found.leverage.tolist() == [10, 20, 50, 75, 125]


def test_default_classes_are_nearer_with_leverage() -> None:
    found = level_table(BITCOIN, TIERS, ModelParameters())
    assert (np.diff(found.factor[0]) > 0).all()
    assert (np.diff(found.factor[1]) < 0).all()
    assert (found.factor[0] < 1).all()
    assert (found.factor[1] > 1).all()
    assert found.weight.sum() == pytest.approx(1)


def test_a_venue_without_a_formula_is_refused() -> None:
    with pytest.raises(BadData, match="no liquidation formula for venue 'nowhere'"):
        level_table(parse_instrument("nowhere:BTC-USDT"), TIERS, ModelParameters())


def test_tiers_below_every_class_are_refused() -> None:
    with pytest.raises(BadData, match="highest leverage was 1, below every class"):
        table(tier_set(0, [(1000, 0.3, 1)]), 2, 5)


def test_a_tier_that_liquidates_at_the_entry_is_refused() -> None:
    # 50x leaves a margin of 2 %, and the bracket asks for 3 %
    with pytest.raises(BadData, match="no room between entry and liquidation"):
        table(tier_set(0, [(1000, 0.03, 50)]), 50)
