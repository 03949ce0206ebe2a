"""Clusters on small densities. A spike of 16 in one bin is smoothed to 1 2 3 4 3 2 1 around it."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.axis import LOG_GROWTH, edges, mid_prices
from liqgrid.engine.market.instrument import Side
from liqgrid.engine.model.clusters import Cluster, locate_clusters

FIRST_BIN = 1000
WIDTH = 60
PRICE = math.exp((FIRST_BIN + 70) * LOG_GROWTH)


def base_of(notional_by_bin: dict[int, float], width: int = WIDTH, offset: int = 20) -> F64:
    """Base amounts that are worth these notionals; bin 0 of the tests stands 20 bins into the array."""
    notional = np.zeros(width)
    for k, amount in notional_by_bin.items():
        notional[offset + k] += amount
    return notional / mid_prices(FIRST_BIN, width)


def locate(notional_by_bin: dict[int, float], side_notional: float = 1000.0) -> list[Cluster]:
    return locate_clusters(Side.LONG, FIRST_BIN, base_of(notional_by_bin), PRICE, side_notional)


def bins(cluster: Cluster) -> tuple[int, int]:
    """First and last bin of a cluster, as the tests count them."""
    low, high = (math.log(price) / LOG_GROWTH - FIRST_BIN - 20 for price in (cluster.low, cluster.high))
    assert low == pytest.approx(round(low), abs=1e-6)
    assert high == pytest.approx(round(high), abs=1e-6)
    return round(low), round(high) - 1


def peak(cluster: Cluster) -> int:
    return math.floor(math.log(cluster.peak_price) / LOG_GROWTH) - FIRST_BIN - 20


def test_one_spike_is_one_cluster() -> None:
    # 1 2 3 4 3 2 1: everything at or over a quarter of 4, so three bins each way.
    (cluster,) = locate({0: 16})
    assert bins(cluster) == (-3, 3)
    assert peak(cluster) == 0
    assert cluster.side is Side.LONG
    assert cluster.notional_quote == pytest.approx(16)
    assert cluster.share_fraction == pytest.approx(0.016)
    assert cluster.base == pytest.approx(16 / mid_prices(FIRST_BIN + 20, 1)[0])
    # The peak is the middle of bin 20 and the price the lower edge of bin 70: 49.5 bins.
    assert cluster.distance_fraction == pytest.approx(1 - math.exp(-49.5 * LOG_GROWTH))


def test_a_cluster_of_shorts_is_as_far_as_it_is_above() -> None:
    price = math.exp(FIRST_BIN * LOG_GROWTH)
    (cluster,) = locate_clusters(Side.SHORT, FIRST_BIN, base_of({0: 16}), price, 16.0)
    assert cluster.side is Side.SHORT
    assert cluster.distance_fraction == pytest.approx(math.exp(20.5 * LOG_GROWTH) - 1)
    assert cluster.share_fraction == pytest.approx(1)


def test_the_edge_is_a_quarter_of_the_peak() -> None:
    # 32 at 0 and 8 at 5: densities 8 6 4 2+.5 … from 0; 8 at the peak, a quarter is 2.
    #   bin   -3 -2 -1  0  1  2  3    4    5  6    7  8
    #   32:    2  4  6  8  6  4  2
    #    8:                  .5  1   1.5   2  1.5  1  .5
    #   sum    2  4  6  8  6 4.5 3   1.5   2  1.5  1  .5   and a valley of 1.5 = 3/4 of the lower peak 2: one cluster
    (cluster,) = locate({0: 32, 5: 8})
    assert bins(cluster) == (-3, 3)  # at 4 the density is under 2
    assert cluster.notional_quote == pytest.approx(32)  # the 8 at bin 5 lie outside the range


def test_a_valley_of_three_quarters_does_not_divide() -> None:
    # 16 at 0 and at 5: 1 2 3 4 3 3 3 3 4 3 2 1, the valley 3 is not under 0.75 × 4
    (cluster,) = locate({0: 16, 5: 16})
    assert bins(cluster) == (-3, 8)
    assert cluster.notional_quote == pytest.approx(32)


def test_a_lower_valley_divides_and_belongs_to_the_cluster_above() -> None:
    # 16 at 0 and 24 at 6: 1 2 3 4 3 2 2.5 3 4.5 6 4.5 3 1.5. The valley, 2 in bin 2, is half the lower peak, and over
    # a quarter of both: the lower cluster would go on through it, and so would the upper one.
    found = sorted(locate({0: 16, 6: 24}), key=lambda cluster: cluster.low)
    assert [bins(cluster) for cluster in found] == [(-3, 1), (2, 9)]
    assert [cluster.notional_quote for cluster in found] == pytest.approx([16, 24])


def test_two_that_are_one_stand_beside_a_third() -> None:
    # 64 at 0 is divided from 16 at 10 by a valley of 0; 16 at 10 and at 15 are one, as above.
    found = sorted(locate({0: 64, 10: 16, 15: 16}), key=lambda cluster: cluster.low)
    assert [bins(cluster) for cluster in found] == [(-3, 3), (7, 18)]
    assert [peak(cluster) for cluster in found] == [0, 10]
    assert [cluster.notional_quote for cluster in found] == pytest.approx([64, 32])


def test_a_small_peak_between_two_joins_one_and_divides_nothing() -> None:
    # Densities from bin 0 with 64 there, 4 in each of 4, 5 and 6, and 40 at 10:
    #   16 12.25 8.75 5.5 2.25 2.5 2.25 4 5.25 7.75 10 …
    # The peak of 2.5 at 5 has valleys of 9/10 of it and joins a neighbour; the lowest point between 0 and 10 is 2.25.
    found = sorted(locate({0: 64, 4: 4, 5: 4, 6: 4, 10: 40}), key=lambda cluster: cluster.low)
    assert [peak(cluster) for cluster in found] == [0, 10]
    assert [bins(cluster) for cluster in found] == [(-3, 3), (7, 13)]  # where it is at or over 4, and over 2.5


def test_of_two_peaks_in_one_cluster_the_higher_is_its_peak() -> None:
    (left,) = locate({0: 20, 4: 16})
    (right,) = locate({0: 16, 4: 20})
    assert (peak(left), peak(right)) == (0, 4)


def test_clusters_are_ranked_by_notional_in_their_range() -> None:
    # A broad low hill (10 bins of 8) is worth more than a sharp spike of 40.
    hill = dict.fromkeys(range(20, 30), 8.0)
    found = locate({0: 40} | hill)
    assert [cluster.notional_quote for cluster in found] == pytest.approx([80, 40])
    assert found[0].peak_price > found[1].peak_price
    assert [cluster.share_fraction for cluster in found] == pytest.approx([0.08, 0.04])


def test_ranges_of_neighbours_do_not_overlap() -> None:
    rng = np.random.default_rng(3)
    base = np.where(rng.random(400) < 0.3, rng.exponential(size=400), 0.0)
    above = float(edges(FIRST_BIN + len(base), 0)[0])
    found = sorted(locate_clusters(Side.LONG, FIRST_BIN, base, above, 1.0), key=lambda cluster: cluster.low)
    assert all(cluster.high <= above for cluster in found), "a long cluster ends at the price"
    assert len(found) > 10
    assert all(a.high <= b.low for a, b in pairwise(found))
    assert all(cluster.low < cluster.peak_price < cluster.high for cluster in found)


@pytest.mark.parametrize("width", [0, 1, 50])
def test_nothing_has_no_clusters(width: int) -> None:
    assert locate_clusters(Side.LONG, FIRST_BIN, np.zeros(width), PRICE, 0.0) == []


@pytest.mark.parametrize("notional", [{0: 16.0}, {0: 16.0, 2: 5.0}, {0: 3.0, 1: 4.0, 9: 5.0}])
def test_empty_bins_around_the_side_change_nothing(notional: dict[int, float]) -> None:
    base = base_of(notional)
    filled = np.flatnonzero(base)
    first, last = int(filled[0]), int(filled[-1])
    trimmed = locate_clusters(Side.LONG, FIRST_BIN + first, base[first : last + 1], PRICE, 1000.0)
    whole = locate_clusters(Side.LONG, FIRST_BIN, base, PRICE, 1000.0)
    assert [bins(cluster) for cluster in trimmed] == [bins(cluster) for cluster in whole]
    assert [cluster.notional_quote for cluster in trimmed] == pytest.approx([c.notional_quote for c in whole])
