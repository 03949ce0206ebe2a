"""Stop zones of a hand-worked book: the price at the lower edge of bin 1100, a window of 40 bins."""

from __future__ import annotations

import math

import numpy as np
import pytest

from liqgrid.engine.market.axis import LOG_GROWTH, mid_prices
from liqgrid.engine.market.instrument import Side
from liqgrid.engine.model.stops import StopZone, locate_stop_zones

FIRST_BIN, WIDTH = 1000, 200
PRICE = math.exp(1100 * LOG_GROWTH)
WITHIN_DOWN, WITHIN_UP = 1 - math.exp(-40 * LOG_GROWTH), math.exp(41 * LOG_GROWTH) - 1


def zones(
    notional_by_bin: dict[int, float], side: Side = Side.LONG, least_width: float = 0.002, within: float | None = None
) -> list[StopZone]:
    notional = np.zeros(WIDTH)
    for k, amount in notional_by_bin.items():
        notional[k - FIRST_BIN] = amount
    base = notional / mid_prices(FIRST_BIN, WIDTH)
    distance = within or (WITHIN_DOWN if side is Side.LONG else WITHIN_UP)
    return locate_stop_zones(side, FIRST_BIN, base, PRICE, distance, least_width)


def bins(zone: StopZone) -> tuple[int, int]:
    """First and last bin of a zone."""
    low, high = (math.log(price) / LOG_GROWTH for price in (zone.low, zone.high))
    assert low == pytest.approx(round(low), abs=1e-6)
    assert high == pytest.approx(round(high), abs=1e-6)
    return round(low), round(high) - 1


def test_zones_lie_before_and_behind_a_cluster() -> None:
    # 160 at 1070 becomes 10 20 30 40 30 20 10 in 1067 … 1073, all of it a cluster. The mean of 40 bins is 161.6 / 40 =
    # 4.04. The 1.6 at 1085 become 0.1 … 0.4, under half of that: a crumb inside a zone.
    near, far = zones({1070: 160, 1085: 1.6})
    assert (bins(near), bins(far)) == ((1074, 1099), (1060, 1066))
    assert near.side is far.side is Side.LONG
    assert near.distance_fraction == pytest.approx(0)
    assert far.distance_fraction == pytest.approx(1 - math.exp(-33 * LOG_GROWTH))
    assert (near.notional_quote, far.notional_quote) == pytest.approx((1.6, 0))
    assert (near.density_ratio, far.density_ratio) == pytest.approx((1.6 / 26 / 4.04, 0))
    assert (near.before_quote, far.before_quote) == pytest.approx((0, 161.6))
    assert near.before is None
    assert far.beyond is None
    assert near.beyond == far.before
    assert near.beyond is not None
    assert near.beyond.peak_price == pytest.approx(math.exp(1070.5 * LOG_GROWTH))
    assert near.beyond.notional_quote == pytest.approx(160)


def test_stops_of_shorts_lie_above() -> None:
    # The mirror: 40 bins 1101 … 1140, the spike in 1127 … 1133.
    near, far = zones({1130: 160, 1115: 1.6}, Side.SHORT)
    assert (bins(near), bins(far)) == ((1101, 1126), (1134, 1140))
    assert (near.before_quote, far.before_quote) == pytest.approx((0, 161.6))
    assert near.distance_fraction == pytest.approx(math.exp(LOG_GROWTH) - 1)
    assert near.before is None
    assert near.beyond == far.before != far.beyond


def test_a_cluster_outside_of_the_window_is_seen_behind_a_zone() -> None:
    found = zones({1070: 160, 1040: 320})
    assert found[1].beyond is not None
    assert found[1].beyond.notional_quote == pytest.approx(320)
    assert found[1].before_quote == pytest.approx(160), "what lies beyond is not in the way"


def test_a_narrow_stretch_is_no_zone() -> None:
    # 7 bins are 7 × 5 bps wide, a little less, for they lie below the price.
    assert len(zones({1070: 160}, least_width=0.0034)) == 2
    assert len(zones({1070: 160}, least_width=0.0036)) == 1
    assert zones({1070: 160}, least_width=0.1) == []


def test_an_even_side_has_no_zone() -> None:
    assert zones(dict.fromkeys(range(1000, 1100), 1.0)) == []


def test_the_flank_of_a_dense_cluster_is_not_clear() -> None:
    # 16 at 1070 become 1 2 3 4 3 2 1. The mean is 176 / 40 = 4.4: the peak of 4 is dense, and its flanks of 1 and 2,
    # though under half of the mean, are in its range.
    found = zones({1070: 16, 1090: 160})
    assert [bins(zone) for zone in found] == [(1094, 1099), (1074, 1086), (1060, 1066)]
    # 8 become 0.5 … 2, under half of 4.2 at the peak too: no dense cluster.
    assert [bins(zone) for zone in zones({1070: 8, 1090: 160})] == [(1094, 1099), (1060, 1086)]


@pytest.mark.parametrize("notional", [{}, {1050: 5.0}, {1100: 5.0, 1120: 5.0}])
def test_a_side_with_nothing_in_the_window_has_no_zones(notional: dict[int, float]) -> None:
    assert zones(notional) == []


def test_a_window_without_a_whole_bin_has_no_zones() -> None:
    assert zones({1099: 5.0}, within=1e-5) == []
    assert locate_stop_zones(Side.LONG, FIRST_BIN, np.zeros(0), PRICE, 0.1, 0.002) == []


def test_no_zone_reaches_beyond_a_factor_of_two() -> None:
    (*_, far) = zones({1099: 160}, within=1.0)
    assert far.low >= PRICE / 2
    assert far.low == pytest.approx(PRICE / 2, rel=1e-3)
