"""Every fault of the local exchange happens when it is switched on, is counted, and looks to ccxt as it should."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import ccxt
import pytest

from liqgrid.engine.market.errors import BadSetting
from liqgrid.engine.sim.faults import Faults
from liqgrid.engine.sim.limits import WeightLimit
from liqgrid.engine.sim.server import LocalExchange
from liqgrid.engine.sim.tape import Market
from tests.sim.exchange import BTC, MINUTE_MS, NOW_MS, ORIGIN_MS, collected, until


async def fetched(client: Any, times: int = 40) -> list[Exception]:
    """Fetch bars some times; return what was raised."""
    raised: list[Exception] = []
    for _ in range(times):
        try:
            await client.fetch_ohlcv(BTC, "1m", limit=50)
        except ccxt.BaseError as error:
            raised.append(error)
    return raised


@pytest.mark.parametrize(
    ("name", "errors"),
    [
        ("too_many_requests", (ccxt.DDoSProtection,)),
        ("banned", (ccxt.DDoSProtection,)),
        ("server_error", (ccxt.ExchangeNotAvailable, ccxt.RequestTimeout)),
        ("cut_response", (ccxt.ExchangeError,)),  # ccxt takes it for an error of the exchange, not of the network
    ],
)
def test_requests_fail_as_often_as_they_are_told(
    market: Market, name: str, errors: tuple[type[Exception], ...]
) -> None:
    async def strike() -> tuple[list[Exception], int, str | None]:
        async with collected(market) as (local, client):
            setattr(local.faults, name, 0.4)
            raised = await fetched(client)
            count = local.faults.counts[name]
            setattr(local.faults, name, 1.0)
            raised += await fetched(client, 1)
            wait = (client.last_response_headers or {}).get("Retry-After")
            setattr(local.faults, name, 0.0)
            assert await fetched(client, 5) == []
            return raised, count, wait

    raised, count, wait = asyncio.run(strike())
    assert 8 <= count <= 24
    assert len(raised) == count + 1
    assert [error for error in raised if not isinstance(error, errors)] == []
    if name in {"too_many_requests", "banned"}:
        assert wait == "1"


def test_the_same_seed_strikes_the_same_requests(market: Market) -> None:
    first, again, other = (Faults(server_error=0.5, seed=seed) for seed in (1, 1, 2))
    draws = [[faults.strikes("server_error") for _ in range(64)] for faults in (first, again, other)]
    assert draws[0] == draws[1] != draws[2]


def test_one_fault_does_not_change_another() -> None:
    alone, both = Faults(stall=0.5), Faults(stall=0.5, duplicate=0.5)
    strikes = []
    for faults in (alone, both):
        drawn = []
        for _ in range(64):
            faults.strikes("duplicate")
            drawn.append(faults.strikes("stall"))
        strikes.append(drawn)
    assert strikes[0] == strikes[1]


def test_a_chance_is_a_chance() -> None:
    with pytest.raises(BadSetting, match=r"fault stall was 1\.5"):
        Faults(stall=1.5)


async def listen(local: LocalExchange, moves: int) -> list[str | None]:
    """Listen to bars over a raw socket while the clock moves; return every text, None for the end of the connection."""
    texts: list[str | None] = []
    async with aiohttp.ClientSession() as session, session.ws_connect(local.url + "/ws/btcusdt@kline_1m") as socket:
        await until(lambda: local.sockets.connections)
        for _ in range(moves):
            await local.advance(5_000)
        local.exchange.faults.cut_socket = 0.0
        while True:
            try:
                message = await socket.receive(timeout=0.15)
            except TimeoutError:
                return texts
            if message.type is not aiohttp.WSMsgType.TEXT:
                return [*texts, None]
            texts.append(str(message.data))


def heard(market: Market, faults: Faults, moves: int = 60) -> tuple[list[str | None], Faults]:
    async def run() -> tuple[list[str | None], Faults]:
        async with collected(market, faults) as (local, _):
            return await listen(local, moves), local.faults

    return asyncio.run(run())


@pytest.fixture(scope="module")
def undisturbed(market: Market) -> list[str | None]:
    texts, faults = heard(market, Faults())
    assert len(texts) == 60
    assert None not in texts
    assert faults.counts.total() == 0
    return texts


def test_a_socket_is_cut(market: Market, undisturbed: list[str | None]) -> None:
    texts, faults = heard(market, Faults(cut_socket=0.05))
    assert texts[-1] is None
    assert texts[:-1] == undisturbed[: len(texts) - 1]
    assert len(texts) < len(undisturbed)
    assert faults.counts["cut_socket"] == 1


def test_a_stalled_socket_is_silent_and_open(market: Market, undisturbed: list[str | None]) -> None:
    texts, faults = heard(market, Faults(stall=0.05))
    assert texts == undisturbed[: len(texts)]
    assert len(texts) < len(undisturbed)
    assert faults.counts["stall"] == 1


def test_frames_are_doubled(market: Market, undisturbed: list[str | None]) -> None:
    texts, faults = heard(market, Faults(duplicate=0.3))
    assert faults.counts["duplicate"] > 5
    assert len(texts) == len(undisturbed) + faults.counts["duplicate"]
    assert list(dict.fromkeys(texts)) == list(dict.fromkeys(undisturbed))


def test_frames_come_out_of_order(market: Market, undisturbed: list[str | None]) -> None:
    texts, faults = heard(market, Faults(reorder=0.3))
    assert faults.counts["reorder"] > 5
    assert texts != undisturbed
    # The last frame may still be held back when the clock stands still.
    assert len(undisturbed) - len(texts) <= 1
    assert set(texts) <= set(undisturbed)


def test_frames_are_malformed(market: Market, undisturbed: list[str | None]) -> None:
    texts, faults = heard(market, Faults(malformed=0.3))
    strange = [text for text in texts if text not in undisturbed]
    assert len(strange) == faults.counts["malformed"] > 5
    assert len(texts) == len(undisturbed)


def opens(market: Market, faults: Faults, later_ms: int = 0) -> tuple[list[int], Faults]:
    async def fetch() -> tuple[list[int], Faults]:
        async with collected(market, faults) as (local, client):
            await local.advance(later_ms)
            bars = await client.fetch_ohlcv(BTC, "1m", limit=300)
            return [bar[0] for bar in bars], local.faults

    return asyncio.run(fetch())


def test_a_lost_bar_never_comes(market: Market) -> None:
    seen, faults = opens(market, Faults(lost_bar=0.1))
    assert 10 < 300 - len(seen) < 60
    assert faults.counts["lost_bar"] == 300 - len(seen)
    later, _ = opens(market, Faults(lost_bar=0.1), 60 * MINUTE_MS)
    assert set(later) & set(range(seen[0], NOW_MS - MINUTE_MS, MINUTE_MS)) <= set(seen)


def test_a_late_bar_comes_later_and_only_the_newest_are_missing(market: Market) -> None:
    seen, faults = opens(market, Faults(late_bar=0.5, late_by_ms=20 * MINUTE_MS))
    missing = set(range(seen[0], NOW_MS, MINUTE_MS)) - set(seen)
    assert faults.counts["late_bar"] == len(missing) > 3
    assert min(missing) > NOW_MS - 22 * MINUTE_MS
    later, _ = opens(market, Faults(late_bar=0.5, late_by_ms=20 * MINUTE_MS), 60 * MINUTE_MS)
    assert missing <= set(later)


def test_a_missing_bar_is_not_streamed_either(market: Market) -> None:
    texts, faults = heard(market, Faults(lost_bar=1.0), moves=20)
    assert texts == []
    assert faults.counts["lost_bar"] > 0


def test_the_clock_is_skewed_and_bars_are_not(market: Market) -> None:
    async def ask() -> tuple[int, int]:
        async with collected(market, Faults(clock_skew_ms=-90_000)) as (_, client):
            bars = await client.fetch_ohlcv(BTC, "1m", limit=2)
            return await client.fetch_time(), bars[-1][0]

    assert asyncio.run(ask()) == (NOW_MS - 90_000, NOW_MS - NOW_MS % MINUTE_MS)


def test_over_its_weight_an_address_is_refused_and_then_banned(market: Market) -> None:
    now = 1_000.0
    weight = WeightLimit(limit=50, patience=3, ban_s=120, now_s=lambda: now)

    async def ask() -> list[str]:
        nonlocal now
        found = []
        async with collected(market, weight=weight) as (_, client):
            for _ in range(9):  # 1 for the markets, then 10 for each page of 1500 bars
                try:
                    await client.fapiPublicGetKlines({"symbol": "BTCUSDT", "interval": "1m", "limit": 1500})
                    status = "200"
                except ccxt.DDoSProtection as error:
                    status = str(error).split()[1]
                headers = client.last_response_headers
                found.append(f"{status} {headers['X-MBX-USED-WEIGHT-1M']} {headers.get('Retry-After')}")
            now += 121
            await client.fetch_time()
            found.append(client.last_response_headers["X-MBX-USED-WEIGHT-1M"])
        return found

    # 1000 s is 40 s into a minute, so 20 s are left of it, told rounded up.
    assert asyncio.run(ask()) == [
        "200 11 None", "200 21 None", "200 31 None", "200 41 None", "429 51 21", "429 61 21", "429 71 21",
        "418 81 121", "418 81 121", "1",
    ]  # fmt: skip
    assert weight.counts == {429: 3, 418: 2}


def test_the_history_begins_at_the_origin(market: Market) -> None:
    async def ask() -> list[list[float]]:
        async with collected(market) as (_, client):
            bars: list[list[float]] = await client.fetch_ohlcv(BTC, "1m", since=ORIGIN_MS - 10 * MINUTE_MS, limit=12)
            return bars

    assert [bar[0] for bar in asyncio.run(ask())] == [ORIGIN_MS, ORIGIN_MS + MINUTE_MS]
