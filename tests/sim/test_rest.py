"""Every HTTP endpoint of the local exchange, through the real ccxt client, against what happened in its market."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import ccxt
import ccxt.async_support
import numpy as np
import pytest

from liqgrid.engine.sim.clock import SteppedClock
from liqgrid.engine.sim.parameters import symbol_parameters
from liqgrid.engine.sim.server import SIMULATED_HEADER
from liqgrid.engine.sim.tape import INDEX, LAST, MARK, Market, minutes_between, new_market, positions_at, step_at
from tests.sim.exchange import BTC, DAY_MS, ETH, HOUR_MS, MINUTE_MS, NOW_MS, ORIGIN_MS, collected

FORMING_MS = NOW_MS - NOW_MS % MINUTE_MS


def asked(market: Market, method: str, *arguments: Any, **named: Any) -> Any:
    """Return what one method of the async client answers."""

    async def ask() -> Any:
        async with collected(market, make_client=ccxt.async_support.binanceusdm) as (_, client):
            return await getattr(client, method)(*arguments, **named)

    return asyncio.run(ask())


def test_markets_are_linear_perpetuals_with_the_symbols_ticks(market: Market) -> None:
    markets = asked(market, "load_markets")
    assert set(markets) == {BTC, ETH}
    one = markets[BTC]
    assert (one["id"], one["linear"], one["swap"], one["active"], one["contractSize"]) == (
        "BTCUSDT", True, True, True, 1.0,
    )  # fmt: skip
    assert (one["precision"]["price"], one["precision"]["amount"]) == (0.1, 0.001)


def test_the_time_is_the_markets(market: Market) -> None:
    assert asked(market, "fetch_time") == NOW_MS


@pytest.mark.parametrize(("price", "row"), [(None, LAST), ("mark", MARK), ("index", INDEX)])
def test_the_newest_bars_end_with_the_forming_one(market: Market, price: str | None, row: int) -> None:
    bars = np.array(asked(market, "fetch_ohlcv", BTC, "1m", params={"price": price} if price else {}))
    tape = market.tapes["BTCUSDT"]
    closed = minutes_between(market, tape, FORMING_MS - 499 * MINUTE_MS, FORMING_MS)
    assert bars[:, 0].tolist() == [*closed.open_ms.tolist(), FORMING_MS]
    np.testing.assert_allclose(bars[:-1, 1:5].T, closed.prices[row])
    steps = tape.steps[2].rows(step_at(market, FORMING_MS) % 17_280, step_at(market, NOW_MS) % 17_280)
    seen = (steps.last, steps.mark, steps.index)[row]
    assert len(steps) == 8  # 40 seconds of it are over
    assert bars[-1, 1:5].tolist() == [seen[0], seen.max(), seen.min(), seen[-1]]
    if row == LAST:
        np.testing.assert_allclose(bars[:-1, 5], closed.volume_base)
        assert bars[-1, 5] == pytest.approx(steps.volume.sum() * 0.001)
    else:
        assert (bars[:, 5] == 0).all()


def test_pages_cover_all_of_the_history_once(market: Market) -> None:
    async def page_through() -> list[list[float]]:
        async with collected(market) as (_, client):
            rows: list[list[float]] = []
            since = ORIGIN_MS
            while page := await client.fetch_ohlcv(BTC, "1m", since=since, limit=1000):
                rows += page
                since = page[-1][0] + MINUTE_MS
            return rows

    rows = asyncio.run(page_through())
    assert [row[0] for row in rows] == list(range(ORIGIN_MS, NOW_MS, MINUTE_MS))


def test_coarser_bars_are_made_of_the_minutes(market: Market) -> None:
    hours = np.array(asked(market, "fetch_ohlcv", ETH, "4h", since=ORIGIN_MS + HOUR_MS, limit=3))
    minutes = minutes_between(market, market.tapes["ETHUSDT"], ORIGIN_MS + 4 * HOUR_MS, ORIGIN_MS + 16 * HOUR_MS)
    price = minutes.prices[LAST].reshape(4, 3, 240)
    assert hours[:, 0].tolist() == [ORIGIN_MS + n * 4 * HOUR_MS for n in (1, 2, 3)]
    np.testing.assert_allclose(hours[:, 1], price[0, :, 0])
    np.testing.assert_allclose(hours[:, 2], price[1].max(axis=1))
    np.testing.assert_allclose(hours[:, 3], price[2].min(axis=1))
    np.testing.assert_allclose(hours[:, 4], price[3, :, -1])
    np.testing.assert_allclose(hours[:, 5], minutes.volume_base.reshape(3, 240).sum(axis=1))


def test_taker_volume_and_trades_stand_in_the_raw_rows(market: Market) -> None:
    rows = asked(
        market, "fapiPublicGetKlines", {"symbol": "BTCUSDT", "interval": "1m", "startTime": ORIGIN_MS, "limit": 2}
    )
    minute = minutes_between(market, market.tapes["BTCUSDT"], ORIGIN_MS, ORIGIN_MS + MINUTE_MS)
    assert int(rows[0][6]) == ORIGIN_MS + MINUTE_MS - 1
    assert float(rows[0][7]) == pytest.approx(minute.volume_quote[0], abs=1e-4)
    assert int(rows[0][8]) == minute.trades[0]
    assert float(rows[0][9]) == pytest.approx(minute.taker_buy_base[0])
    assert 0 < float(rows[0][9]) < float(rows[0][5])


def true_open_interest(market: Market, ms: int) -> float:
    positions = positions_at(market, "BTCUSDT", ms)
    return max(int(positions.lots[positions.is_long].sum()), int(positions.lots[~positions.is_long].sum())) * 0.001


def test_open_interest_is_what_traders_hold(market: Market) -> None:
    now = asked(market, "fetch_open_interest", BTC)
    assert now["openInterestAmount"] == pytest.approx(true_open_interest(market, NOW_MS))
    assert now["timestamp"] == NOW_MS
    history = asked(market, "fetch_open_interest_history", BTC, "5m", since=ORIGIN_MS + HOUR_MS, limit=500)
    # ccxt asks for [since, since + 500 periods], 501 rows: the venue's newest 500 of them leave the first out.
    times = [row["timestamp"] for row in history]
    assert times == [ORIGIN_MS + HOUR_MS + n * 5 * MINUTE_MS for n in range(1, 501)]
    for row in history[::100]:
        assert row["openInterestAmount"] == pytest.approx(true_open_interest(market, row["timestamp"]))
        mark = minutes_between(market, market.tapes["BTCUSDT"], row["timestamp"] - MINUTE_MS, row["timestamp"])
        assert row["openInterestValue"] == pytest.approx(row["openInterestAmount"] * mark.prices[MARK, 3, 0])


def test_statistics_never_speak_of_what_is_to_come(market: Market) -> None:
    history = asked(market, "fetch_open_interest_history", BTC, "5m")
    assert len(history) == 30
    assert history[-1]["timestamp"] == NOW_MS - NOW_MS % (5 * MINUTE_MS)


def test_the_account_ratio_counts_traders(market: Market) -> None:
    row = asked(market, "fetch_long_short_ratio_history", BTC, "1h", limit=2)[-1]
    positions = positions_at(market, "BTCUSDT", row["timestamp"])
    longs = int(positions.is_long.sum())
    assert row["timestamp"] == NOW_MS - NOW_MS % HOUR_MS
    assert row["longShortRatio"] == pytest.approx(longs / (len(positions) - longs), abs=1e-4)
    assert float(row["info"]["longAccount"]) == pytest.approx(longs / len(positions), abs=1e-4)


def test_funding_is_paid_every_eight_hours(market: Market) -> None:
    rates = asked(market, "fetch_funding_rate_history", BTC, since=ORIGIN_MS, limit=100)
    hours = [round((row["timestamp"] - ORIGIN_MS) / HOUR_MS, 4) for row in rates]
    assert hours == [8, 16, 24, 32, 40, 48]
    lean = minutes_between(market, market.tapes["BTCUSDT"], ORIGIN_MS, ORIGIN_MS + 8 * HOUR_MS).lean.mean()
    assert rates[0]["fundingRate"] == pytest.approx(1e-4 + 0.004 * lean, abs=1e-8)
    now = asked(market, "fetch_funding_rate", BTC)
    assert now["fundingRate"] == rates[-1]["fundingRate"]
    assert now["fundingTimestamp"] == ORIGIN_MS + 56 * HOUR_MS
    assert asked(market, "fetch_funding_intervals")[BTC]["interval"] == "8h"


def test_prices_of_the_moment_agree(market: Market) -> None:
    step = step_at(market, NOW_MS) - 1
    steps = market.tapes["BTCUSDT"].steps[2].rows(step % 17_280, step % 17_280 + 1)
    marks = asked(market, "fetch_mark_prices")
    assert set(marks) == {BTC, ETH}
    assert marks[BTC]["markPrice"] == pytest.approx(steps.mark[0])
    assert marks[BTC]["indexPrice"] == pytest.approx(steps.index[0])
    assert asked(market, "fetch_last_prices")[BTC]["price"] == steps.last[0]
    ticker = asked(market, "fetch_ticker", BTC)
    day = minutes_between(market, market.tapes["BTCUSDT"], NOW_MS - DAY_MS, FORMING_MS)
    assert ticker["last"] == steps.last[0]
    assert ticker["high"] >= day.prices[LAST, 1].max()
    assert ticker["low"] <= day.prices[LAST, 2].min()
    assert ticker["baseVolume"] >= day.volume_base.sum() - 1e-6
    book = asked(market, "fetch_bids_asks")[BTC]
    assert (book["bid"], book["ask"]) == (pytest.approx(steps.last[0] - 0.1), steps.last[0])


KLINES = {"symbol": "BTCUSDT", "interval": "1m"}
HISTORY = {"symbol": "BTCUSDT", "period": "5m"}


@pytest.mark.parametrize(
    ("method", "parameters", "code", "error"),
    [
        ("fapiPublicGetKlines", KLINES | {"symbol": "DOGEUSDT"}, -1121, ccxt.BadSymbol),
        ("fapiPublicGetKlines", {"interval": "1m"}, -1102, ccxt.BadRequest),
        ("fapiPublicGetKlines", KLINES | {"interval": "7m"}, -1120, ccxt.ExchangeError),
        ("fapiPublicGetKlines", KLINES | {"limit": 1501}, -1130, ccxt.ExchangeError),
        ("fapiPublicGetKlines", KLINES | {"limit": "many"}, -1102, ccxt.BadRequest),
        ("fapiPublicGetKlines", KLINES | {"startTime": 2, "endTime": 1}, -1023, ccxt.ExchangeError),
        ("fapiDataGetOpenInterestHist", HISTORY | {"limit": 501}, -1130, ccxt.ExchangeError),
        ("fapiDataGetOpenInterestHist", HISTORY | {"period": "1m"}, -1120, ccxt.ExchangeError),
        ("fapiDataGetOpenInterestHist", HISTORY | {"startTime": NOW_MS - 31 * DAY_MS}, -1130, ccxt.ExchangeError),
        ("fapiPublicGetFundingRate", {"symbol": "BTCUSDT", "limit": 1001}, -1130, ccxt.ExchangeError),
    ],
)
def test_a_wrong_question_gets_the_venues_error(
    market: Market, method: str, parameters: dict[str, Any], code: int, error: type[Exception]
) -> None:
    with pytest.raises(error, match=f'"code":{code},'):
        asked(market, method, parameters)


@pytest.mark.parametrize(
    ("ends", "minutes"),
    [
        ({"startTime": ORIGIN_MS, "endTime": ORIGIN_MS + DAY_MS}, [1430, 1435, 1440]),  # the newest of the range
        ({"startTime": ORIGIN_MS, "endTime": ORIGIN_MS + DAY_MS - 1}, [1425, 1430, 1435]),
        ({"endTime": ORIGIN_MS + DAY_MS - 30_000}, [1425, 1430, 1435]),
        ({"startTime": ORIGIN_MS + HOUR_MS}, [60, 65, 70]),
        ({"startTime": ORIGIN_MS + HOUR_MS + 1}, [65, 70, 75]),
    ],
)
def test_a_range_of_statistics_has_inclusive_ends(market: Market, ends: dict[str, int], minutes: list[int]) -> None:
    rows = asked(market, "fapiDataGetOpenInterestHist", HISTORY | ends | {"limit": 3})
    assert [(int(row["timestamp"]) - ORIGIN_MS) / MINUTE_MS for row in rows] == minutes


def test_every_answer_says_that_it_is_simulated(market: Market) -> None:
    async def headers() -> list[str | None]:
        async with collected(market) as (local, _), aiohttp.ClientSession() as session:
            found = []
            for path in ("/fapi/v1/time", "/fapi/v1/klines", "/nothing", "/ws/btcusdt@kline_1m"):
                upgrade = {"Upgrade": "websocket", "Connection": "Upgrade"} if path.startswith("/ws") else {}
                key = (
                    {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg=="} if upgrade else {}
                )
                async with session.get(local.url + path, headers=upgrade | key) as answer:
                    found.append(answer.headers.get(SIMULATED_HEADER))
            return found

    assert asyncio.run(headers()) == ["1"] * 4


def test_a_market_with_no_second_of_history_says_so() -> None:
    market = new_market(1, ORIGIN_MS, [symbol_parameters("BTC")])

    async def ask() -> None:
        async with collected(market, clock=SteppedClock(ORIGIN_MS)) as (_, client):
            assert await client.fetch_ohlcv(BTC, "1m") == []
            with pytest.raises(ccxt.OperationFailed, match="only just begun"):
                await client.fetch_open_interest(BTC)

    asyncio.run(ask())
