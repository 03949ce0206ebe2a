"""A served market for the client, and either half of the client in turn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from liqgrid.engine.market.instrument import parse_instrument
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.store.database import connected
from liqgrid.engine.store.raw import ensure_instrument
from liqgrid_client import retries
from tests.api.conftest import put
from tests.api.growing import FIRST, Venue
from tests.api.realised import put_realised
from tests.api.served import Api, serving
from tests.client.both import HALVES, Half
from tests.conftest import Server, new_database_on
from tests.markets import BITCOIN, market

BARS = 600  # of 15 minutes


@pytest.fixture(params=HALVES)
def half(request: pytest.FixtureRequest) -> Half:
    return Half(request.param)


@pytest.fixture(scope="session")
def api(postgresql_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """BTC-USDT built from 15 minute bars; XRP-USDT with the rows of tests/api/realised.py alone."""
    with new_database_on(postgresql_server.dsn, postgresql_server.template) as dsn:
        with connected(dsn) as connection:
            put(connection, market(BARS, Interval.M15, seed=3), tmp_path_factory.mktemp("market"), BITCOIN)
            stored = ensure_instrument(connection, parse_instrument("binance:XRP-USDT"))
            put_realised(connection, stored.instrument_id)
        with serving(dsn) as api:
            yield api


@pytest.fixture(scope="session")
def url(api: Api) -> str:
    return str(api.client.base_url)


@pytest.fixture(scope="session")
def venue(postgresql_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venue]:
    """A grid that grows as tests say; one for all of them, each goes on from where it is."""
    with new_database_on(postgresql_server.dsn, postgresql_server.template) as dsn, connected(dsn) as connection:
        venue = Venue(dsn, connection, tmp_path_factory.mktemp("venue"), market(400, Interval.M15, seed=5))
        venue.grow(FIRST)
        yield venue


@pytest.fixture(scope="session")
def live(venue: Venue) -> Iterator[Api]:
    """A server of the grid that grows."""
    with serving(venue.dsn) as api:
        yield api


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave nothing to the environment, and let clients come back sooner than they would."""
    monkeypatch.setattr(retries, "FIRST_PAUSE_S", 0.01)
    for name in ("LIQGRID_URL", "LIQGRID_API_KEY"):
        monkeypatch.delenv(name, raising=False)
