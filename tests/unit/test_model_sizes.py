"""The size distribution: shares and means in closed form, against hand-worked figures and a sample."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from liqgrid.engine.model.sizes import SizeDistribution

EDGES = [0.0, 10.0, 900.0, 1e5, 3e5, 2e6, 5e7, math.inf]


def test_half_lies_under_the_median_and_two_thirds_within_one_spread() -> None:
    sizes = SizeDistribution(1e5, 2.0)
    assert sizes.share(0, 1e5) == pytest.approx(0.5, rel=1e-15)
    assert sizes.share(1e5 / math.exp(2), 1e5 * math.exp(2)) == pytest.approx(0.6826894921370859, rel=1e-12)
    assert sizes.share(0, math.inf) == 1


def test_parts_add_up() -> None:
    sizes = SizeDistribution(40_000, 1.7)
    parts = [sizes.share(a, b) for a, b in pairwise(EDGES)]
    assert sum(parts) == pytest.approx(1, rel=1e-14)
    sums = [sizes.inverse_sum(a, b) for a, b in pairwise(EDGES)]
    # the mean of 1/N of a log-normal: exp(spread²/2) / median
    assert sum(sums) == pytest.approx(math.exp(1.7**2 / 2) / 40_000, rel=1e-14)


@pytest.mark.parametrize(("median", "spread"), [(1e5, 2.0), (3.0, 0.5), (1e7, 1.0)])
def test_shares_and_means_are_those_of_a_sample(median: float, spread: float) -> None:
    sizes = SizeDistribution(median, spread)
    sample = median * np.exp(spread * np.random.default_rng(3).standard_normal(1_000_000))
    edges = [0, median / 5, median / 2, median, median * 3, median * 20]
    for low, high in pairwise(edges):
        inside = sample[(sample >= low) & (sample < high)]
        assert sizes.share(low, high) == pytest.approx(len(inside) / len(sample), abs=0.0025)
        if low > 0:  # from 0 on, the mean of 1/N rests on a few tiny positions
            assert sizes.inverse_sum(low, high) / sizes.share(low, high) == pytest.approx((1 / inside).mean(), rel=0.02)


def test_far_tails_keep_their_digits() -> None:
    sizes = SizeDistribution(1.0, 1.0)
    below, above = sizes.share(math.exp(-21), math.exp(-20)), sizes.share(math.exp(20), math.exp(21))
    assert 0 < above == pytest.approx(below, rel=1e-12)
