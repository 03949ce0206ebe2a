"""What venues answer, through the real ccxt clients, without a network: units, windows, order, what is left out.

Answers are written after the venues' public documentation of their wire formats.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest

from liqgrid.engine.collect.venues import load_venue
from liqgrid.engine.collect.venues.contract import Contract, find_contract
from liqgrid.engine.market.errors import BadSetting
from liqgrid.engine.market.instrument import parse_instrument
from liqgrid.engine.market.rows import (
    BarRows,
    FundingRateRows,
    LiquidationBarRows,
    LongShortRatioRows,
    OpenInterestRows,
)
from liqgrid.engine.market.stream import Stream
from tests.collect.test_venue_frames import MARKETS

STEP_MS = 300_000
START_MS = int(time.time() * 1000) // STEP_MS * STEP_MS - 20 * STEP_MS  # ccxt asks other addresses for what is old
END_MS = START_MS + 3 * STEP_MS


class Asked:
    """A venue's client whose requests are answered here: by path, each with what stands for it."""

    def __init__(self, instrument: str, answers: dict[str, Any]) -> None:
        named = parse_instrument(instrument)
        self.venue = load_venue(named.venue)
        self.exchange = self.venue.client({"options": self.venue.options([named.pair]), "enableRateLimit": False})
        self.exchange.set_markets(MARKETS[named.venue])
        self.exchange.fetch = self._fetch
        self.contract: Contract = find_contract(self.exchange, named)
        self.answers = answers
        self.requests: list[tuple[str, dict[str, str]]] = []

    async def _fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        parts = urlsplit(url)
        self.requests.append((parts.path, dict(parse_qsl(parts.query))))
        (answer,) = [answer for path, answer in self.answers.items() if parts.path.endswith(path)]
        return answer

    def rows(self, stream: Stream) -> Any:
        fetch = self.venue.sources[stream].fetch
        return asyncio.run(self._closed(fetch(self.exchange, self.contract, START_MS, END_MS)))

    def now(self, price: float) -> OpenInterestRows:
        assert self.venue.fetch_open_interest is not None
        rows: OpenInterestRows = asyncio.run(
            self._closed(self.venue.fetch_open_interest(self.exchange, self.contract, price))
        )
        return rows

    def tiers(self, price: float) -> Any:
        assert self.venue.fetch_tiers is not None
        return asyncio.run(self._closed(self.venue.fetch_tiers(self.exchange, self.contract, price, 0)))

    async def _closed(self, work: Any) -> Any:
        try:
            return await work
        finally:
            await self.exchange.close()


def binance_row(ms: int, close: str = "63000.0") -> list[Any]:
    return [ms, "63000.0", "63100.0", "62900.0", close, "12.5", ms + 59_999, "787500", 90, "7.25", "456750", "0"]


def test_bars_outside_the_window_or_broken_are_left_out_and_the_rest_is_in_order() -> None:
    minutes = [START_MS + 60_000 * number for number in range(4)]
    answer = [
        binance_row(minutes[2]), binance_row(minutes[0]), binance_row(minutes[1], "99999.0"), binance_row(minutes[2]),
        binance_row(START_MS - 60_000), binance_row(END_MS), binance_row(minutes[3] + 1),
    ]  # fmt: skip
    asked = Asked("binance:BTC-USDT", {"/klines": answer})
    rows = asked.rows(Stream.BAR_LAST)
    assert isinstance(rows, BarRows)
    assert rows.bars.open_ms.tolist() == [minutes[0], minutes[2]]
    assert (rows.bars.volume_base[0], rows.taker_buy_volume_base[0], rows.trades[0]) == (12.5, 7.25, 90)
    ((_, request),) = asked.requests
    assert (request["startTime"], request["endTime"]) == (str(START_MS), str(END_MS - 1))


def test_mark_bars_have_prices_only() -> None:
    rows = Asked("binance:BTC-USDT", {"/markPriceKlines": [binance_row(START_MS)]}).rows(Stream.BAR_MARK)
    assert rows.price_type == "mark"
    assert rows.bars.high.tolist() == [63100.0]
    assert np.isnan([rows.bars.volume_base[0], rows.trades[0]]).all()


def test_binance_open_interest_is_base_and_of_coin_margined_the_value_is() -> None:
    def answer(amount: str, value: str) -> list[dict[str, Any]]:
        return [{"sumOpenInterest": amount, "sumOpenInterestValue": value, "timestamp": START_MS}]

    linear = Asked("binance:BTC-USDT", {"/openInterestHist": answer("80000.5", "5040031500")})
    assert linear.rows(Stream.OPEN_INTEREST).open_interest_base.tolist() == [80000.5]
    inverse = Asked("binance:BTC-USD", {"/openInterestHist": answer("6300000", "10000")})
    assert inverse.rows(Stream.OPEN_INTEREST).open_interest_base.tolist() == [10000]
    now = Asked(
        "binance:BTC-USD", {"/openInterest": {"symbol": "BTCUSD_PERP", "openInterest": "630", "time": START_MS}}
    )
    assert now.now(63_000.0).open_interest_base.tolist() == [1.0]


def bybit(rows: list[Any], symbol: str = "BTCUSDT") -> dict[str, Any]:
    return {"retCode": 0, "retMsg": "OK", "result": {"symbol": symbol, "list": rows}}


def test_bybit_names_both_ends_and_pages_come_newest_first() -> None:
    found = [{"openInterest": str(50_000 + n), "timestamp": str(START_MS + n * STEP_MS)} for n in (2, 1, 0)]
    asked = Asked("bybit:BTC-USDT", {"/open-interest": bybit(found)})
    rows = asked.rows(Stream.OPEN_INTEREST)
    assert isinstance(rows, OpenInterestRows)
    assert rows.open_interest_base.tolist() == [50_000, 50_001, 50_002]
    ((_, request),) = asked.requests
    assert {name: request[name] for name in ("startTime", "endTime", "limit", "intervalTime")} == {
        "startTime": str(START_MS), "endTime": str(END_MS - 1), "limit": "3", "intervalTime": "5min"
    }  # fmt: skip


def test_bybit_inverse_open_interest_is_quote_at_the_price_then() -> None:
    bars = [
        [str(START_MS - STEP_MS), "1", "1", "1", "60000", "1", "1"],
        [str(START_MS), "1", "1", "1", "50000", "1", "1"],
    ]
    found = [{"openInterest": "6000000", "timestamp": str(START_MS + n * STEP_MS)} for n in (2, 1, 0)]
    answers = {"/open-interest": bybit(found, "BTCUSD"), "/kline": bybit(bars, "BTCUSD")}
    rows = Asked("bybit:BTC-USD", answers).rows(Stream.OPEN_INTEREST)
    assert rows.open_interest_base.tolist() == [100.0, 120.0]  # of the third no price is known


def test_bybit_ratios_are_asked_for_by_window_though_ccxt_ignores_since() -> None:
    found = [{"symbol": "BTCUSDT", "buyRatio": "0.6", "sellRatio": "0.4", "timestamp": str(START_MS)}]
    asked = Asked("bybit:BTC-USDT", {"/account-ratio": bybit(found)})
    rows = asked.rows(Stream.LONG_SHORT_RATIO)
    assert isinstance(rows, LongShortRatioRows)
    assert (rows.ratio[0], rows.long_fraction[0]) == (pytest.approx(1.5), pytest.approx(0.6))
    ((_, request),) = asked.requests
    assert (request["startTime"], request["endTime"]) == (str(START_MS), str(END_MS - 1))


def test_okx_open_interest_is_base_not_contracts_nor_dollars() -> None:
    history = Asked("okx:BTC-USDT", {"/open-interest-history": {
        "code": "0", "data": [[str(START_MS), "2500000", "25000", "1575000000"]], "msg": ""
    }})  # fmt: skip
    assert history.rows(Stream.OPEN_INTEREST).open_interest_base.tolist() == [25_000]
    ((_, request),) = history.requests
    assert int(request["begin"]) < START_MS  # its bounds are exclusive
    assert request["instId"] == "BTC-USDT-SWAP"
    now = Asked("okx:BTC-USDT", {"/open-interest": {"code": "0", "msg": "", "data": [{
        "instId": "BTC-USDT-SWAP", "instType": "SWAP", "oi": "2500000", "oiCcy": "25000", "oiUsd": "1575000000",
        "ts": str(START_MS),
    }]}})  # fmt: skip
    assert now.now(63_000.0).open_interest_base.tolist() == [25_000]


def test_okx_tiers_are_bounded_in_contracts() -> None:
    found = [
        {"instFamily": "BTC-USDT", "tier": str(n), "minSz": low, "maxSz": high, "mmr": rate, "maxLever": lever}
        for n, (low, high, rate, lever) in enumerate(
            [("0", "1000", "0.004", "100"), ("1000", "5000", "0.005", "75"), ("5000", "9000", "0.005", "70")]
        )
    ]
    tiers = Asked("okx:BTC-USDT", {"/position-tiers": {"code": "0", "data": found, "msg": ""}}).tiers(50_000.0)
    # 0.01 BTC a contract; two tiers of one rate are one
    assert [(tier.cap_quote, tier.maintenance_margin_rate, tier.max_leverage) for tier in tiers.tiers] == [
        (500_000.0, 0.004, 100.0), (4_500_000.0, 0.005, 75.0)
    ]  # fmt: skip


def test_okx_funding_is_bounded_at_both_ends() -> None:
    found = [
        {"instId": "BTC-USDT-SWAP", "fundingTime": str(START_MS + 5), "realizedRate": "0.0001", "fundingRate": "9"}
    ]
    asked = Asked("okx:BTC-USDT", {"/funding-rate-history": {"code": "0", "data": found, "msg": ""}})
    rows = asked.rows(Stream.FUNDING_RATE)
    assert isinstance(rows, FundingRateRows)
    assert (rows.ts_ms.tolist(), rows.rate_fraction.tolist()) == ([START_MS + 5], [0.0001])
    ((_, request),) = asked.requests
    assert (int(request["before"]), int(request["after"])) == (START_MS - 1, END_MS)


def test_gate_counts_seconds_and_contracts_and_tells_liquidations_by_side_of_position() -> None:
    found = [{
        "time": START_MS // 1000, "lsr_taker": 1, "lsr_account": 1.5, "long_liq_size": 2000, "short_liq_size": -500,
        "long_liq_usd": 12600.0, "short_liq_usd": 3150.0, "open_interest": 1_000_000, "open_interest_usd": 6.3e6,
        "mark_price": 63000.0,
    }]  # fmt: skip

    def asked() -> Asked:
        return Asked("gate:BTC-USDT", {"/contract_stats": found})

    assert asked().rows(Stream.OPEN_INTEREST).open_interest_base.tolist() == [100.0]
    assert asked().rows(Stream.LONG_SHORT_RATIO).ratio.tolist() == [1.5]
    request = asked()
    rows = request.rows(Stream.LIQUIDATION_BAR)
    assert isinstance(rows, LiquidationBarRows)
    assert rows.open_ms.tolist() == [START_MS]
    assert (rows.long_base.tolist(), rows.short_base.tolist()) == ([0.2], [0.05])
    assert request.requests[0][1]["from"] == str(START_MS // 1000)


def test_gate_bars_count_contracts() -> None:
    bar = {"t": START_MS // 1000, "o": "63000", "h": "63100", "l": "62900", "c": "63050", "v": 12_000, "sum": "75600"}
    rows = Asked("gate:BTC-USDT", {"/candlesticks": [bar]}).rows(Stream.BAR_LAST)
    assert (rows.bars.open_ms.tolist(), rows.bars.volume_base.tolist()) == ([START_MS], [pytest.approx(1.2)])


def test_bitget_ignores_since_so_the_window_is_cut_here() -> None:
    found = [
        {"ts": str(START_MS + n * STEP_MS), "longAccountRatio": "0.6", "shortAccountRatio": "0.4",
         "longShortAccountRatio": "1.5"} for n in range(-5, 6)
    ]  # fmt: skip
    asked = Asked("bitget:BTC-USDT", {"/account-long-short": {"code": "00000", "data": found}})
    assert asked.rows(Stream.LONG_SHORT_RATIO).ts_ms.tolist() == [START_MS, START_MS + STEP_MS, START_MS + 2 * STEP_MS]


def test_an_instrument_a_venue_does_not_have_is_named_with_those_it_has() -> None:
    exchange = Asked("binance:BTC-USDT", {}).exchange
    with pytest.raises(BadSetting, match=r"binance has no perpetual BTC-EUR; it has BTC-USD, BTC-USDT"):
        find_contract(exchange, parse_instrument("binance:BTC-EUR"))
