"""A venue's ccxt client: opened, asked with patience, closed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ccxt.base import errors as ccxt_errors
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_random_exponential

from liqgrid.engine.collect.plan import VenuePlan
from liqgrid.engine.collect.venues.frames import UNREADABLE
from liqgrid.engine.collect.venues.venue import Venue
from liqgrid.engine.market.errors import VenueUnreachable

T = TypeVar("T")
_TIMEOUT_MS = 20_000
_LONGEST_WAIT_S = 120.0
_CACHES = dict.fromkeys(("tradesLimit", "ordersLimit", "OHLCVLimit", "liquidationsLimit"), 100)
# What asking again does not mend.
_FINAL = (
    ccxt_errors.BadSymbol,
    ccxt_errors.BadRequest,
    ccxt_errors.NotSupported,
    ccxt_errors.ArgumentsRequired,
    ccxt_errors.AuthenticationError,
)
_back_off = wait_random_exponential(multiplier=0.5, max=30)


@asynccontextmanager
async def opened(venue: Venue, plan: VenuePlan) -> AsyncIterator[Any]:
    """Yield a venue's ccxt client with its markets loaded; it is closed with the block.

    Raises
    ------
    VenueUnreachable
        If the venue does not answer, or not to us.
    """
    exchange = venue.client(
        {
            "enableRateLimit": True,
            "timeout": _TIMEOUT_MS,
            "options": {**_CACHES, **venue.options(plan.pairs), **plan.options},
            **({"httpsProxy": plan.proxy, "wssProxy": plan.proxy} if plan.proxy else {}),
        }
    )
    if plan.base_url is not None:
        exchange.urls["api"] = _pointed_at(exchange.urls["api"], plan.base_url)
    try:
        await ask(exchange, exchange.load_markets)
        exchange.enableRateLimit = not exchange.simulated  # a local one says itself when it is asked too much
        yield exchange
    finally:
        await exchange.close()


def _pointed_at(urls: Any, base_url: str) -> Any:
    """Return ccxt's addresses with another scheme, host and port; paths and the tree they stand in are kept."""
    if isinstance(urls, dict):
        return {name: _pointed_at(value, base_url) for name, value in urls.items()}
    if not isinstance(urls, str):
        return urls
    old, new = urlsplit(urls), urlsplit(base_url)
    secure = new.scheme in {"https", "wss"}
    scheme = ("wss" if secure else "ws") if old.scheme.startswith("ws") else ("https" if secure else "http")
    return old._replace(scheme=scheme, netloc=new.netloc).geturl()


async def ask(exchange: Any, call: Callable[[], Awaitable[T]], attempts: int = 5) -> T:
    """Return a venue's answer, asked for again after what may pass: network trouble, 429, 5xx, garbled answers.

    A venue that names a time to wait (Retry-After) is not asked anything before it is over.

    Raises
    ------
    VenueUnreachable
        With the reason, when asking again does not help.
    """

    def wait_s(state: RetryCallState) -> float:
        asked_s: float = exchange.asked_to_wait_until_s - time.monotonic()
        return max(_back_off(state), min(asked_s, _LONGEST_WAIT_S))

    try:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception(_may_pass), wait=wait_s, stop=stop_after_attempt(attempts), reraise=True
        ):
            with attempt:
                await _leave_alone(exchange)
                return await call()
    except (*UNREADABLE, TimeoutError, OSError) as error:
        raise VenueUnreachable(f"{exchange.venue} cannot be used: {reason_of(error)}", venue=exchange.venue) from error
    raise AssertionError  # the loop returns or raises


async def _leave_alone(exchange: Any) -> None:
    """Wait until a venue may be asked again; a ban is not waited for here, but told of."""
    wait_s = exchange.asked_to_wait_until_s - time.monotonic()
    if wait_s > _LONGEST_WAIT_S:
        raise VenueUnreachable(
            f"{exchange.venue} cannot be used: it asks to be left alone for {wait_s:.0f} s", venue=exchange.venue
        )
    await asyncio.sleep(max(0.0, wait_s))


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, (*UNREADABLE, TimeoutError, OSError)) and not isinstance(error, _FINAL)


def reason_of(error: BaseException) -> str:
    """Return an error in one short line, with what caused it: ccxt's name the address, their cause the trouble."""
    texts = [" ".join(str(one).split()) for one in (error, error.__cause__) if one is not None]
    said = ": ".join(dict.fromkeys(text for text in texts if text)) or "no reason given"
    return f"{type(error).__name__}: {said}"[:300]
