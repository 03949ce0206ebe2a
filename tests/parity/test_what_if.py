"""The engine's cascades and stop zones against the slow reference, on random books."""

from __future__ import annotations

import math

import numpy as np
import pytest

from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.axis import bins_of, edges, mid_prices
from liqgrid.engine.market.instrument import SIDES, Side
from liqgrid.engine.model.cascade import run_cascade
from liqgrid.engine.model.impact import Impact, MarketDay
from liqgrid.engine.model.stops import locate_stop_zones
from tests.parity import what_if
from tests.parity.reference import G
from tests.parity.test_clusters import random_base

FIRST_BIN = 22_000
KINDS = ["noise", "spikes", "hills", "steps"]


def random_book(rng: np.random.Generator, kind: str) -> tuple[F64, float]:
    """Longs under a price and shorts over it, both of a kind, and the price."""
    long, short = random_base(rng, kind), random_base(rng, kind)
    base = np.zeros((2, len(long) + len(short) + 1))
    base[0, : len(long)], base[1, len(long) + 1 :] = long, short
    return base, float(edges(FIRST_BIN + len(long), 0)[0] * G**0.4)


def notional_of(base: F64) -> dict[str, dict[int, float]]:
    mids = mid_prices(FIRST_BIN, base.shape[1])
    return {
        side.value: {FIRST_BIN + k: float(base[side.row, k] * mids[k]) for k in np.flatnonzero(base[side.row]).tolist()}
        for side in SIDES
    }


@pytest.mark.parametrize("coefficient", [0.0, 0.5, 3.0, 10.0])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", KINDS)
def test_a_cascade_equals_the_reference(kind: str, seed: int, coefficient: float) -> None:
    rng = np.random.default_rng(seed)
    base, price = random_book(rng, kind)
    path = (price * np.exp(np.cumsum(rng.normal(0, 0.02, 12)))).tolist()
    path.insert(4, path[3])  # a leg that does not move
    placed = float((base * mid_prices(FIRST_BIN, base.shape[1])).sum())
    day = MarketDay(volatility=0.03, volume_quote=placed * 3, bars=24)
    found = run_cascade(FIRST_BIN, base, price, path, Impact(coefficient, day))
    slow = what_if.cascade(notional_of(base), price, path, coefficient * 0.03 / math.sqrt(placed * 3))
    assert len(slow.steps) > 5
    assert found.steps.leg.tolist() == [leg for leg, _, _, _ in slow.steps]
    assert [SIDES[row].value for row in found.steps.side_row] == [side for _, side, _, _ in slow.steps]
    assert bins_of(found.steps.price).tolist() == [k for _, _, k, _ in slow.steps]
    assert found.steps.notional_quote == pytest.approx([amount for _, _, _, amount in slow.steps], rel=1e-9)
    assert found.legs.end == pytest.approx(slow.ends, rel=1e-9)
    assert found.notional_quote == pytest.approx(list(slow.liquidated.values()), rel=1e-9)


@pytest.mark.parametrize("within", [0.02, 0.1, 1.0])
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", KINDS)
def test_stop_zones_equal_the_reference(kind: str, seed: int, side: Side, within: float) -> None:
    base, price = random_book(np.random.default_rng(seed), kind)
    found = locate_stop_zones(side, FIRST_BIN, base[side.row], price, within, 0.002)
    expected = what_if.stop_zones(side.value, notional_of(base)[side.value], price, within, 0.002)
    assert len(found) == len(expected) > 0
    for zone, slow in zip(found, expected, strict=True):
        assert zone.side is side
        assert zone.low == pytest.approx(G**slow.first_bin, rel=1e-10)
        assert zone.high == pytest.approx(G ** (slow.last_bin + 1), rel=1e-10)
        assert zone.notional_quote == pytest.approx(slow.notional, rel=1e-9)
        assert zone.density_ratio == pytest.approx(slow.density, rel=1e-9)
        assert zone.before_quote == pytest.approx(slow.before, rel=1e-9)
        for cluster, peak in ((zone.before, slow.cluster_before), (zone.beyond, slow.cluster_beyond)):
            assert (cluster is None) == (peak is None)
            if cluster is not None and peak is not None:
                assert cluster.peak_price == pytest.approx(G ** (peak + 0.5), rel=1e-10)
