"""What venues send, through the real ccxt clients, without a network: one test for each way to lose or misread it.

Frames and answers are written after the venues' public documentation of their wire formats.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from ccxt.async_support.base.ws.client import WSMsgType
from ccxt.base.errors import NetworkError

from liqgrid.engine.collect.venues import NAMES, load_venue
from liqgrid.engine.collect.venues.frames import ClosedBar
from liqgrid.engine.market.instrument import Pair, Side
from liqgrid.engine.market.rows import Liquidation

BAR_MS = 1_760_054_400_000


class Client:
    """Stands for a connection: a frame that was handled has no other effect on it."""

    def __init__(self, url: str = "wss://example.test/linear") -> None:
        self.url = url
        self.subscriptions: dict[str, Any] = {}
        self.futures: dict[str, Any] = {}

    def resolve(self, result: Any, message_hash: str) -> Any:
        return result

    def reject(self, error: Any, message_hash: str | None = None) -> Any:
        raise AssertionError(error)


def swap(base: str, quote: str, settle: str, market_id: str, contract_size: float) -> dict[str, Any]:
    linear = settle == quote
    return {
        "id": market_id, "lowercaseId": market_id.lower(), "symbol": f"{base}/{quote}:{settle}", "base": base,
        "quote": quote, "settle": settle, "baseId": base, "quoteId": quote, "settleId": settle.lower(), "type": "swap",
        "spot": False, "margin": False, "swap": True, "future": False, "option": False, "contract": True,
        "active": True, "linear": linear, "inverse": not linear, "contractSize": contract_size, "baseName": base,
        "precision": {"amount": 0.001, "price": 0.1}, "limits": {},
        "info": {"pair": f"{base}{quote}", "instFamily": f"{base}-{quote}"},
    }  # fmt: skip


MARKETS: dict[str, list[dict[str, Any]]] = {
    "binance": [
        swap("BTC", "USDT", "USDT", "BTCUSDT", 1), swap("BTC", "USD", "BTC", "BTCUSD_PERP", 100),
    ],
    "bybit": [swap("BTC", "USDT", "USDT", "BTCUSDT", 1), swap("BTC", "USD", "BTC", "BTCUSD", 1)],
    "okx": [
        swap("BTC", "USDT", "USDT", "BTC-USDT-SWAP", 0.01), swap("BTC", "USD", "BTC", "BTC-USD-SWAP", 100),
    ],
    "gate": [swap("BTC", "USDT", "USDT", "BTC_USDT", 0.0001)],
    "bitget": [swap("BTC", "USDT", "USDT", "BTCUSDT", 1)],
    "hyperliquid": [swap("BTC", "USDC", "USDC", "0", 1)],
}  # fmt: skip


class Heard:
    """A venue's client that was told some frames, and what it made of them."""

    def __init__(self, venue: str) -> None:
        self.exchange = load_venue(venue).client({"options": load_venue(venue).options([Pair("BTC", "USDT")])})
        self.exchange.set_markets(MARKETS[venue])
        self.bars: list[tuple[str, ClosedBar]] = []
        self.liquidations: list[tuple[str, Liquidation]] = []
        self.forming: list[tuple[str, int]] = []
        self.exchange.on_bar = lambda symbol, bar: self.bars.append((symbol, bar))
        self.exchange.on_liquidation = lambda symbol, one: self.liquidations.append((symbol, one))
        self.exchange.on_forming = lambda symbol, open_ms: self.forming.append((symbol, open_ms))
        self.client = Client()

    def hear(self, *frames: Any) -> Heard:
        for frame in frames:
            self.exchange.handle_message(self.client, json.loads(json.dumps(frame)))
        return self


@pytest.fixture
def heard() -> Callable[[str], Heard]:
    return Heard


def binance_order(symbol: str = "BTCUSDT", **changed: str | int) -> dict[str, Any]:
    order = {
        "s": symbol, "S": "SELL", "o": "LIMIT", "f": "IOC", "q": "0.250", "p": "63000.10", "ap": "63010.50",
        "X": "FILLED", "l": "0.100", "z": "0.250", "T": BAR_MS + 5_000, **changed,
    }  # fmt: skip
    return {"e": "forceOrder", "E": BAR_MS + 5_001, "o": order}


def binance_kline(**changed: Any) -> dict[str, Any]:
    kline = {
        "t": BAR_MS, "T": BAR_MS + 59_999, "s": "BTCUSDT", "i": "1m", "f": 1, "L": 9, "o": "63000.0", "c": "63020.0",
        "h": "63030.0", "l": "62990.0", "v": "12.5", "n": 90, "x": True, "q": "787500.0", "V": "7.25", "Q": "456750.0",
        "B": "0", **changed,
    }  # fmt: skip
    return {"e": "kline", "E": BAR_MS + 60_002, "s": kline["s"], "k": kline}


def test_binance_names_the_side_of_the_order(heard: Callable[[str], Heard]) -> None:
    found = heard("binance").hear(binance_order(S="SELL"), binance_order(S="BUY")).liquidations
    assert [(symbol, one.side) for symbol, one in found] == [
        ("BTC/USDT:USDT", Side.LONG), ("BTC/USDT:USDT", Side.SHORT)
    ]  # fmt: skip
    assert [(one.price, one.amount_base, one.ts_ms) for _, one in found] == [(63010.5, 0.25, BAR_MS + 5_000)] * 2


def test_binance_coin_margined_counts_contracts(heard: Callable[[str], Heard]) -> None:
    ((symbol, one),) = heard("binance").hear(binance_order("BTCUSD_PERP", z="5", q="5", ap="50000")).liquidations
    assert (symbol, one.amount_base) == ("BTC/USD:BTC", 5 * 100 / 50_000)


def test_only_closed_bars_are_taken(heard: Callable[[str], Heard]) -> None:
    forming = binance_kline(x=False, c="1.0", l="1.0")
    one = heard("binance").hear(forming, binance_kline(), binance_kline(i="5m"), forming)
    assert one.bars == [("BTC/USDT:USDT", ClosedBar(BAR_MS, 63000.0, 63030.0, 62990.0, 63020.0, 12.5, 7.25, 90.0))]


def test_binance_coin_margined_volume_is_base(heard: Callable[[str], Heard]) -> None:
    ((_, bar),) = heard("binance").hear(binance_kline(s="BTCUSD_PERP", v="7875", q="12.5", V="4000", Q="6.3")).bars
    assert (bar.volume_base, bar.taker_buy_volume_base) == (12.5, 6.3)


def test_a_repeated_liquidation_has_its_key_again_and_equals_in_a_frame_have_not(
    heard: Callable[[str], Heard],
) -> None:
    one = {"T": BAR_MS + 1, "s": "BTCUSDT", "S": "Buy", "v": "0.5", "p": "63000"}
    frame = {"topic": "allLiquidation.BTCUSDT", "type": "snapshot", "ts": BAR_MS + 2, "data": [one, one]}
    first, second, third, fourth = (found.key for _, found in heard("bybit").hear(frame, frame).liquidations)
    assert (first, second) == (third, fourth)
    assert first != second


def test_bybit_hands_on_every_liquidation_of_a_frame_by_the_side_of_the_position(heard: Callable[[str], Heard]) -> None:
    sizes = ["0.1", "0.2", "0.3", "0.4", "0.5"]
    parts = [
        {"T": BAR_MS + number, "s": "BTCUSDT", "S": "Buy" if number % 2 else "Sell", "v": size, "p": "63000.5"}
        for number, size in enumerate(sizes)
    ]
    frame = {"topic": "allLiquidation.BTCUSDT", "type": "snapshot", "ts": BAR_MS + 9, "data": parts}
    found = [one for _, one in heard("bybit").hear(frame).liquidations]
    assert [one.amount_base for one in found] == [float(size) for size in sizes]
    assert [one.side for one in found] == [Side.SHORT, Side.LONG, Side.SHORT, Side.LONG, Side.SHORT]
    assert json.loads(found[0].raw) == parts[0]


def test_bybit_inverse_counts_quote(heard: Callable[[str], Heard]) -> None:
    part = {"T": BAR_MS, "s": "BTCUSD", "S": "Buy", "v": "12600", "p": "63000"}
    frame = {"topic": "allLiquidation.BTCUSD", "type": "snapshot", "ts": BAR_MS, "data": [part]}
    ((symbol, one),) = heard("bybit").hear(frame).liquidations
    assert (symbol, one.amount_base) == ("BTC/USD:BTC", 0.2)


def test_bybit_bars_are_taken_when_confirmed(heard: Callable[[str], Heard]) -> None:
    bar = {
        "start": BAR_MS, "end": BAR_MS + 59_999, "interval": "1", "open": "63000", "close": "63010", "high": "63020",
        "low": "62990", "volume": "3.5", "turnover": "220500", "confirm": True, "timestamp": BAR_MS + 60_001,
    }  # fmt: skip
    frame = {"topic": "kline.1.BTCUSDT", "type": "snapshot", "ts": BAR_MS, "data": [{**bar, "confirm": False}, bar]}
    ((symbol, taken),) = heard("bybit").hear(frame).bars
    assert (symbol, taken.close, taken.volume_base) == ("BTC/USDT:USDT", 63010.0, 3.5)


def okx_liquidations(details: list[dict[str, str]], market_id: str = "BTC-USDT-SWAP") -> dict[str, Any]:
    part = {"details": details, "instFamily": "BTC-USDT", "instId": market_id, "instType": "SWAP", "uly": "BTC-USDT"}
    return {"arg": {"channel": "liquidation-orders", "instType": "SWAP"}, "data": [part]}


def okx_detail(**changed: str) -> dict[str, str]:
    return {
        "bkLoss": "0", "bkPx": "63000", "ccy": "", "posSide": "long", "side": "sell", "sz": "13", "ts": str(BAR_MS),
        **changed,
    }  # fmt: skip


def test_okx_every_detail_is_read_and_contracts_are_base(heard: Callable[[str], Heard]) -> None:
    frame = okx_liquidations([okx_detail(), okx_detail(sz="7", posSide="short", side="buy", ts=str(BAR_MS + 1))])
    found = [one for _, one in heard("okx").hear(frame).liquidations]
    assert [(one.side, one.amount_base) for one in found] == [(Side.LONG, 0.13), (Side.SHORT, 0.07)]


def test_okx_net_positions_are_told_by_the_order(heard: Callable[[str], Heard]) -> None:
    frame = okx_liquidations([okx_detail(posSide="net"), okx_detail(posSide="net", side="buy")])
    assert [one.side for _, one in heard("okx").hear(frame).liquidations] == [Side.LONG, Side.SHORT]


def test_okx_inverse_contracts_are_quote_and_other_swaps_are_let_be(heard: Callable[[str], Heard]) -> None:
    inverse = okx_liquidations([okx_detail(sz="63")], "BTC-USD-SWAP")
    ((symbol, one),) = heard("okx").hear(okx_liquidations([okx_detail()], "NEW-USDT-SWAP"), inverse).liquidations
    assert symbol == "BTC/USD:BTC"
    assert one.amount_base == pytest.approx(0.1, rel=1e-15)


def test_okx_bars_are_taken_when_confirmed_and_volume_is_base(heard: Callable[[str], Heard]) -> None:
    row = [str(BAR_MS), "63000", "63020", "62990", "63010", "350", "3.5", "220500", "1"]
    frame = {"arg": {"channel": "candle1m", "instId": "BTC-USDT-SWAP"}, "data": [[*row[:-1], "0"], row]}
    ((symbol, bar),) = heard("okx").hear(frame).bars
    assert (symbol, bar.volume_base) == ("BTC/USDT:USDT", 3.5)


@pytest.mark.parametrize(
    ("venue", "frame_of"),
    [
        (
            "gate",
            lambda ms: {
                "time": ms // 1000, "channel": "futures.candlesticks", "event": "update",
                "result": [{"t": ms // 1000, "v": 1, "c": "1", "h": "1", "l": "1", "o": "1", "n": "1m_BTC_USDT"}],
            },
        ),
        (
            "bitget",
            lambda ms: {
                "action": "update", "arg": {"instType": "USDT-FUTURES", "channel": "candle1m", "instId": "BTCUSDT"},
                "data": [[str(ms), "1", "1", "1", "1", "1", "1", "1"]], "ts": ms,
            },
        ),
        (
            "hyperliquid",
            lambda ms: {
                "channel": "candle",
                "data": {"t": ms, "T": ms + 59_999, "s": "BTC", "i": "1m", "o": "1", "c": "1", "h": "1", "l": "1",
                         "v": "1", "n": 2},
            },
        ),
    ],
)  # fmt: skip
def test_a_bar_that_begins_says_the_one_before_closed(
    heard: Callable[[str], Heard], venue: str, frame_of: Callable[[int], Any]
) -> None:
    minutes = [BAR_MS, BAR_MS, BAR_MS + 60_000, BAR_MS]
    found = heard(venue).hear(*(frame_of(ms) for ms in minutes))
    symbol = MARKETS[venue][0]["symbol"]
    assert found.forming == [(symbol, BAR_MS), (symbol, BAR_MS + 60_000)]
    assert found.bars == []


@pytest.mark.parametrize(
    "changed",
    [
        {"o": "abc"}, {"h": "62000.0"}, {"l": "-1"}, {"v": "-3"}, {"t": BAR_MS // 1000}, {"t": BAR_MS + 1},
        {"c": "NaN"}, {"o": None}, {"v": None},
    ],
)  # fmt: skip
def test_a_bar_that_does_not_hold_together_is_refused(heard: Callable[[str], Heard], changed: dict[str, Any]) -> None:
    one = asyncio.run(read(heard("binance"), json.dumps(binance_kline(**changed))))
    assert one.bars == []
    assert one.exchange.bad_frames == 1


async def read(one: Heard, *contents: str) -> Heard:
    """Let a connection of ccxt's read texts as they came over the wire."""
    told = one.exchange.client("wss://example.test/linear/ws")
    for content in contents:
        told.handle_message(SimpleNamespace(type=WSMsgType.TEXT, data=content))
    await one.exchange.close()
    return one


def test_reading_goes_on_after_a_frame_that_is_no_json(heard: Callable[[str], Heard]) -> None:
    contents = ('{"e": "kline", "k": {', json.dumps({"e": "kline"}), json.dumps(binance_kline()))
    one = asyncio.run(read(heard("binance"), *contents))
    assert one.exchange.bad_frames == 2
    assert len(one.bars) == 1


def test_one_unreadable_part_does_not_lose_the_others(heard: Callable[[str], Heard]) -> None:
    parts = [
        {"T": BAR_MS, "s": "BTCUSDT", "S": side, "v": size, "p": "63000"}
        for side, size in (("Buy", "0.1"), ("Both", "0.2"), ("Sell", "nan"), ("Sell", "0.4"))
    ]
    frame = {"topic": "allLiquidation.BTCUSDT", "type": "snapshot", "ts": BAR_MS, "data": parts}
    one = heard("bybit").hear(frame)
    assert [found.amount_base for _, found in one.liquidations] == [0.1, 0.4]
    assert one.exchange.bad_frames == 2


def test_ccxt_s_caches_stay_empty(heard: Callable[[str], Heard]) -> None:
    one = heard("binance").hear(*(binance_kline(t=BAR_MS + 60_000 * number) for number in range(50)), binance_order())
    assert len(one.bars) == 50
    assert not one.exchange.ohlcvs
    assert not one.exchange.liquidations


def test_retry_after_is_heard(heard: Callable[[str], Heard]) -> None:
    exchange = heard("binance").exchange
    before = exchange.asked_to_wait_until_s
    with pytest.raises(NetworkError):
        exchange.handle_errors(
            429, "Too Many Requests", "https://example.test", "GET", {"Retry-After": "17"},
            '{"code": -1003, "msg": "Too many requests."}', {"code": -1003, "msg": "Too many requests."}, {}, None,
        )  # fmt: skip
    assert exchange.asked_to_wait_until_s > before + 16


@pytest.mark.parametrize("venue", NAMES)
def test_every_venue_has_a_recorded_market_and_bars(venue: str) -> None:
    assert MARKETS[venue]
    assert load_venue(venue).name == load_venue(venue).client.venue == venue
    assert "bar:last" in {str(stream) for stream in load_venue(venue).sources}
