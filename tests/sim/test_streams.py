"""Every stream of the local exchange, through the real ccxt client, against what happened in its market."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
import numpy as np
import pytest

from liqgrid.engine.sim.clock import RunningClock
from liqgrid.engine.sim.server import LocalExchange
from liqgrid.engine.sim.tape import LAST, MARK, Market, Tape, liquidations_between, minutes_between
from tests.sim.exchange import BTC, ETH, HOUR_MS, MINUTE_MS, NOW_MS, collected, subscribed, until

FORMING_MS = NOW_MS - NOW_MS % MINUTE_MS


@asynccontextmanager
async def watching(client: Any, method: str, *arguments: Any, **named: Any) -> AsyncIterator[list[Any]]:
    """Await a watch method over and over meanwhile; yield what it returned so far."""
    returned: list[Any] = []

    async def watch() -> None:
        while True:
            returned.append(await getattr(client, method)(*arguments, **named))

    task = asyncio.create_task(watch())
    try:
        yield returned
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def test_closed_and_forming_bars_are_streamed(market: Market) -> None:
    async def watch() -> list[list[float]]:
        async with collected(market) as (local, client):
            async with watching(client, "watch_ohlcv", BTC, "1m"):
                await subscribed(local, "btcusdt@kline_1m")
                for _ in range(30):
                    await local.advance(10_000)
                await until(lambda: len(client.ohlcvs.get(BTC, {}).get("1m", [])) == 6)
            return [list(bar) for bar in client.ohlcvs[BTC]["1m"]]

    bars = np.array(asyncio.run(watch()))
    closed = minutes_between(market, market.tapes["BTCUSDT"], FORMING_MS, FORMING_MS + 5 * MINUTE_MS)
    assert bars[:, 0].tolist() == [FORMING_MS + n * MINUTE_MS for n in range(6)]
    np.testing.assert_allclose(bars[:5, 1:5].T, closed.prices[LAST])
    np.testing.assert_allclose(bars[:5, 5], closed.volume_base)


async def raw_frames(local: LocalExchange, path: str, requests: list[dict[str, Any]], moves_ms: list[int]) -> list[Any]:
    """Connect, send control messages, move the clock; return every frame received."""
    received: list[Any] = []
    async with aiohttp.ClientSession() as session, session.ws_connect(local.url + path) as socket:
        for request in requests:
            await socket.send_json(request)
            received.append(await socket.receive_json(timeout=5))
        await until(lambda: local.sockets.connections)
        for move_ms in moves_ms:
            await local.advance(move_ms)
        await socket.ping()
        with suppress(TimeoutError):
            while True:
                received.append(await socket.receive_json(timeout=0.1))
    return received


def received(market: Market, path: str, requests: list[dict[str, Any]], moves_ms: list[int]) -> list[Any]:
    async def receive() -> list[Any]:
        async with collected(market) as (local, _):
            return await raw_frames(local, path, requests, moves_ms)

    return asyncio.run(receive())


def test_every_bar_is_told_closed_once(market: Market) -> None:
    frames = received(market, "/ws/btcusdt@kline_1m", [], [3_000] * 70)  # from :40 on, 210 s
    closed = [frame["k"]["t"] for frame in frames if frame["k"]["x"]]
    assert closed == [FORMING_MS + n * MINUTE_MS for n in range(4)]
    assert all(frame["E"] == frame["k"]["T"] + 1 for frame in frames if frame["k"]["x"])
    forming = [frame for frame in frames if not frame["k"]["x"]]
    assert len(forming) > 30
    assert all(frame["k"]["t"] <= frame["E"] <= frame["k"]["T"] for frame in forming)


def test_a_leap_of_the_clock_leaves_no_bar_out(market: Market) -> None:
    frames = received(market, "/ws/ethusdt@kline_5m", [], [17 * HOUR_MS - 40_000])
    closed = [frame["k"]["t"] for frame in frames if frame["k"]["x"]]
    assert closed == list(range(NOW_MS - NOW_MS % 300_000, NOW_MS + 17 * HOUR_MS - 40_000, 300_000))


def test_combined_streams_name_the_stream(market: Market) -> None:
    frames = received(market, "/stream?streams=btcusdt@markPrice@1s/ethusdt@kline_1m", [], [10_000])
    assert {frame["stream"] for frame in frames} == {"btcusdt@markPrice@1s", "ethusdt@kline_1m"}
    assert {frame["data"]["s"] for frame in frames} == {"BTCUSDT", "ETHUSDT"}


def test_control_messages_are_answered(market: Market) -> None:
    requests = [
        {"method": "SUBSCRIBE", "params": ["btcusdt@kline_1m", "ethusdt@kline_1m", "nosuch@kline_1m"], "id": 1},
        {"method": "UNSUBSCRIBE", "params": ["btcusdt@kline_1m"], "id": 2},
        {"method": "LIST_SUBSCRIPTIONS", "id": 3},
        {"method": "SING", "id": 4},
    ]
    answers = received(market, "/market/ws", requests, [10_000])
    assert answers[:2] == [{"result": None, "id": 1}, {"result": None, "id": 2}]
    assert answers[2] == {"result": ["ethusdt@kline_1m", "nosuch@kline_1m"], "id": 3}
    assert answers[3]["error"]["code"] == 2
    assert {frame["s"] for frame in answers[4:]} == {"ETHUSDT"}


def test_the_mark_price_comes_every_second(market: Market) -> None:
    frames = received(market, "/ws/btcusdt@markPrice@1s", [], [250] * 40)
    assert [frame["E"] for frame in frames] == [NOW_MS + n * 1000 for n in range(1, 11)]

    async def watch() -> Any:
        async with collected(market) as (local, client):
            async with watching(client, "watch_mark_price", BTC) as seen:
                await subscribed(local, "btcusdt@markPrice@1s")
                await local.advance(20_000)  # to the end of the minute
                await until(lambda: seen)
            return seen[-1]

    ticker = asyncio.run(watch())
    bar = minutes_between(market, market.tapes["BTCUSDT"], FORMING_MS, FORMING_MS + MINUTE_MS)
    assert ticker["markPrice"] == pytest.approx(bar.prices[MARK, 3, 0])


def told(market: Market, tape: Tape, start_ms: int, end_ms: int) -> dict[int, int]:
    """What a venue tells of liquidations: row of the latest of each second, by its time."""
    orders = liquidations_between(market, tape, start_ms, end_ms)
    return {int(ms // 1000): row for row, ms in enumerate(orders.ts_ms)}


def test_of_liquidations_the_latest_of_a_second_is_told(market: Market) -> None:
    async def watch() -> list[Any]:
        async with collected(market) as (local, client):
            async with watching(client, "watch_liquidations_for_symbols", []):
                await subscribed(local, "!forceOrder@arr")
                for _ in range(32):
                    await local.advance(HOUR_MS // 2)
                await asyncio.sleep(0)
            return list(client.liquidations)

    seen = asyncio.run(watch())
    end_ms = NOW_MS + 16 * HOUR_MS
    hidden = 0
    for symbol, name in ((BTC, "BTCUSDT"), (ETH, "ETHUSDT")):
        orders = liquidations_between(market, market.tapes[name], NOW_MS, end_ms)
        rows = told(market, market.tapes[name], NOW_MS, end_ms).values()
        hidden += len(orders.ts_ms) - len(rows)
        mine = [one for one in seen if one["symbol"] == symbol]
        assert [one["timestamp"] for one in mine] == [int(orders.ts_ms[row]) for row in rows]
        assert [one["contracts"] for one in mine] == [pytest.approx(orders.base[row]) for row in rows]
        assert [one["side"] for one in mine] == ["sell" if orders.is_long[row] else "buy" for row in rows]
        assert [one["price"] for one in mine] == [orders.average[row] for row in rows]
        assert len(mine) > 3
    assert hidden > 0


def test_trades_add_up_to_the_bars_volume(market: Market) -> None:
    async def watch() -> list[Any]:
        async with collected(market) as (local, client):
            await local.advance(20_000)  # to the end of the minute
            async with watching(client, "watch_trades", BTC, params={"name": "aggTrade"}) as seen:
                await subscribed(local, "btcusdt@aggTrade")
                await local.advance(MINUTE_MS)
                await until(lambda: len(client.trades.get(BTC, [])) >= 24 and seen)
            return list(client.trades[BTC])

    trades = asyncio.run(watch())
    bar = minutes_between(market, market.tapes["BTCUSDT"], FORMING_MS + MINUTE_MS, FORMING_MS + 2 * MINUTE_MS)
    assert sum(trade["amount"] for trade in trades) == pytest.approx(bar.volume_base[0])
    bought = sum(trade["amount"] for trade in trades if trade["side"] == "buy")
    assert bought == pytest.approx(bar.taker_buy_base[0])
    assert len({trade["id"] for trade in trades}) == len(trades)


def test_with_a_running_clock_time_passes_by_itself(market: Market) -> None:
    async def watch() -> list[Any]:
        clock = RunningClock(NOW_MS, speed=2_000.0)
        async with collected(market, clock=clock) as (local, client):
            async with watching(client, "watch_ohlcv", ETH, "1m"):
                await until(lambda: len(client.ohlcvs.get(ETH, {}).get("1m", [])) > 10)
            assert local.exchange.now_ms() > NOW_MS + 9 * MINUTE_MS  # the first bar was under way
            return [bar[0] for bar in client.ohlcvs[ETH]["1m"]]

    opens = asyncio.run(watch())
    assert opens == list(range(opens[0], opens[-1] + 1, MINUTE_MS))


def test_text_that_is_no_json_is_refused(market: Market) -> None:
    async def ask() -> Any:
        async with (
            collected(market) as (local, _),
            aiohttp.ClientSession() as session,
            session.ws_connect(local.url + "/ws") as socket,
        ):
            await socket.send_str("{")
            return json.loads(await socket.receive_str(timeout=5))

    assert asyncio.run(ask())["error"]["code"] == 3
