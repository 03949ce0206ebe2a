"""The engine's clusters against the slow reference, on random densities."""

from __future__ import annotations

import numpy as np
import pytest

from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.axis import edges, mid_prices
from liqgrid.engine.market.instrument import Side
from liqgrid.engine.model.clusters import locate_clusters
from tests.parity import reference

FIRST_BIN = 22_000
EMPTY = 10  # empty bins on both sides, so that every range ends where the density says


def random_base(rng: np.random.Generator, kind: str) -> F64:
    if kind == "noise":
        inner = rng.exponential(size=60)
    elif kind == "spikes":
        inner = np.where(rng.random(80) < 0.15, rng.exponential(10.0, 80), 0.0)
    elif kind == "hills":
        x = np.arange(200)
        inner = sum(
            (rng.exponential() * np.exp(-(((x - rng.uniform(0, 200)) / rng.uniform(2, 15)) ** 2)) for _ in range(8)),
            start=np.zeros(200),
        )
    else:
        inner = np.repeat(rng.integers(0, 4, 30).astype(np.float64), 5)
    inner[0] = inner[-1] = 1e-3
    return np.concatenate([np.zeros(EMPTY), inner, np.zeros(EMPTY)])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", ["noise", "spikes", "hills", "steps"])
def test_clusters_equal_the_reference(kind: str, seed: int) -> None:
    base = random_base(np.random.default_rng(seed), kind)
    price = float(edges(FIRST_BIN + len(base) + 5, 0)[0])
    mids = mid_prices(FIRST_BIN, len(base))
    whole = float((base * mids).sum()) * 2
    expected = reference.clusters({FIRST_BIN + i: float(base[i] * mids[i]) for i in range(len(base))}, whole)
    found = locate_clusters(Side.LONG, FIRST_BIN, base, price, whole)
    assert len(found) == len(expected) > 0
    for cluster, slow in zip(found, expected, strict=True):
        assert cluster.side is Side.LONG
        assert cluster.low == pytest.approx(reference.G**slow.first_bin, rel=1e-10)
        assert cluster.high == pytest.approx(reference.G ** (slow.last_bin + 1), rel=1e-10)
        assert cluster.peak_price == pytest.approx(reference.G ** (slow.peak_bin + 0.5), rel=1e-10)
        assert cluster.notional_quote == pytest.approx(slow.notional, rel=1e-9)
        assert cluster.base == pytest.approx(
            sum(base[slow.first_bin - FIRST_BIN : slow.last_bin + 1 - FIRST_BIN]), rel=1e-9
        )
        assert cluster.share_fraction == pytest.approx(slow.share, rel=1e-9)
        assert cluster.distance_fraction == pytest.approx(abs(cluster.peak_price - price) / price, rel=1e-9)
