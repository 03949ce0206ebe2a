"""A local exchange with the real ccxt client in front of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import ccxt.async_support
import ccxt.pro

from liqgrid.engine.sim.clock import Clock, SteppedClock
from liqgrid.engine.sim.faults import Faults
from liqgrid.engine.sim.limits import WeightLimit
from liqgrid.engine.sim.parameters import symbol_parameters
from liqgrid.engine.sim.server import LocalExchange, ccxt_urls, running_exchange
from liqgrid.engine.sim.tape import Market, new_market, play_until

ORIGIN_MS = 1_789_948_800_000  # 2026-09-21 00:00 UTC
DAY_MS, HOUR_MS, MINUTE_MS = 86_400_000, 3_600_000, 60_000
DAYS = 3
NOW_MS = ORIGIN_MS + 2 * DAY_MS + 7 * HOUR_MS + 40_000  # in the middle of a minute
BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"


def played_market() -> Market:
    """Two symbols, three days."""
    market = new_market(7, ORIGIN_MS, [symbol_parameters("BTC"), symbol_parameters("ETH")])
    play_until(market, ORIGIN_MS + DAYS * DAY_MS)
    return market


def pointed(client: Any, url: str) -> Any:
    """Point an unmodified ccxt client at an exchange."""
    urls = ccxt_urls(url)
    client.urls["api"]["ws"] = client.urls["api"].get("ws", {}) | urls.pop("ws")
    client.urls["api"].update(urls)
    return client


@asynccontextmanager
async def collected(
    market: Market,
    faults: Faults | None = None,
    weight: WeightLimit | None = None,
    clock: Clock | None = None,
    make_client: Callable[[dict[str, Any]], Any] = ccxt.pro.binanceusdm,
) -> AsyncIterator[tuple[LocalExchange, Any]]:
    """Yield a running exchange and a client that has loaded its markets; faults begin after that."""
    quiet = Faults()
    async with running_exchange(market, clock or SteppedClock(NOW_MS), quiet, weight) as local:
        client = pointed(make_client({"enableRateLimit": False, "timeout": 5_000}), local.url)
        try:
            await client.load_markets()
            for name in Faults.__slots__ if faults else ():
                setattr(quiet, name, getattr(faults, name))
            yield local, client
        finally:
            await client.close()


async def until(condition: Callable[[], object]) -> None:
    """Wait until a condition holds, five seconds at most."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what ccxt has cached tells nobody when it changes
            await asyncio.sleep(0.005)


async def subscribed(local: LocalExchange, *streams: str) -> None:
    """Wait until somebody listens to each of the streams."""
    await until(lambda: set(streams) <= {name for one in local.sockets.connections for name in one.streams})
