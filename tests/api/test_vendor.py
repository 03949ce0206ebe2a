"""The vendor's paths: its envelope and shapes field by field, ours behind them, and its errors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from liqgrid.api.database import Pool
from liqgrid.api.rest.vendor.names import exchange_name, symbol_of
from liqgrid.api.rest.vendor.ranges import BUCKETS, HEATMAP_RANGES, MAP_RANGES, MAX_PAIN_RANGES, RANGES
from liqgrid.engine.market.instrument import parse_pair
from tests.api.conftest import REALISED, Served
from tests.api.realised import MINUTE_MS
from tests.api.stored import stored_columns

ROOT = "/api/futures/liquidation"
PAIR = {"exchange": "Binance", "symbol": "BTCUSDT"}
HOUR_MS, DAY_MS = 3_600_000, 86_400_000


class Text(str):
    """A pattern that a text must match whole."""


@dataclass(frozen=True)
class Each:
    """A list, any length, of one shape."""

    shape: Any


@dataclass(frozen=True)
class Keyed:
    """An object with keys of a pattern, and values of one shape."""

    key: str
    shape: Any


DECIMAL = Text(r"\d+(\.\d+)?")
TOTALS = ("liquidation_usd", "long_liquidation_usd", "short_liquidation_usd")
HEATMAP = {
    "y_axis": Each(float),
    "liquidation_leverage_data": Each([int, int, float]),
    "price_candlesticks": Each([int, DECIMAL, DECIMAL, DECIMAL, DECIMAL, DECIMAL]),
    "update_time": int,
}
MAP = {"data": Keyed(r"\d+(\.\d+)?", [[float, float, None, None]])}
MAX_PAIN = Each(
    {"symbol": Text("[A-Z0-9]+"), "price": float, "long_max_pain_liq_level": float, "long_max_pain_liq_price": float,
     "short_max_pain_liq_level": float, "short_max_pain_liq_price": float}
)  # fmt: skip
HISTORY = Each({"time": int, "long_liquidation_usd": DECIMAL, "short_liquidation_usd": DECIMAL})
COIN_HISTORY = Each(
    {"time": int, "aggregated_long_liquidation_usd": float, "aggregated_short_liquidation_usd": float}
)  # fmt: skip
COINS = Each(
    {"symbol": Text("[A-Z0-9]+"), **{f"{total}_{hours}h": float for hours in (24, 12, 4, 1) for total in TOTALS}}
)
EXCHANGES = Each({"exchange": Text("[A-Za-z]+"), **dict.fromkeys(TOTALS, float)})
# What is asked and the published shape of its data.
PATHS: list[tuple[str, dict[str, str], Any]] = [
    *((f"heatmap/model{n}", {**PAIR, "range": "3d"}, HEATMAP) for n in (1, 2, 3)),
    *((f"aggregated-heatmap/model{n}", {"symbol": "BTC", "range": "3d"}, HEATMAP) for n in (1, 2, 3)),
    ("map", {**PAIR, "range": "7d"}, MAP),
    ("aggregated-map", {"symbol": "BTC", "range": "1d"}, MAP),
    ("max-pain", {"range": "24h"}, MAX_PAIN),
    ("history", {**PAIR, "interval": "1h"}, HISTORY),
    ("aggregated-history", {"exchange_list": "Binance, OKX, Bybit", "symbol": "BTC", "interval": "1h"}, COIN_HISTORY),
    ("coin-list", {"exchange": "Binance"}, COINS),
    ("exchange-list", {"range": "24h"}, EXCHANGES),
]


def check(value: Any, shape: Any, where: str = "data") -> None:
    """Hold a value to a shape: every field, none more, and the JSON type of each."""
    match shape:
        case Each(each):
            assert isinstance(value, list), where
            assert value, f"{where} is empty"
            for n, one in enumerate(value):
                check(one, each, f"{where}[{n}]")
        case Keyed(key, each):
            assert value, where
            for name, one in value.items():
                assert re.fullmatch(key, name), where
                check(one, each, f"{where}.{name}")
        case dict():
            assert value.keys() == shape.keys(), where
            for name, each in shape.items():
                check(value[name], each, f"{where}.{name}")
        case list():
            assert isinstance(value, list), where
            assert len(value) == len(shape), where
            for n, (one, each) in enumerate(zip(value, shape, strict=True)):
                check(one, each, f"{where}[{n}]")
        case Text():
            assert isinstance(value, str), where
            assert re.fullmatch(shape, value), where
        case None:
            assert value is None, where
        case _:
            assert type(value) in ({int, float} if shape is float else {shape}), where


def data(served: Served, path: str, **given: Any) -> Any:
    answer = served.client.get(f"{ROOT}/{path}", params=given, headers={"CG-API-KEY": "whatever"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    envelope = answer.json()
    assert list(envelope) == ["code", "msg", "data"]
    assert (envelope["code"], envelope["msg"]) == ("0", "success")
    return envelope["data"]


@pytest.mark.parametrize(("path", "given", "shape"), PATHS, ids=[path for path, _, _ in PATHS])
def test_every_path_has_its_published_shape(served: Served, path: str, given: dict[str, str], shape: Any) -> None:
    check(data(served, path, **given), shape)


def test_a_heatmap_is_our_grid(served: Served) -> None:
    """Sparse [x, y, value] of both sides, bars by x in seconds, prices by y."""
    found = data(served, "heatmap/model2", **PAIR, range="3d")
    grid = served.client.get(
        "/v1/grids/BTC-USDT", params={"interval": "15m", "last": 3 * 96, "rows": 260, "venues": "binance"}
    ).json()
    last_ms = grid["times"][-1]
    kept = [t for t, ms in enumerate(grid["times"]) if ms > last_ms - 3 * DAY_MS]
    assert found["update_time"] == last_ms
    assert len(found["y_axis"]) == 260
    assert found["y_axis"] == pytest.approx(np.sqrt(np.multiply(grid["price_edges"][1:], grid["price_edges"][:-1])))
    bars = [
        [(grid["times"][t] - 900_000) // 1000, *(grid["bars"][name][t] for name in ("open", "high", "low", "close"))]
        for t in kept
    ]
    assert [[row[0], *map(float, row[1:5])] for row in found["price_candlesticks"]] == [
        pytest.approx(bar, rel=1e-9) for bar in bars
    ]
    volume = [grid["bars"]["volume"][t] * grid["bars"]["close"][t] for t in kept]
    assert [float(row[5]) for row in found["price_candlesticks"]] == pytest.approx(volume)
    dense = np.zeros((len(kept), 260))
    for x, y, value in found["liquidation_leverage_data"]:
        dense[x, y] = value
    wanted = np.array(grid["long"])[kept] + np.array(grid["short"])[kept]
    assert dense == pytest.approx(wanted, rel=1e-6, abs=0.02)


def test_the_models_are_one_grid_in_more_and_more_rows(served: Served) -> None:
    totals = []
    for model, rows in (("model1", 130), ("model2", 260), ("model3", 390)):
        found = data(served, f"heatmap/{model}", **PAIR, range="24h")
        assert len(found["y_axis"]) == rows
        totals.append(sum(value for _, _, value in found["liquidation_leverage_data"]))
    assert totals == pytest.approx([totals[0]] * 3, rel=1e-6)


def test_aggregated_is_the_sum_of_the_venues(served: Served) -> None:
    """On one price axis; a time that one venue lacks has the other's bar."""
    found = data(served, "aggregated-heatmap/model1", symbol="BTC", range="7d")
    grid = served.client.get("/v1/grids/BTC-USDT", params={"interval": "1h", "last": 168, "rows": 130}).json()
    kept = [t for t, ms in enumerate(grid["times"]) if ms > grid["times"][-1] - 7 * DAY_MS]
    total = sum(value for _, _, value in found["liquidation_leverage_data"])
    assert total == pytest.approx(
        np.sum(np.array(grid["long"])[kept]) + np.sum(np.array(grid["short"])[kept]), rel=1e-2
    )
    assert len(found["price_candlesticks"]) == len(kept)


@pytest.mark.parametrize("named", HEATMAP_RANGES)
def test_a_range_ends_at_the_newest_column(served: Served, named: str) -> None:
    """In its interval, or the next coarser that is built: of 15 minutes where 5 are not."""
    found = data(served, "heatmap/model1", **PAIR, range=named)
    length_ms, interval = RANGES[named]
    built = "15m" if interval == "5m" else str(interval)
    closes = [column.close_ms for column in stored_columns(served.dsn, "binance", built)]
    assert found["update_time"] == closes[-1]
    assert len(found["price_candlesticks"]) == sum(ms > closes[-1] - length_ms for ms in closes)


@pytest.mark.parametrize("named", MAP_RANGES)
def test_a_map_is_the_newest_column(served: Served, named: str) -> None:
    levels = data(served, "map", **PAIR, range=named)["data"]
    for key, ((price, level, leverage, nothing),) in levels.items():
        assert float(key) == price
        assert level > 0
        assert leverage is nothing is None
    newest = stored_columns(served.dsn, "binance", {"1d": "15m", "7d": "1h", "30d": "4h"}[named])[-1]
    whole = newest.placed("long", quote=True) + newest.placed("short", quote=True)
    assert 0 < sum(level for ((_, level, _, _),) in levels.values()) <= whole


@pytest.mark.parametrize("named", MAX_PAIN_RANGES)
def test_max_pain_of_longs_lies_above_as_in_the_vendors_example(served: Served, named: str) -> None:
    (found,) = data(served, "max-pain", range=named)
    assert found["symbol"] == "BTC"
    assert found["short_max_pain_liq_price"] < found["price"] < found["long_max_pain_liq_price"]
    assert found["short_max_pain_liq_level"] > 0
    assert found["long_max_pain_liq_level"] > 0


def test_max_pain_is_our_largest_cluster(served: Served) -> None:
    (found,) = data(served, "max-pain", range="7d")
    ours = served.client.get("/v1/clusters/BTC-USDT?interval=1h&side=short&within=0.5&limit=200").json()
    assert found["price"] == ours["price"]
    peaks = {round(cluster["notional"], 2): cluster["peak_price"] for cluster in ours["clusters"]}
    assert found["long_max_pain_liq_price"] == pytest.approx(peaks[found["long_max_pain_liq_level"]])


@pytest.mark.parametrize("interval", BUCKETS)
def test_history_sums_realised_liquidations(served: Served, interval: str) -> None:
    found = data(served, "history", **PAIR, interval=interval)
    rows = served.binance
    length = {"m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS, "w": 7 * DAY_MS}[interval[-1]] * int(interval[:-1])
    if length < 15 * MINUTE_MS:
        assert found == [], "sums of 15 minutes are not taken apart"
        return
    offset = 4 * DAY_MS if interval == "1w" else 0
    bucket = (rows.open_ms - offset) // length * length + offset
    opens = np.unique(bucket)
    opens = opens[opens > opens[-1] - 1000 * length]
    assert [row["time"] for row in found] == opens.tolist()
    for side in ("long", "short"):
        value = rows.columns[f"{side}_liq_base"] * rows.columns["close"]
        sums = [value[bucket == ms].sum() for ms in opens]
        assert [float(row[f"{side}_liquidation_usd"]) for row in found] == pytest.approx(sums)


def test_history_is_cut_by_time_and_limit(served: Served) -> None:
    def times(**given: Any) -> list[int]:
        return [row["time"] for row in data(served, "history", **PAIR, interval="1h", **given)]

    whole = times()
    assert times(limit=3) == whole[-3:]
    assert times(limit=3, end_time=whole[10]) == whole[8:11]
    assert times(limit=3, start_time=whole[10]) == whole[10:13]
    assert times(start_time=whole[10], end_time=whole[12] + 5) == whole[10:13]
    assert times(start_time=253_402_300_799_999) == []
    assert times(end_time=0) == []


def test_a_coins_history_adds_up_its_exchanges(served: Served) -> None:
    def sums(exchanges: str) -> dict[int, float]:
        given = {"exchange_list": exchanges, "symbol": "BTC", "interval": "1d"}
        return {
            row["time"]: row["aggregated_long_liquidation_usd"] for row in data(served, "aggregated-history", **given)
        }

    binance, bybit, both = sums("Binance"), sums("Bybit"), sums("Binance,Bybit,OKX")
    assert len(both) > 5
    assert both == pytest.approx({ms: binance.get(ms, 0) + bybit.get(ms, 0) for ms in both})


def test_totals_of_the_last_hours(served: Served) -> None:
    """XRP: hour 0 has 50.5 of longs, hours 0 and 1 have 5.1 and 10.4 of shorts, hour 3 has 14.4 of longs."""
    totals = data(served, "exchange-list", range="4h", symbol=REALISED.pair.base)
    assert [row["exchange"] for row in totals] == ["All", "Binance"]
    for row in totals:
        assert row["long_liquidation_usd"] == pytest.approx(64.9)
        assert row["short_liquidation_usd"] == pytest.approx(15.5)
        assert row["liquidation_usd"] == pytest.approx(80.4)
    coins = {row["symbol"]: row for row in data(served, "coin-list", exchange="binance")}
    rows = served.binance
    value = rows.columns["long_liq_base"] * rows.columns["close"]
    for hours in (24, 12, 4, 1):
        stop = rows.open_ms[-1] // HOUR_MS * HOUR_MS + HOUR_MS
        within = rows.open_ms >= stop - hours * HOUR_MS
        assert coins["BTC"][f"long_liquidation_usd_{hours}h"] == pytest.approx(value[within].sum())
    everything = data(served, "exchange-list", range="24h")
    assert everything[0]["exchange"] == "All"
    assert everything[0]["liquidation_usd"] == pytest.approx(sum(row["liquidation_usd"] for row in everything[1:]))


@pytest.mark.parametrize(
    ("venue", "pair", "exchange", "symbol"),
    [
        ("binance", "BTC-USDT", "Binance", "BTCUSDT"),
        ("okx", "BTC-USDT", "OKX", "BTC-USDT-SWAP"),
        ("bybit", "ETH-USDT", "Bybit", "ETHUSDT"),
        ("hyperliquid", "BTC-USDC", "Hyperliquid", "BTC"),
    ],
)
def test_names_are_the_vendors(venue: str, pair: str, exchange: str, symbol: str) -> None:
    assert exchange_name(venue) == exchange
    assert symbol_of(venue, parse_pair(pair)) == symbol


BAD = [
    ("heatmap/model1", {}, "400", "exchange is required"),
    ("heatmap/model1", {**PAIR, "range": "5d"}, "400", "12h, 24h, 3d"),
    ("heatmap/model1", {**PAIR, "exchange": "Kraken"}, "400", "stored are Binance, Bybit"),
    ("heatmap/model1", {**PAIR, "symbol": "BTC-USDT'; DROP TABLE bar; --"}, "404", "DROP TABLE"),
    ("heatmap/model1", {**PAIR, "symbol": "ETHUSDT"}, "404", "no grid"),
    ("heatmap/model4", PAIR, "404", "model4"),
    ("aggregated-heatmap/model1", {"symbol": "NONE"}, "404", "'NONE'"),
    ("aggregated-heatmap/model1", {"symbol": "a\x00b"}, "400", "no stored text"),
    ("map", {**PAIR, "range": "12h"}, "400", "1d, 7d, 30d"),
    ("max-pain", {"range": "1y"}, "400", "48h"),
    ("history", PAIR, "400", "interval is required"),
    ("history", {**PAIR, "interval": "2h"}, "400", "8h, 12h"),
    ("history", {**PAIR, "interval": "1h", "limit": "1001"}, "400", "from 1 up to 1000"),
    ("history", {**PAIR, "interval": "1h", "start_time": "1e999"}, "400", "'1e999'"),
    ("history", {**PAIR, "interval": "1h", "start_time": "9" * 18}, "400", "start_time"),
    ("history", {**PAIR, "interval": "1h", "start_time": "5", "end_time": "5"}, "400", "before end_time"),
    ("aggregated-history", {"exchange_list": "Kraken", "symbol": "BTC", "interval": "1h"}, "400", "Binance, Bybit"),
    ("coin-list", {"exchange": "NaN"}, "400", "'NaN'"),
    ("exchange-list", {"range": "24"}, "400", "1h, 4h, 12h, 24h"),
    ("", {}, "404", "not served"),
]


@pytest.mark.parametrize(
    ("path", "given", "code", "told"), BAD, ids=[f"{n}-{path}" for n, (path, *_) in enumerate(BAD)]
)
def test_errors_have_the_vendors_form(served: Served, path: str, given: dict[str, str], code: str, told: str) -> None:
    answer = served.client.get(f"{ROOT}/{path}", params=given)
    assert answer.status_code == int(code)
    assert answer.json().keys() == {"code", "msg"}
    assert answer.json()["code"] == code
    assert told in answer.json()["msg"]
    assert answer.headers["x-request-id"]


def test_another_method_is_refused_in_its_form(served: Served) -> None:
    answer = served.client.post(f"{ROOT}/map", json={})
    assert answer.status_code == 405
    assert answer.json()["code"] == "405"


def test_what_nobody_expected_is_masked_in_its_form(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("the secret of the server is 12345")

    monkeypatch.setattr(Pool, "fetch", broken)
    answer = served.client.get(f"{ROOT}/max-pain")
    assert answer.status_code == 500
    assert answer.json()["code"] == "500"
    assert answer.headers["x-request-id"] in answer.json()["msg"]
    assert "12345" not in answer.text
