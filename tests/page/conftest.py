"""The page as a person meets it: a real Chromium against a server on a loopback port, over a made-up market."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from liqgrid.engine.market.interval import Interval
from liqgrid.engine.store.database import Connection, connected
from tests.api.conftest import BYBIT, put, rename
from tests.api.served import Api, serving
from tests.conftest import NewDatabase, Server, new_database_on
from tests.markets import BITCOIN, Market, market
from tests.page.viewer import Viewer
from tests.servers.browser import FLAGS, browser_path

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
BARS = 1500  # of 15 minutes: fifteen days
START = "2024-06-20T00:00:00Z"


@pytest.fixture(scope="session")
def plain_database(postgresql_server: Server) -> NewDatabase:
    """Migrated databases for the page, which knows nothing of what kind they are."""
    return partial(new_database_on, postgresql_server.dsn, postgresql_server.template)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    os.environ.pop("DISPLAY", None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), headless=True, args=list(FLAGS))
        yield browser
        browser.close()


@dataclass
class Venue:
    """A database whose grid of binance:BTC-USDT grows as a test says; ``stored`` bars so far."""

    dsn: str
    connection: Connection
    folder: Path
    rows: Market = field(repr=False)
    stored: int = 0

    def grow(self, bars: int = 1) -> None:
        """Store and build the next bars."""
        put(self.connection, self.rows.rows(slice(self.stored, self.stored + bars)), self.folder, BITCOIN)
        self.stored += bars

    def correct(self, bar: int) -> None:
        """Correct one bar's volume: the columns after it are made anew."""
        self.rows = self.rows.changed("volume", bar, float(self.rows.columns["volume"][bar]) * 3 + 1)
        put(self.connection, self.rows.rows([bar]), self.folder, BITCOIN)

    @property
    def newest_ms(self) -> int:
        return int(self.rows.open_ms[self.stored - 1]) + self.rows.interval.ms


@pytest.fixture(scope="package")
def api(plain_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """binance:BTC-USDT and bybit:BTC-USDT, funding and realised liquidations of the first."""
    folder = tmp_path_factory.mktemp("market")
    rows = market(BARS, Interval.M15, seed=3, start=START)
    other = rows.shifted(slice(None), 1.0005).changed("oi_close", slice(None), 0.4 * rows.columns["oi_close"])
    with plain_database() as dsn:
        with connected(dsn) as connection:
            put(connection, other, folder, BITCOIN)
            rename(connection, BITCOIN, BYBIT)
            put(connection, rows, folder, BITCOIN)
            _put_funding(connection, int(rows.open_ms[0]))
        with serving(dsn) as served:
            yield served


def _put_funding(connection: Connection, start_ms: int) -> None:
    for period in range(BARS // 32):
        connection.execute(
            "INSERT INTO funding_rate (instrument_id, ts, rate_fraction) SELECT instrument_id, "
            "to_timestamp($1::bigint / 1000.0), $2 FROM instrument WHERE venue = 'binance'",
            [start_ms + period * 8 * 3_600_000, 1e-4 * (1 - period % 3)],
        )


@pytest.fixture
def venue(plain_database: NewDatabase, tmp_path: Path) -> Iterator[Venue]:
    """A database whose grid the test lets grow."""
    with plain_database() as dsn, connected(dsn) as connection:
        rows = market(600, Interval.M15, seed=5, start=START)
        venue = Venue(dsn, connection, tmp_path, rows)
        venue.grow(300)
        yield venue


@pytest.fixture(scope="package")
def desktop(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser with a screen of 1440 × 900, which has been here before: its cache is kept from test to test."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark")
    yield context
    context.close()


@pytest.fixture
def viewer(desktop: BrowserContext) -> Iterator[Viewer]:
    """Somebody who opens a tab; at the end nothing may have gone wrong in it."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    viewer = Viewer(desktop, SCREENSHOTS)
    yield viewer
    viewer.page.close()
    viewer.nothing_went_wrong()
