"""Realised liquidations as they arrive: each once, also one that a venue tells late."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest

from liqgrid.api.graphql.catalog import encode_cursor
from liqgrid.engine.market.instrument import Side, parse_instrument
from liqgrid.engine.market.rows import Liquidation
from liqgrid.engine.store.database import Connection
from liqgrid.engine.store.raw import ensure_instrument, lock_instrument
from liqgrid.engine.store.streams import save_liquidations
from tests.api.realised import START_MS
from tests.api.served import Api, serving
from tests.api.sockets import subscribed
from tests.api.stored import ms_of

WATCH = """subscription($after: String) {
  liquidations(pair: "BTC-USDT", after: $after) { cursor symbol time side price base notional }
}"""


def save(connection: Connection, venue: str, *rows: tuple[int, str]) -> None:
    stored = ensure_instrument(connection, parse_instrument(f"{venue}:BTC-USDT"))
    with connection.transaction():
        lock_instrument(connection, stored.instrument_id)
        forced = [Liquidation(ts_ms, key, Side.SHORT, 64_000.0, 0.5, "{}") for ts_ms, key in rows]
        save_liquidations(connection, stored.instrument_id, forced)


def told(events: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(event["symbol"].split(":")[0], ms_of(event["time"])) for event in events]


def test_each_is_told_once_however_late_and_wherever_one_resumes(connection: Connection, migrated_dsn: str) -> None:
    save(connection, "binance", (START_MS, "before"))
    save(connection, "bybit", (START_MS, "before"))

    async def client(api: Api) -> None:
        async with subscribed(api, WATCH) as stream:
            assert await stream.is_silent()
            save(connection, "binance", (START_MS + 20, "a"), (START_MS + 30, "b"))
            events = await stream.take(2)
            assert events[0].pop("cursor")
            assert events[0] == {
                "symbol": "binance:BTC-USDT", "time": "2024-06-25T00:00:00.020000+00:00", "side": "SHORT",
                "price": 64_000.0, "base": 0.5, "notional": 32_000.0,
            }  # fmt: skip
            save(connection, "bybit", (START_MS + 5, "late"))
            save(connection, "binance", (START_MS + 20, "a"), (START_MS + 1, "late"))
            events += await stream.take(2)
            assert await stream.is_silent(), "one that is stored is not told again"
        wanted = [
            ("binance", START_MS + 20),
            ("binance", START_MS + 30),
            ("bybit", START_MS + 5),
            ("binance", START_MS + 1),
        ]
        assert told(events) == wanted
        for at in (1, 2, 3):
            async with subscribed(api, WATCH, after=events[at]["cursor"]) as resumed:
                assert told(await resumed.take(len(wanted) - at - 1)) == wanted[at + 1 :]
                assert await resumed.is_silent()
                save(connection, "binance", (START_MS + 100 + at, "new"))
                wanted.append(("binance", START_MS + 100 + at))
                assert told([await resumed.next()]) == wanted[-1:]

    with serving(migrated_dsn) as api:
        asyncio.run(client(api))


def test_those_of_venues_that_commit_in_another_order_are_all_told(connection: Connection, migrated_dsn: str) -> None:
    save(connection, "binance", (START_MS, "before"))
    save(connection, "bybit", (START_MS, "before"))

    async def client(api: Api) -> None:
        with psycopg.connect(migrated_dsn) as slow:
            async with subscribed(api, WATCH) as stream:
                assert await stream.is_silent()
                slow.execute(
                    "INSERT INTO liquidation (instrument_id, ts, liquidation_key, side, price, amount_base, raw) "
                    "SELECT instrument_id, to_timestamp(1719273601), 'slow', 'long', 1, 1, '{}' FROM instrument "
                    "WHERE venue = 'bybit'"
                )
                save(connection, "binance", (START_MS + 7, "quick"))
                quick = await stream.next()
                slow.execute(
                    "SELECT pg_notify('liqgrid_liquidation', json_build_object('instrument_id', instrument_id)::text) "
                    "FROM instrument WHERE venue = 'bybit'"
                )
                slow.commit()
                assert told([quick, await stream.next()]) == [("binance", START_MS + 7), ("bybit", START_MS + 1000)]
            async with subscribed(api, WATCH, after=quick["cursor"]) as resumed:
                assert told([await resumed.next()]) == [("bybit", START_MS + 1000)]

    with serving(migrated_dsn) as api:
        asyncio.run(client(api))


def test_a_transaction_notifies_once_and_only_of_what_is_new(connection: Connection, migrated_dsn: str) -> None:
    with psycopg.connect(migrated_dsn, autocommit=True) as listener:
        listener.execute("LISTEN liqgrid_liquidation")
        save(connection, "binance", (START_MS, "a"), (START_MS + 1, "b"))
        save(connection, "binance", (START_MS, "a"))
        heard = [one.payload for one in listener.notifies(timeout=0.5)]
    stored = connection.execute("SELECT instrument_id FROM instrument").fetchone()
    assert stored
    assert heard == [f'{{"instrument_id" : {stored[0]}}}']


def test_too_many_since_a_cursor_are_refused(connection: Connection, migrated_dsn: str) -> None:
    save(connection, "binance", (START_MS, "before"))

    async def client(api: Api) -> None:
        async with subscribed(api, WATCH) as stream:
            assert await stream.is_silent()
            save(connection, "binance", (START_MS, "a"))
            cursor = (await stream.next())["cursor"]
        connection.execute(
            "INSERT INTO liquidation (instrument_id, ts, liquidation_key, side, price, amount_base, raw) "
            "SELECT 1, to_timestamp(1719273600 + n), 'n' || n, 'long', 1, 1, '{}' FROM generate_series(1, $1) AS n",
            [10_000],
        )
        async with subscribed(api, WATCH, after=cursor) as stream:
            assert len(set(told(await stream.take(10_000)))) == 10_000
        save(connection, "binance", (START_MS, "one more"))
        async with subscribed(api, WATCH, after=encode_cursor("liquidations:BTC-USDT:1=0")) as stream:
            assert await stream.code() == "CURSOR_TOO_OLD"

    with serving(migrated_dsn) as api:
        asyncio.run(client(api))


@pytest.mark.parametrize("cursor", ["nonsense", "", "djE6bGlxdWlkYXRpb25zOkVUSC1VU0RUOjE9MQ=="])
def test_a_cursor_of_something_else_is_refused(connection: Connection, migrated_dsn: str, cursor: str) -> None:
    save(connection, "binance", (START_MS, "before"))

    async def client(api: Api) -> str:
        async with subscribed(api, WATCH, after=cursor) as stream:
            return await stream.code()

    with serving(migrated_dsn) as api:
        assert asyncio.run(client(api)) == "BAD_REQUEST"
