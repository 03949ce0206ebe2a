"""Live collection from the local exchange while much goes wrong: no bar is lost, what is missing is listed."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from typing import Any

import pytest

from liqgrid.engine.collect import live
from liqgrid.engine.collect.backfill import backfill
from liqgrid.engine.collect.plan import CollectPlan, VenuePlan
from liqgrid.engine.market.instrument import Pair, PriceType
from liqgrid.engine.market.stream import Stream
from liqgrid.engine.sim.clock import SteppedClock
from liqgrid.engine.sim.faults import Faults
from liqgrid.engine.sim.server import LocalExchange, running_exchange
from liqgrid.engine.store.database import Connection
from liqgrid.engine.store.progress import Span, load_cursors, load_venue_status, record_gap
from tests.collect.exchange import (
    BOTH,
    HOUR_MS,
    MINUTE_MS,
    NOW_MS,
    ORIGIN_MS,
    collecting,
    make_market,
    plan_for,
    step,
    stored_bars,
    stored_gaps,
    subscribed,
    truth,
    until,
)


@pytest.fixture
def unused_url() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        address: Any = one.getsockname()
    return f"http://127.0.0.1:{address[1]}"


# What may go wrong, and the faults that must have struck for the test to have tested anything.
TROUBLE: dict[str, dict[str, float]] = {
    "repeated frames": {"duplicate": 0.5},
    "frames out of order": {"reorder": 0.3},
    "garbled frames": {"malformed": 0.2},
    "cut sockets": {"cut_socket": 0.05},
    "silent sockets": {"stall": 0.05},
    "failing requests": {"server_error": 0.2, "cut_response": 0.1},
    "refused requests": {"too_many_requests": 0.1, "banned": 0.05},
    "a wrong clock": {"clock_skew_ms": 90_000},
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_trouble_leaves_no_trace_in_the_bars(connection: Connection, migrated_dsn: str, trouble: str) -> None:
    faults = Faults(retry_after_s=0, **TROUBLE[trouble])  # type: ignore[arg-type]

    async def run() -> LocalExchange:
        clock = SteppedClock(NOW_MS)
        async with running_exchange(make_market(["BTC"], NOW_MS), clock, faults) as local:
            plan = plan_for(local.url, ["BTC"], stall_s=0.5)
            async with collecting(plan, migrated_dsn):
                await subscribed(local, connection)
                for _ in range(60):
                    await local.advance(10_000)
                    await asyncio.sleep(0.01)
                faults.cut_socket = faults.stall = 0
                await step(local, 1, connection)
                for stream in ("bar:last", "bar:mark"):
                    await until(lambda of=stream: stored_gaps(connection, "BTC", of) == [], "repaired gaps")  # type: ignore[misc]
            return local

    local = asyncio.run(run())
    for name in TROUBLE[trouble]:
        assert faults.counts[name] or name == "clock_skew_ms", f"{name} never struck"
    for price_type in BOTH:
        stored = stored_bars(connection, "BTC", price_type)
        assert stored == truth(local.market, "BTC", price_type, stored[0][0], stored[-1][0] + MINUTE_MS), price_type
        assert stored[0][0] < NOW_MS < stored[-1][0]


def test_repairing_an_old_gap_does_not_claim_what_lies_between(connection: Connection, migrated_dsn: str) -> None:
    async def run() -> None:
        clock = SteppedClock(NOW_MS)
        async with running_exchange(make_market(["BTC"], NOW_MS), clock) as local:
            plan = plan_for(local.url, ["BTC"])
            await backfill(plan, migrated_dsn, 0.02)
            # as an import leaves it: two bars long ago, and what is missing between them
            for open_ms in (ORIGIN_MS, ORIGIN_MS + 5 * MINUTE_MS):
                connection.execute(
                    'INSERT INTO bar (instrument_id, "interval", price_type, ts, open, high, low, close) '
                    "VALUES (1, '1m', 'last', to_timestamp($1::double precision / 1000), 1, 1, 1, 1)",
                    [open_ms],
                )
            record_gap(connection, 1, Stream.BAR_LAST, Span(ORIGIN_MS + MINUTE_MS, ORIGIN_MS + 5 * MINUTE_MS))
            before = load_cursors(connection, 1)[Stream.BAR_LAST]
            async with collecting(plan, migrated_dsn):
                await until(lambda: stored_bars(connection, "BTC", PriceType.LAST)[4][0] < ORIGIN_MS + HOUR_MS, "bars")
                await step(local, 1, connection)
            assert load_cursors(connection, 1)[Stream.BAR_LAST].start_ms == before.start_ms

    asyncio.run(run())


def test_a_lost_connection_is_a_gap_in_liquidations(connection: Connection, migrated_dsn: str) -> None:
    faults = Faults()

    async def run() -> tuple[int, int]:
        clock = SteppedClock(NOW_MS)
        async with running_exchange(make_market(["BTC"], NOW_MS), clock, faults) as local:
            async with collecting(plan_for(local.url, ["BTC"]), migrated_dsn):
                await subscribed(local, connection)
                await step(local, 2, connection)
                lost_ms = local.exchange.now_ms()
                lost = list(local.sockets.connections)
                for one in lost:
                    one.cut()
                await until(lambda: any(one not in lost for one in local.sockets.connections), "another connection")
                # The collector may hear of the loss only after a minute that another connection brought.
                for _ in range(10):
                    await step(local, 1, connection)
                    if stored_gaps(connection, "BTC", "liquidation"):
                        break
            return lost_ms, local.exchange.now_ms()

    lost_ms, told_ms = asyncio.run(run())
    ((start_ms, end_ms),) = stored_gaps(connection, "BTC", "liquidation")
    assert start_ms <= lost_ms < end_ms <= told_ms


def test_a_database_that_goes_away_loses_nothing(connection: Connection, migrated_dsn: str) -> None:
    async def run() -> LocalExchange:
        clock = SteppedClock(NOW_MS)
        async with running_exchange(make_market(["BTC"], NOW_MS), clock) as local:
            async with collecting(plan_for(local.url, ["BTC"]), migrated_dsn):
                await subscribed(local, connection)
                for _ in range(10):
                    await local.advance(MINUTE_MS)
                    connection.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                await step(local, 1, connection)
                await until(lambda: stored_gaps(connection, "BTC", "bar:last") == [], "gaps are repaired")
            return local

    local = asyncio.run(run())
    for price_type in BOTH:
        stored = stored_bars(connection, "BTC", price_type)
        assert len(stored) >= 11
        assert stored == truth(local.market, "BTC", price_type, stored[0][0], stored[-1][0] + MINUTE_MS)


def test_at_the_memory_ceiling_the_client_is_opened_anew(
    connection: Connection, migrated_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_SHORTEST_SESSION_S", 1.0)

    async def run() -> LocalExchange:
        clock = SteppedClock(NOW_MS)
        async with running_exchange(make_market(["BTC"], NOW_MS), clock) as local:
            plan = replace(plan_for(local.url, ["BTC"], stall_s=10), memory_ceiling_mb=1)
            async with collecting(plan, migrated_dsn):
                await subscribed(local, connection)
                before = set(map(id, local.sockets.connections))
                await until(
                    lambda: bool(local.sockets.connections) and not before & set(map(id, local.sockets.connections)),
                    "another connection",
                )
                await step(local, 2, connection)
                await until(lambda: stored_gaps(connection, "BTC", "bar:last") == [], "repaired gaps")
            return local

    local = asyncio.run(run())
    stored = stored_bars(connection, "BTC", PriceType.LAST)
    assert stored == truth(local.market, "BTC", PriceType.LAST, stored[0][0], stored[-1][0] + MINUTE_MS)


def test_a_venue_that_cannot_be_reached_is_named_and_the_others_go_on(
    connection: Connection, migrated_dsn: str, unused_url: str
) -> None:
    async def run() -> None:
        clock = SteppedClock(NOW_MS)
        async with running_exchange(make_market(["BTC"], NOW_MS), clock) as local:
            here = plan_for(local.url, ["BTC"]).venues[0]
            gone = VenuePlan("bybit", (Pair("BTC", "USDT"),), base_url=unused_url)
            async with collecting(CollectPlan((gone, here), 1.0, 1.0), migrated_dsn):
                await subscribed(local, connection)
                await step(local, 1, connection)
                await until(lambda: len(load_venue_status(connection)) == 2, "both venues are known")

    asyncio.run(run())
    status = {one.venue: one for one in load_venue_status(connection)}
    assert status["binance"].reachable
    assert not status["bybit"].reachable
    assert "Cannot connect" in (status["bybit"].reason or "")
