"""One played market for all tests that only read it."""

from __future__ import annotations

import pytest

from liqgrid.engine.sim.tape import Market
from tests.sim.exchange import played_market


@pytest.fixture(scope="session")
def market() -> Market:
    return played_market()
