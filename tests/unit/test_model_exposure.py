"""Exposure on four bins around a price of 1, an edge: mids 1.0005^(−1.5), ^(−0.5), ^0.5, ^1.5."""

from __future__ import annotations

import numpy as np
import pytest

from liqgrid.engine.market.axis import GROWTH
from liqgrid.engine.market.instrument import Side
from liqgrid.engine.model.exposure import Band, cumulative_curve, measure_bands

MIDS = GROWTH ** np.array([-1.5, -0.5, 0.5, 1.5])
LONG = np.array([4.0, 3.0, 0.0, 0.0])
SHORT = np.array([0.0, 0.0, 1.0, 2.0])


def test_a_band_holds_the_bins_whose_middle_is_near() -> None:
    # The middles are 0.025 % and 0.075 % away.
    none, near, wide = measure_bands(-2, LONG, SHORT, 1.0, [0.0002, 0.0005, 0.001])
    assert (none.long_quote, none.short_quote) == (0, 0)
    assert near.long_quote == pytest.approx(3 * MIDS[1])
    assert near.short_quote == pytest.approx(1 * MIDS[2])
    assert wide.long_quote == pytest.approx(4 * MIDS[0] + 3 * MIDS[1])
    assert wide.short_quote == pytest.approx(1 * MIDS[2] + 2 * MIDS[3])
    assert [band.within_fraction for band in (none, near, wide)] == [0.0002, 0.0005, 0.001]


def test_no_bands_asked_for() -> None:
    assert measure_bands(-2, LONG, SHORT, 1.0, []) == []


def test_imbalance_and_the_heavier_side() -> None:
    assert Band(0.1, 30.0, 10.0).imbalance == 0.5  # (30 − 10) / 40
    assert Band(0.1, 10.0, 30.0).imbalance == -0.5
    assert Band(0.1, 0.0, 0.0).imbalance == 0.0
    assert Band(0.1, 30.0, 10.0).heavier is Side.LONG
    assert Band(0.1, 10.0, 30.0).heavier is Side.SHORT
    assert Band(0.1, 10.0, 10.0).heavier is None


def test_a_curve_adds_up_away_from_the_price() -> None:
    longs = cumulative_curve(Side.LONG, -2, LONG, 1.0, 0.01)
    # Falling, the price has passed bin −1 at 1/g, and bin −2 at 1/g².
    assert longs.price == pytest.approx([1 / GROWTH, 1 / GROWTH**2])
    assert longs.notional_quote == pytest.approx([3 * MIDS[1], 3 * MIDS[1] + 4 * MIDS[0]])
    shorts = cumulative_curve(Side.SHORT, -2, SHORT, 1.0, 0.01)
    assert shorts.price == pytest.approx([GROWTH, GROWTH**2])
    assert shorts.notional_quote == pytest.approx([1 * MIDS[2], 1 * MIDS[2] + 2 * MIDS[3]])


def test_a_curve_ends_at_its_distance() -> None:
    assert cumulative_curve(Side.LONG, -2, LONG, 1.0, 0.0005).notional_quote == pytest.approx([3 * MIDS[1]])
    assert len(cumulative_curve(Side.LONG, -2, LONG, 1.0, 0.0001).price) == 0


def test_the_end_of_a_curve_is_the_band_of_its_distance() -> None:
    rng = np.random.default_rng(2)
    below, above = np.arange(200) < 100, np.arange(200) >= 100
    long, short = rng.random(200) * below, rng.random(200) * above
    (band,) = measure_bands(-100, long, short, 1.0, [0.02])
    assert cumulative_curve(Side.LONG, -100, long, 1.0, 0.02).notional_quote[-1] == pytest.approx(band.long_quote)
    assert cumulative_curve(Side.SHORT, -100, short, 1.0, 0.02).notional_quote[-1] == pytest.approx(band.short_quote)
