"""Grid columns as they are built: each once, in order, through late data, restarts and lost databases."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import numpy as np
import psycopg
import pytest

from liqgrid.api.database import Pool
from liqgrid.engine.store.raw import list_instruments
from tests.api.conftest import BYBIT, rename
from tests.api.growing import FIRST, STEP_MS, Venue
from tests.api.served import Api, serving, unpacked
from tests.api.sockets import Stream, opened, subscribe, subscribed
from tests.api.stored import ms_of
from tests.markets import BITCOIN, Market

FIELDS = """cursor closeTime replaces unit priceEdges long short longTotal shortTotal modelledShare unplacedShare
  bar { open high low close volume price } venues { venue openInterestShare mark carriedOpenInterest }"""
WATCH = f"""subscription($after: String, $venues: [String!], $interval: Interval! = M15, $rows: Int! = 50) {{
  gridColumn(pair: "BTC-USDT", interval: $interval, after: $after, venues: $venues, rows: $rows) {{ {FIELDS} }}
}}"""
FEW = """subscription($rows: Int!) {
  gridColumn(pair: "BTC-USDT", interval: M15, rows: $rows) { cursor closeTime long short }
}"""


def closes(events: list[dict[str, Any]]) -> list[int]:
    return [ms_of(event["closeTime"]) for event in events]


def test_a_stream_begins_with_the_newest_and_goes_on_with_each_new_column(venue: Venue) -> None:
    async def client(api: Api) -> list[dict[str, Any]]:
        async with subscribed(api, WATCH) as stream:
            events = [await stream.next()]
            for bars in (1, 3, 1):
                venue.grow(bars)
                events += await stream.take(bars)
            assert await stream.is_silent()
        return events

    newest_ms = venue.newest_ms
    with serving(venue.dsn) as api:
        events = asyncio.run(client(api))
        assert closes(events) == [newest_ms + step * STEP_MS for step in range(6)]
        assert not any(event["replaces"] for event in events)
        edges = unpacked(events[0]["priceEdges"])
        assert all((unpacked(event["priceEdges"]) == edges).all() for event in events)
        price = events[0]["bar"]["price"]
        assert edges[0] < price / 1.2 < price * 1.2 < edges[-1]
        same_as_grid(api, events, edges)


def same_as_grid(api: Api, events: list[dict[str, Any]], edges: Any) -> None:
    grid = api.ask(
        'query($last: Int!, $rows: Int!, $low: Float!, $high: Float!) { grid(pair: "BTC-USDT", interval: M15, '
        "last: $last, rows: $rows, priceLow: $low, priceHigh: $high) { times long short longTotal shortTotal "
        "bars { open high low close volume price } coverage { modelledShare unplacedShare } } }",
        last=len(events), rows=len(edges) - 1, low=edges[0], high=edges[-1],
    )["grid"]  # fmt: skip
    assert unpacked(grid["times"]).tolist() == closes(events)
    for t, event in enumerate(events):
        for side in ("long", "short"):
            assert (unpacked(event[side]) == unpacked(grid[side])[t]).all()
            assert event[f"{side}Total"] == unpacked(grid[f"{side}Total"])[t]
        assert event["bar"] == {name: unpacked(values)[t] for name, values in grid["bars"].items()}
    assert events[-1]["modelledShare"] == grid["coverage"]["modelledShare"]
    assert events[-1]["unplacedShare"] == grid["coverage"]["unplacedShare"]
    assert np.any(unpacked(events[-1]["long"]))


def test_from_every_cursor_exactly_the_rest_follows(venue: Venue) -> None:
    """Through new columns, late data that wrote some anew, and both at a time."""

    async def watch(api: Api) -> list[dict[str, Any]]:
        async with subscribed(api, WATCH) as stream:
            events = [await stream.next()]
            venue.grow(4)
            events += await stream.take(4)
            changed = venue.correct(FIRST + 1)  # the second of them
            again = await stream.take(len(changed))
            assert closes(again) == changed
            assert all(event["replaces"] for event in again)
            events += again
            changed = venue.correct(FIRST - 10)  # long before the stream began
            again = await stream.take(5)
            assert closes(again) == changed[9:]
            events += again
            venue.grow(2)
            events += await stream.take(2)
            assert not events[-1]["replaces"]
            assert await stream.is_silent()
        return events

    async def rest(api: Api, cursor: str) -> list[dict[str, Any]]:
        """What follows a cursor before the last one: up to the newest column, and nothing more."""
        async with subscribed(api, WATCH, after=cursor) as stream:
            events = [await stream.next()]
            while ms_of(events[-1]["closeTime"]) < venue.newest_ms:
                events.append(await stream.next())
            assert await stream.is_silent(0.1)
            return events

    async def nothing_follows(api: Api, cursor: str) -> bool:
        async with subscribed(api, WATCH, after=cursor) as stream:
            return await stream.is_silent()

    with serving(venue.dsn) as api:
        events = asyncio.run(watch(api))
        held: dict[int, dict[str, Any]] = {}
        for event in events[:-1]:
            held[ms_of(event["closeTime"])] = event
            resumed = dict(held)
            for one in asyncio.run(rest(api, event["cursor"])):
                resumed[ms_of(one["closeTime"])] = one
            same_as_grid(api, [resumed[ms] for ms in sorted(resumed)], unpacked(event["priceEdges"]))
        assert asyncio.run(nothing_follows(api, events[-1]["cursor"]))
        assert closes(asyncio.run(rest(api, events[-2]["cursor"]))) == closes(events[-1:])


def test_a_resume_in_the_middle_of_columns_made_anew_sends_the_others(venue: Venue) -> None:
    async def client(api: Api) -> None:
        async with subscribed(api, WATCH) as stream:
            await stream.next()
            venue.grow(5)
            last = (await stream.take(5))[-1]
        changed = venue.correct(FIRST)
        seen = []
        cursor = last["cursor"]
        for _ in changed:
            async with subscribed(api, WATCH, after=cursor) as stream:
                event = await stream.next()
                seen.append((ms_of(event["closeTime"]), event["replaces"]))
                cursor = event["cursor"]
        assert seen == [(ms, True) for ms in changed]
        async with subscribed(api, WATCH, after=cursor) as stream:
            assert await stream.is_silent()
            (new,) = venue.grow()
            assert closes([await stream.next()]) == [new]

    with serving(venue.dsn) as api:
        asyncio.run(client(api))


def test_a_venue_that_is_behind_joins_its_column_later(venue: Venue) -> None:
    def put_bybit(rows: Market) -> None:
        rename(venue.connection, BITCOIN, ASIDE)
        if any(stored.instrument == BYBIT for stored in list_instruments(venue.connection)):
            rename(venue.connection, BYBIT, BITCOIN)
        venue.put(rows)
        rename(venue.connection, BITCOIN, BYBIT)
        rename(venue.connection, ASIDE, BITCOIN)

    put_bybit(venue.rows.rows(slice(0, FIRST)).shifted(slice(None), 1.001))

    async def client(api: Api) -> None:
        async with subscribed(api, WATCH) as stream:
            first = await stream.next()
            assert {venue["venue"] for venue in first["venues"]} == {"binance", "bybit"}
            (ms,) = venue.grow()
            second = await stream.next()
            assert (ms_of(second["closeTime"]), second["replaces"], len(second["venues"])) == (ms, False, 1)
            put_bybit(venue.rows.rows(slice(FIRST, FIRST + 1)).shifted(slice(None), 1.001))
            third = await stream.next()
            assert (ms_of(third["closeTime"]), third["replaces"], len(third["venues"])) == (ms, True, 2)
            assert third["longTotal"] > second["longTotal"]
            assert sum(one["openInterestShare"] for one in third["venues"]) == pytest.approx(1)
            async with subscribed(api, WATCH, after=second["cursor"]) as resumed:
                assert (await resumed.next())["longTotal"] == third["longTotal"]
            async with subscribed(api, WATCH, after=second["cursor"], venues=["binance"]) as other:
                assert await other.code() == "BAD_REQUEST"

    with serving(venue.dsn) as api:
        asyncio.run(client(api))


ASIDE = type(BITCOIN)("okx", BITCOIN.pair)


async def hold(api: Api, venue: Venue, count: int, connections: int) -> None:
    """Hold many subscriptions; each must get every column once, and each column must be read once."""
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(opened(api)) for _ in range(connections)]
        for number in range(count):
            await subscribe(streams[number % connections], FEW, name=str(number), rows=20)
        wanted = {str(number): [venue.newest_ms] for number in range(count)}
        seen: dict[str, list[int]] = {name: [] for name in wanted}
        await gather(streams, seen, count)
        for bars in (1, 2):
            new = venue.grow(bars)
            await gather(streams, seen, count * bars)
            wanted = {name: times + new for name, times in wanted.items()}
        assert all(await asyncio.gather(*(stream.is_silent() for stream in streams)))
        assert seen == wanted


async def gather(streams: list[Stream], seen: dict[str, list[int]], count: int) -> None:
    async def read(stream: Stream, messages: int) -> None:
        for _ in range(messages):
            message = await stream.message()
            assert message["type"] == "next", message
            seen[message["id"]].append(ms_of(message["payload"]["data"]["gridColumn"]["closeTime"]))

    await asyncio.gather(*(read(stream, count // len(streams)) for stream in streams))


def test_many_wait_and_each_column_is_read_once(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = counted(monkeypatch)
    with serving(venue.dsn) as api:
        asyncio.run(hold(api, venue, 240, 40))
    # Once for each position: 240 begin at one, then go on from three others; a few find nothing new.
    assert 0 < len(reads) < 30


@pytest.mark.soak
def test_a_thousand_connections_wait_while_questions_are_answered(venue: Venue) -> None:
    async def ask_on(api: Api, answers: list[str]) -> None:
        async with httpx.AsyncClient(base_url=api.client.base_url, timeout=60, trust_env=False) as client:
            for rows in itertools.count(10):  # each another question, so that none is answered from memory
                query = (
                    f'{{ grid(pair: "BTC-USDT", interval: M15, last: 20, rows: {rows % 1000 + 10}) {{ asOf long }} }}'
                )
                answer = (await client.post("/graphql", json={"query": query})).json()
                assert "errors" not in answer, answer
                answers.append(answer["data"]["grid"]["asOf"])

    async def both(api: Api) -> int:
        answers: list[str] = []
        asking = asyncio.create_task(ask_on(api, answers))
        await hold(api, venue, 1000, 1000)
        assert not asking.done(), asking.exception()
        asking.cancel()
        return len(answers)

    with serving(venue.dsn) as api:
        assert asyncio.run(both(api)) > 20


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every reading of columns from now on."""
    reads: list[str] = []
    fetch = Pool.fetch

    async def counting(self: Pool, query: str, *arguments: object) -> Any:
        if "known_build" in query:
            reads.append(query)
        return await fetch(self, query, *arguments)

    monkeypatch.setattr(Pool, "fetch", counting)
    return reads


def test_two_servers_of_one_database_tell_the_same(venue: Venue) -> None:
    async def client(one: Api, other: Api) -> None:
        async with subscribed(one, WATCH) as first, subscribed(other, WATCH) as second:
            assert await first.next() == await second.next()
            venue.grow(2)
            events = await first.take(2)
            assert events == await second.take(2)
        async with subscribed(other, WATCH, after=events[0]["cursor"]) as moved:
            assert await moved.next() == events[1]

    with serving(venue.dsn) as one, serving(venue.dsn) as other:
        asyncio.run(client(one, other))


def test_a_restart_of_the_server_loses_nothing(venue: Venue) -> None:
    async def watch(api: Api, cursor: str | None, stop: Callable[[], None] = lambda: None) -> list[dict[str, Any]]:
        async with subscribed(api, WATCH, after=cursor) as stream:
            events = await stream.take(1 if cursor is None else 3)
            stop()
            assert cursor is not None or await stream.is_silent()
        return events

    with serving(venue.dsn) as api:
        (last,) = asyncio.run(watch(api, None))
    new = venue.grow(3)
    with serving(venue.dsn) as api:
        assert closes(asyncio.run(watch(api, last["cursor"]))) == new


def test_a_server_that_ends_says_so_to_its_clients(venue: Venue) -> None:
    async def client() -> int | None:
        with serving(venue.dsn) as api:
            stack = AsyncExitStack()
            stream = await stack.enter_async_context(subscribed(api, WATCH))
            await stream.next()
        await asyncio.wait_for(stream.socket.wait_closed(), 30)
        return stream.socket.close_code

    assert asyncio.run(client()) == 1012


def test_killed_database_connections_lose_nothing(venue: Venue) -> None:
    def kill() -> int:
        with psycopg.connect(venue.dsn, autocommit=True) as admin:
            rows = admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name LIKE 'liqgrid api%'"
            ).fetchall()
        return len(rows)

    async def client(api: Api) -> None:
        async with subscribed(api, WATCH) as stream:
            await stream.next()
            for _ in range(2):
                assert kill() >= 2, "one that listens and one that reads"
                new = venue.grow(2)  # told while nobody listens
                assert closes(await stream.take(2)) == new
            assert await stream.is_silent()

    with serving(venue.dsn) as api:
        asyncio.run(client(api))


def test_a_cursor_too_far_back_is_refused(venue: Venue) -> None:
    async def client(api: Api) -> None:
        async with subscribed(api, WATCH) as stream:
            cursor = (await stream.next())["cursor"]
        venue.grow(500)
        async with subscribed(api, WATCH, after=cursor) as stream:
            events = await stream.take(500)
            assert [ms_of(events[0]["closeTime"]), ms_of(events[-1]["closeTime"])] == [
                venue.newest_ms - 499 * STEP_MS, venue.newest_ms
            ]  # fmt: skip
        venue.grow(1)
        async with subscribed(api, WATCH, after=cursor, rows=51) as stream:
            assert await stream.code() == "CURSOR_TOO_OLD"
        venue.connection.execute(
            "DELETE FROM grid_column WHERE ts <= to_timestamp($1::bigint / 1000.0)", [ms_of(events[0]["closeTime"])]
        )
        async with subscribed(api, WATCH, after=events[0]["cursor"], rows=51) as stream:
            assert await stream.code() == "CURSOR_TOO_OLD"
        async with subscribed(api, WATCH, after=events[1]["cursor"]) as stream:
            assert closes([await stream.next()]) == closes(events[2:3])

    with serving(venue.dsn) as api:
        asyncio.run(client(api))
