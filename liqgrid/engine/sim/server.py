"""The local exchange: a simulated market behind Binance's USDT-M wire format, on HTTP and WebSocket.

Everything it serves is SIMULATED; every answer says so in the header ``x-liqgrid-simulated``. An unmodified ccxt client
collects from it once its ``urls["api"]`` lead here (``ccxt_urls``).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from liqgrid.engine.sim.clock import Clock, SteppedClock
from liqgrid.engine.sim.exchange import Exchange
from liqgrid.engine.sim.faults import Faults
from liqgrid.engine.sim.limits import WeightLimit
from liqgrid.engine.sim.query import Refusal
from liqgrid.engine.sim.rest import ROUTES, Route
from liqgrid.engine.sim.sockets import Sockets
from liqgrid.engine.sim.tape import Market

SIMULATED_HEADER = "x-liqgrid-simulated"
_TICK_S = 0.1
_SOCKET_PATHS = ("/ws", "/market/ws", "/public/ws")
_FAILED = "<html><body><h1>{status} the local exchange was told to fail</h1></body></html>"
_FAILURES = (500, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class LocalExchange:
    """A running exchange: where it listens, and its parts."""

    url: str
    exchange: Exchange
    sockets: Sockets

    @property
    def market(self) -> Market:
        """Return its market, whose true positions are known."""
        return self.exchange.market

    @property
    def faults(self) -> Faults:
        """Return its switches; they may be changed at any time."""
        return self.exchange.faults

    async def advance(self, ms: int) -> None:
        """Move a stepped clock on, and wait until those who listen have been sent what happened."""
        clock = self.exchange.clock
        if not isinstance(clock, SteppedClock):
            raise TypeError("only a SteppedClock is moved by hand")
        clock.ms += ms
        self.sockets.publish(self.exchange.now_ms())
        await self.sockets.sent()


def ccxt_urls(url: str) -> dict[str, Any]:
    """Return what replaces parts of ``urls["api"]`` in ccxt's ``binanceusdm``: it then collects from ``url``."""
    return {
        "fapiPublic": f"{url}/fapi/v1",
        "fapiPublicV2": f"{url}/fapi/v2",
        "fapiPublicV3": f"{url}/fapi/v3",
        "fapiData": f"{url}/futures/data",
        "ws": {"linear": f"ws{url.removeprefix('http')}/ws"},
    }


@asynccontextmanager
async def running_exchange(
    market: Market,
    clock: Clock,
    faults: Faults | None = None,
    weight: WeightLimit | None = None,
    listener: socket.socket | None = None,
) -> AsyncIterator[LocalExchange]:
    """Serve a market while the context lasts, on a listening socket or else on a free port of the loopback.

    With a running clock the streams are told of what happened ten times a second; with a ``SteppedClock`` whenever
    ``LocalExchange.advance`` is called.
    """
    exchange = Exchange(market, clock, faults or Faults(), weight or WeightLimit())
    sockets = Sockets(exchange, exchange.now_ms())
    runner = web.AppRunner(_application(exchange, sockets), access_log=None, shutdown_timeout=0)
    await runner.setup()
    ticker: asyncio.Task[None] | None = None
    try:
        site = web.SockSite(runner, listener) if listener else web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        if not isinstance(clock, SteppedClock):
            ticker = asyncio.create_task(_tick(sockets))
        yield LocalExchange(f"http://{host}:{port}", exchange, sockets)
    finally:
        if ticker is not None:
            ticker.cancel()
            with suppress(asyncio.CancelledError):
                await ticker
        for connection in list(sockets.connections):
            connection.cut()
        await runner.cleanup()


async def _tick(sockets: Sockets) -> None:
    while True:
        await asyncio.sleep(_TICK_S)
        sockets.publish(sockets.exchange.now_ms())


def _application(exchange: Exchange, sockets: Sockets) -> web.Application:
    application = web.Application()
    application.on_response_prepare.append(_mark_simulated)
    for path, route in ROUTES.items():
        application.router.add_get(path, _handler(exchange, route))
    for path in _SOCKET_PATHS:
        application.router.add_get(path, sockets.serve)
        application.router.add_get(path + "/{streams:.*}", sockets.serve)
        application.router.add_get(path.removesuffix("/ws") + "/stream", sockets.serve)
    return application


async def _mark_simulated(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers[SIMULATED_HEADER] = "1"


def _handler(exchange: Exchange, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        faults = exchange.faults
        if faults.strikes("server_error"):
            status = faults.stream("server_error").choice(_FAILURES)
            return web.Response(status=status, text=_FAILED.format(status=status), content_type="text/html")
        for name, status in (("banned", 418), ("too_many_requests", 429)):
            if faults.strikes(name):
                return _refused(_too_many(status, faults.retry_after_s), exchange)
        refused = exchange.weight.take(route.weight(request.query))
        if refused is not None:
            return _refused(_too_many(*refused), exchange)
        try:
            answer = route.endpoint(exchange, request.query)
        except Refusal as refusal:
            return _refused(refusal, exchange)
        body = orjson.dumps(answer)
        if faults.strikes("cut_response"):
            return await _cut(request, body)
        return web.Response(body=body, content_type="application/json", headers=_weight_header(exchange))

    return handle


def _too_many(status: int, retry_after_s: int) -> Refusal:
    banned = "Way too many requests; IP banned. Please use the websocket for live updates to avoid bans."
    return Refusal(-1003, banned if status == 418 else "Too many requests.", status, retry_after_s)


def _refused(refusal: Refusal, exchange: Exchange) -> web.Response:
    headers = _weight_header(exchange)
    if refusal.retry_after_s:
        headers["Retry-After"] = str(refusal.retry_after_s)
    body = orjson.dumps({"code": refusal.code, "msg": refusal.text})
    return web.Response(status=refusal.status, body=body, content_type="application/json", headers=headers)


def _weight_header(exchange: Exchange) -> dict[str, str]:
    return {"X-MBX-USED-WEIGHT-1M": str(exchange.weight.used)}


async def _cut(request: web.Request, body: bytes) -> web.StreamResponse:
    """Send half of an answer and cut the connection."""
    response = web.StreamResponse(headers={"Content-Length": str(len(body)), "Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.abort()
    return response
