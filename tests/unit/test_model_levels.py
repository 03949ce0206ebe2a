"""Level tables: rungs of each class, worked by hand from small tiers and against a sample of positions."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.contract import Contract
from liqgrid.engine.market.errors import BadData
from liqgrid.engine.market.instrument import Instrument, parse_instrument
from liqgrid.engine.market.tiers import Tier, TierSet, assumed_tiers, published_tiers, tier_set
from liqgrid.engine.model.formulas import FORMULA_VERSIONS, formula_at, linear_at_mark
from liqgrid.engine.model.levels import LevelTable, level_table, rule_changes_ms
from liqgrid.engine.model.parameters import ModelParameters

BITCOIN = parse_instrument("binance:BTC-USDT")
COIN_MARGINED = parse_instrument("binance:BTC-USD")
# d of the second bracket: 100 000 × (0.01 − 0.004) = 600
TWO = tier_set(0, [(100_000, 0.004, 125), (10_000_000, 0.01, 50)])
DEFAULT = ModelParameters()
SETS = [(instrument, tiers) for instrument, sets in published_tiers().items() for tiers in sets]


def table(tiers: TierSet, *leverages: float, median: float = 100_000, spread: float = 2.0) -> LevelTable:
    chosen = ModelParameters(leverages=leverages, position_median_quote=median, position_spread=spread)
    return level_table(BITCOIN, tiers, chosen)


def binance(leverage: float, rate: float, amount_fraction: float) -> list[float]:
    margin = 1 / leverage + amount_fraction
    return [(1 - margin) / (1 - rate), (1 + margin) / (1 + rate)]


def mean_inverse(low: float, high: float, median: float, spread: float) -> tuple[float, float]:
    """The share of the amount in [low, high), and the mean of 1/N there, as sums over a fine raster of ln N."""
    steps = 400_000
    width = (math.log(high) - math.log(low)) / steps
    log = math.log(low) + width * (np.arange(steps) + 0.5)
    density = np.exp(-(((log - math.log(median)) / spread) ** 2) / 2) / (spread * math.sqrt(2 * math.pi)) * width
    return float(density.sum()), float((density * np.exp(-log)).sum() / density.sum())


def test_one_bracket_is_one_rung_a_class() -> None:
    found = table(tier_set(0, [(math.inf, 0.004, 125)]), 2, 125)
    assert found.leverage.tolist() == [2, 125]
    assert found.class_index.tolist() == [0, 1]
    # long (1 − 1/125) / (1 − 0.004) = 0.992 / 0.996, short (1 + 1/125) / (1 + 0.004) = 1.008 / 1.004
    assert found.factor[:, 1] == pytest.approx([0.9959839357429718, 1.0039840637450199], rel=1e-15)
    assert found.factor[:, 0] == pytest.approx([0.5 / 0.996, 1.5 / 1.004], rel=1e-15)


def test_a_class_has_a_rung_in_each_bracket_with_the_mean_of_its_maintenance_amount() -> None:
    # the median is where the brackets meet: half of the amount lies in each. N over 10 000 000 counts as that.
    share, mean = mean_inverse(100_000, 10_000_000, 100_000, 2.0)
    upper = 600 * (share * mean + (0.5 - share) / 10_000_000) / 0.5
    found = table(TWO, 20)
    assert found.class_index.tolist() == [0, 0]
    assert found.weight == pytest.approx([0.5, 0.5], rel=1e-12)
    assert found.factor[:, 0] == pytest.approx(binance(20, 0.004, 0), rel=1e-15)
    assert found.factor[:, 1] == pytest.approx(binance(20, 0.01, upper), rel=1e-9)


def test_a_position_is_no_larger_than_its_leverage_allows() -> None:
    found = table(TWO, 50, 75, 125, median=5e6, spread=0.01)  # nearly all in positions of 5 000 000
    assert found.class_index.tolist() == [0, 1, 2]
    assert found.factor[:, 0] == pytest.approx(binance(50, 0.01, 600 / 5e6), rel=1e-7)
    assert found.factor[:, 1] == pytest.approx(binance(75, 0.004, 0), rel=1e-15)  # at most 100 000
    assert found.factor[:, 2] == pytest.approx(binance(125, 0.004, 0), rel=1e-15)


def test_positions_beyond_every_cap_are_at_the_end_of_the_last_bracket() -> None:
    found = table(TWO, 20, median=1e11, spread=0.5)
    assert found.factor[:, 0] == pytest.approx(binance(20, 0.01, 600 / 1e7), rel=1e-12)


def test_rungs_that_are_as_good_as_one_are_one_with_their_mean_level() -> None:
    # at 2x the two levels of the 20x test lie some 1 % of their distance apart
    share, mean = mean_inverse(100_000, 10_000_000, 100_000, 2.0)
    upper = 600 * (share * mean + (0.5 - share) / 10_000_000) / 0.5
    found = table(TWO, 2)
    assert found.weight.tolist() == [1]
    expected = (np.array(binance(2, 0.004, 0)) + np.array(binance(2, 0.01, upper))) / 2
    assert found.factor[:, 0] == pytest.approx(expected, rel=1e-9)


def test_a_bracket_with_next_to_nothing_joins_its_neighbour() -> None:
    # Φ(ln(100 000 / 7000) / 1) = Φ(2.66): 0.4 % lie above
    found = table(TWO, 20, median=7_000, spread=1.0)
    assert found.weight.tolist() == [1]
    lower = binance(20, 0.004, 0)
    assert lower[0] < found.factor[0, 0] < lower[0] + 1e-4
    # Φ(ln(100 000 / 20 000) / 1) = Φ(1.61): 5.4 % lie above
    assert table(TWO, 20, median=20_000, spread=1.0).weight == pytest.approx([0.946, 0.054], abs=5e-4)


def test_weights_follow_the_profile() -> None:
    # 1/2 : 1/5 : 1/10 = 5 : 2 : 1
    assert table(assumed_tiers(BITCOIN), 2, 5, 10).weight == pytest.approx([5 / 8, 2 / 8, 1 / 8], rel=1e-15)
    flat = ModelParameters(leverages=(2, 5, 10, 20), profile_exponent=0)
    assert level_table(BITCOIN, assumed_tiers(BITCOIN), flat).weight == pytest.approx([0.25] * 4)


def test_a_class_above_the_highest_leverage_has_no_rung() -> None:
    modest = tier_set(0, [(math.inf, 0.01, 50)])
    found = table(modest, 10, 20, 50, 75, 125)
    # 1/10 : 1/20 : 1/50 = 10 : 5 : 2
    assert found.weight == pytest.approx([10 / 17, 5 / 17, 2 / 17], rel=1e-15)
    assert found.class_index.tolist() == [0, 1, 2]
    assert found.leverage.tolist() == [10, 20, 50, 75, 125]


def class_means(found: LevelTable) -> F64:
    """The mean level of each class, (2, J), NaN where it has none."""
    classes = len(found.leverage)
    total = np.bincount(found.class_index, found.weight, classes)
    with np.errstate(invalid="ignore"):
        return np.stack([np.bincount(found.class_index, found.weight * row, classes) / total for row in found.factor])


def sampled_means(instrument: Instrument, tiers: TierSet, median: float) -> F64:
    """The mean level of each offered class over a sample of positions, each in the bracket of its own size."""
    sample = median * np.exp(DEFAULT.position_spread * np.random.default_rng(5).standard_normal(200_000))
    formula = formula_at(instrument, tiers.valid_from_ms)
    means = []
    for leverage in (x for x in DEFAULT.leverages if x <= tiers.tiers[0].max_leverage):
        allowed = [tier for tier in tiers.tiers if tier.max_leverage >= leverage]
        size = np.minimum(sample, allowed[-1].cap_quote)
        at = np.searchsorted([tier.floor_quote for tier in allowed], size, side="right") - 1
        rate = np.array([tier.maintenance_margin_rate for tier in allowed])[at]
        amount = np.array([tier.maintenance_amount_quote for tier in allowed])[at]
        means.append(formula.factor(np.full(len(size), leverage), rate, amount / size).mean(axis=1))
    return np.array(means).T


@pytest.mark.parametrize(
    ("instrument", "tiers"), SETS[:12] + SETS[-2:] + [one for one in SETS if one[0] == COIN_MARGINED]
)
def test_the_mean_level_of_a_class_is_that_of_a_sample_of_positions(instrument: Instrument, tiers: TierSet) -> None:
    inverse = instrument == COIN_MARGINED
    median = DEFAULT.inverse_median_fraction * tiers.tiers[0].cap_quote if inverse else DEFAULT.position_median_quote
    sampled = sampled_means(instrument, tiers, median)
    found = class_means(level_table(instrument, tiers, DEFAULT, tiers.valid_from_ms))[:, : sampled.shape[1]]
    assert np.abs(found - 1) == pytest.approx(np.abs(sampled - 1), rel=0.004)


@pytest.mark.parametrize(("instrument", "tiers"), SETS)
def test_every_published_set_makes_a_table_as_it_should_be(instrument: Instrument, tiers: TierSet) -> None:
    found = level_table(instrument, tiers, DEFAULT)
    rungs = len(found.weight)
    assert found.factor.shape == (2, rungs)
    assert found.class_index.dtype == np.int64
    assert found.weight.sum() == pytest.approx(1, rel=1e-14)
    assert (found.weight > 0).all()
    assert (np.diff(found.class_index) >= 0).all()
    assert (found.factor[0] < 1).all()
    assert (found.factor[1] > 1).all()
    assert rungs <= 2.5 * (found.class_index[-1] + 1)
    means = class_means(found)[:, : found.class_index[-1] + 1]
    assert (np.diff(means[0]) > 0).all(), "higher leverage is nearer"
    assert (np.diff(means[1]) < 0).all()
    assert set(found.class_index) == {j for j, x in enumerate(DEFAULT.leverages) if x <= tiers.tiers[0].max_leverage}


def test_inverse_levels_do_not_know_the_unit_of_their_tiers() -> None:
    tiers = published_tiers()[COIN_MARGINED][-1]
    thousandths = tuple(
        Tier(
            tier.floor_quote * 1000,
            tier.cap_quote * 1000,
            tier.maintenance_margin_rate,
            tier.maintenance_amount_quote * 1000,
            tier.max_leverage,
        )
        for tier in tiers.tiers
    )
    found, scaled = (level_table(COIN_MARGINED, one, DEFAULT) for one in (tiers, replace(tiers, tiers=thousandths)))
    assert scaled.factor == pytest.approx(found.factor, rel=1e-12)
    assert scaled.weight == pytest.approx(found.weight, rel=1e-12)


@pytest.mark.parametrize("venue", [venue for venue, contract in FORMULA_VERSIONS if contract is Contract.LINEAR])
@pytest.mark.parametrize("pair", ["NEW-USDT", "NEW-USD"])
def test_assumed_tiers_make_a_table_on_every_venue_with_a_formula(venue: str, pair: str) -> None:
    instrument = parse_instrument(f"{venue}:{pair}")
    tiers = assumed_tiers(instrument)
    found = level_table(instrument, tiers, DEFAULT)
    assert len(found.weight) == found.class_index[-1] + 1  # no size matters
    assert DEFAULT.leverages[found.class_index[-1]] == tiers.tiers[0].max_leverage


def test_the_rule_is_that_of_the_time() -> None:
    bybit = parse_instrument("bybit:BTC-USDT")
    tiers = tier_set(0, [(math.inf, 0.005, 100)])
    _, second = FORMULA_VERSIONS["bybit", Contract.LINEAR]
    before = level_table(bybit, tiers, DEFAULT, second.valid_from_ms - 1)
    since = level_table(bybit, tiers, DEFAULT, second.valid_from_ms)
    assert before.factor[0, 0] == pytest.approx(1 - (0.5 - 0.005), rel=1e-15)
    assert since.factor[0, 0] == pytest.approx(linear_at_mark(np.array([2.0]), np.array([0.005]), np.zeros(1))[0, 0])
    assert (level_table(bybit, tiers, DEFAULT).factor == since.factor).all()
    later = replace(tiers, valid_from_ms=5)
    assert rule_changes_ms(bybit, (later, tiers)) == [0, 5, second.valid_from_ms]
    assert rule_changes_ms(BITCOIN, (tiers,)) == [0]


def test_a_venue_without_a_formula_is_refused() -> None:
    with pytest.raises(BadData, match="no liquidation formula for linear contracts of venue 'nowhere'"):
        level_table(parse_instrument("nowhere:BTC-USDT"), TWO, DEFAULT)


def test_tiers_below_every_class_are_refused() -> None:
    with pytest.raises(BadData, match="highest leverage was 1, below every class"):
        table(tier_set(0, [(1000, 0.3, 1)]), 2, 5)


def test_a_tier_that_liquidates_at_the_entry_is_refused() -> None:
    # 50x leaves a margin of 2 %, and the bracket asks for 3 %
    with pytest.raises(
        BadData, match=r"50x leaves no room between entry and liquidation in the bracket from 0, .* 0.03"
    ):
        table(tier_set(0, [(1000, 0.03, 50)]), 50)
