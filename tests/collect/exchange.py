"""The local exchange for tests of collection, its truth, and what the database made of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import LiteralString

from liqgrid.engine.collect.collector import collect
from liqgrid.engine.collect.keep import OnRows, no_hook
from liqgrid.engine.collect.plan import CollectPlan, VenuePlan
from liqgrid.engine.market.instrument import Pair, PriceType
from liqgrid.engine.sim.parameters import symbol_parameters
from liqgrid.engine.sim.server import LocalExchange
from liqgrid.engine.sim.tape import Market, minutes_between, new_market, play_until
from liqgrid.engine.sim.wire import kline_rows
from liqgrid.engine.store.database import Connection

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
ORIGIN_MS = 1_760_054_400_000  # a midnight
NOW_MS = ORIGIN_MS + DAY_MS + 30_000  # half a minute into a bar
PATIENCE_S = 20.0
BOTH = (PriceType.LAST, PriceType.MARK)

Row = tuple[int, float, float, float, float]
BARS: LiteralString = """
    SELECT (extract(epoch FROM ts) * 1000)::bigint, open, high, low, close
    FROM bar JOIN instrument USING (instrument_id) WHERE venue = $1 AND coin = $2 AND price_type = $3 ORDER BY ts
"""
GAPS: LiteralString = """
    SELECT (extract(epoch FROM starts_at) * 1000)::bigint, (extract(epoch FROM ends_at) * 1000)::bigint
    FROM collect_gap JOIN instrument USING (instrument_id) WHERE venue = $1 AND coin = $2 AND stream = $3 ORDER BY 1
"""


def make_market(coins: Sequence[str], until_ms: int, seed: int = 7) -> Market:
    """Return a played market."""
    market = new_market(seed=seed, origin_ms=ORIGIN_MS, symbols=[symbol_parameters(coin) for coin in coins])
    play_until(market, until_ms)
    return market


def plan_for(url: str, coins: Sequence[str], stall_s: float = 1.0, sample_s: float = 1.0) -> CollectPlan:
    """Return the plan that collects these coins from the local exchange, with little patience."""
    pairs = tuple(Pair(coin, "USDT") for coin in coins)
    # The local exchange counts weights itself; ccxt's pace of twenty requests a second would only slow the tests down.
    venue = VenuePlan("binance", pairs, base_url=url, options={"maxRetriesOnFailure": 0})
    return CollectPlan((venue,), stall_s, sample_s)


def truth(market: Market, coin: str, price_type: PriceType, start_ms: int, end_ms: int) -> list[Row]:
    """Return the bars of trades or of the mark price that the market made, as they are told."""
    tape = next(tape for tape in market.tapes.values() if tape.symbol.pair.base == coin)
    minutes = minutes_between(market, tape, start_ms, end_ms)
    rows = kline_rows(tape.symbol, minutes, MINUTE_MS, 0 if price_type is PriceType.LAST else 1)
    return [(int(row[0]), *(float(value) for value in row[1:5])) for row in rows]  # type: ignore[misc]


def stored_bars(connection: Connection, coin: str, price_type: PriceType, venue: str = "binance") -> list[Row]:
    """Return what is stored of them."""
    return connection.execute(BARS, [venue, coin, str(price_type)]).fetchall()


def stored_gaps(connection: Connection, coin: str, stream: str) -> list[tuple[int, int]]:
    """Return what is recorded as missing."""
    return connection.execute(GAPS, ["binance", coin, stream]).fetchall()


@asynccontextmanager
async def collecting(plan: CollectPlan, dsn: str, on_rows: OnRows = no_hook) -> AsyncIterator[asyncio.Task[None]]:
    """Collect while the block runs."""
    task = asyncio.create_task(collect(plan, dsn, on_rows))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    if not task.cancelled() and task.exception() is not None:
        raise task.exception()  # type: ignore[misc]


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition, with a deadline."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while not condition():
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"waited in vain: {what}")
        await asyncio.sleep(0.01)


async def step(local: LocalExchange, minutes: int, connection: Connection, coins: tuple[str, ...] = ("BTC",)) -> None:
    """Let minutes pass one by one, and wait after each until its bars are stored."""
    for _ in range(minutes):
        await local.advance(MINUTE_MS)
        newest_ms = local.exchange.now_ms() // MINUTE_MS * MINUTE_MS - MINUTE_MS

        def are_stored(newest_ms: int = newest_ms) -> bool:
            bars = [stored_bars(connection, coin, price_type) for coin in coins for price_type in BOTH]
            return all(rows and rows[-1][0] >= newest_ms for rows in bars)

        await until(are_stored, f"bars that open at {newest_ms}")


async def subscribed(local: LocalExchange, connection: Connection) -> None:
    """Wait until collection listens, and has its cursors."""
    cursors: LiteralString = "SELECT count(*) FROM collect_cursor WHERE stream LIKE 'bar:%'"
    await until(lambda: bool(local.sockets.connections), "a subscription")
    await until(lambda: connection.execute(cursors).fetchone() == (2,), "cursors")
