"""The simulated venue's margin rules on hand-worked numbers, and against the model's own, written apart from them."""

from __future__ import annotations

import numpy as np
import pytest

from liqgrid.engine.market.tiers import tier_set
from liqgrid.engine.model.formulas import linear_at_mark
from liqgrid.engine.sim.margin import capped_leverage, log_factors

# Amounts follow: 0, then 50 000 × (0.01 − 0.005) = 250.
TIERS = tier_set(0, [(50_000, 0.005, 100), (1_000_000, 0.01, 50)])


def test_a_position_is_liquidated_where_its_margin_equals_the_maintenance_margin() -> None:
    notional, leverage, entry = 80_000.0, 10.0, 100.0
    factors = np.exp(log_factors(TIERS, np.array([notional]), np.array([leverage])))[:, 0]
    base = notional / entry
    for price, direction in zip(entry * factors, (1, -1), strict=True):
        equity = notional / leverage + direction * base * (price - entry)
        assert equity == pytest.approx(base * price * 0.01 - 250)


def test_the_levels_are_those_of_the_model() -> None:
    notional = np.array([1_000.0, 49_999.0, 50_000.0, 400_000.0, 5_000_000.0])
    leverage = np.array([100.0, 33.0, 50.0, 4.5, 2.0])
    rate = np.array([0.005, 0.005, 0.01, 0.01, 0.01])
    amount = np.array([0, 0, 250, 250, 250]) / notional
    np.testing.assert_allclose(np.exp(log_factors(TIERS, notional, leverage)), linear_at_mark(leverage, rate, amount))


def test_no_leverage_is_above_what_the_size_allows() -> None:
    notional = np.array([49_999.0, 50_000.0, 9e9, 100.0])
    assert capped_leverage(TIERS, notional, np.array([125.0, 125.0, 125.0, 3.0])).tolist() == [100, 50, 50, 3]
