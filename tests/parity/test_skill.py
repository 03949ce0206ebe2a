"""The engine's skill against the slow reference, on random bars with ties and quiet stretches."""

from __future__ import annotations

import numpy as np
import pytest

from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.bars import Bars
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.model.skill import exponential_mean, measure_skill, null_predictions, ranks
from tests.parity import reference


def random_bars(rng: np.random.Generator, count: int) -> Bars:
    close = 100 * np.exp(np.cumsum(0.01 * rng.normal(size=count)))
    opened = np.concatenate([[100.0], close[:-1]])
    high = np.maximum(opened, close) * np.exp(np.where(rng.random(count) < 0.3, 0.0, 0.01 * rng.random(count)))
    low = np.minimum(opened, close) * np.exp(-np.where(rng.random(count) < 0.3, 0.0, 0.01 * rng.random(count)))
    open_ms = np.arange(count, dtype=np.int64) * Interval.H1.ms
    return Bars(Interval.H1, open_ms, opened, high, low, close, rng.exponential(10.0, count))


def amounts(rng: np.random.Generator, null: F64) -> tuple[F64, F64]:
    """Predicted and realised that share something beyond the null, both with many equal values."""
    hidden = rng.exponential(size=null.shape)
    predicted = np.round(np.nan_to_num(null) * hidden, 2)
    realised = np.round(np.nan_to_num(null) * (hidden + rng.exponential(size=null.shape)), 1)
    return predicted, realised


@pytest.mark.parametrize("seed", range(4))
def test_skill_equals_the_reference(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bars = random_bars(rng, 450)
    predicted, realised = amounts(rng, null_predictions(bars))
    found = measure_skill(bars, predicted, realised)
    lists = [getattr(bars, name).tolist() for name in ("low", "high", "close", "volume_base")]
    long = reference.skill_of_side(reference.LONG, predicted[0].tolist(), realised[0].tolist(), *lists)
    short = reference.skill_of_side(reference.SHORT, predicted[1].tolist(), realised[1].tolist(), *lists)
    assert 0.1 < abs(long) < 1
    assert found.long == pytest.approx(long, abs=1e-9)
    assert found.short == pytest.approx(short, abs=1e-9)
    assert found.mean == pytest.approx((long + short) / 2, abs=1e-9)


def test_ranks_equal_the_reference() -> None:
    values = np.random.default_rng(0).integers(0, 12, 60).astype(np.float64)
    assert ranks(values).tolist() == reference.ranks(values.tolist())


def test_the_exponential_mean_is_the_explicit_weighted_sum() -> None:
    values = np.random.default_rng(1).exponential(size=40)
    expected = [reference.ema_before(values.tolist(), t + 1) for t in range(len(values))]
    assert exponential_mean(values, 6) == pytest.approx(expected, rel=1e-12)
