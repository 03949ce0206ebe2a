"""Answers about a coin: all its dollar pairs over all venues, added on the common axis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from liqgrid.engine.market.axis import mid_prices
from liqgrid.engine.market.instrument import Instrument, parse_instrument
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.store.database import connected
from tests.api.conftest import put
from tests.api.served import Api, serving, unpacked
from tests.api.stored import ms_of, stored_columns
from tests.conftest import NewDatabase
from tests.markets import Market, market

HOURS = 120
# Share of open interest, factor on the price, and how many hours it ends before the others.
INSTRUMENTS = {
    "binance:BTC-USDT": (1.0, 1.0, 0),
    "binance:BTC-USD": (0.25, 1.001, 0),  # inverse; stored in base units like any other
    "bybit:BTC-USDC": (1.5, 0.999, 0),
    "okx:BTC-USDT": (3.0, 1.0, 30),  # the largest, which stopped
    "binance:BTC-EUR": (9.0, 0.9, 0),  # no dollar
}
DOLLARS = [name for name in INSTRUMENTS if not name.endswith("EUR")]
GOING_ON = [name for name in DOLLARS if not name.startswith("okx")]
WIDE = "priceLow: 20000, priceHigh: 200000, rows: 400"


def rows(instrument: Instrument, share: float, factor: float, behind: int) -> Market:
    whole = market(HOURS, Interval.H1, seed=4, instrument=instrument)
    whole = whole.changed("oi_close", slice(None), share * whole.columns["oi_close"])
    return whole.shifted(slice(None), factor).rows(slice(0, HOURS - behind))


@pytest.fixture(scope="module")
def coins(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("coins")
    with new_database() as dsn:
        with connected(dsn) as connection:
            for name, (share, factor, behind) in INSTRUMENTS.items():
                instrument = parse_instrument(name)
                put(connection, rows(instrument, share, factor, behind), folder, instrument)
        with serving(dsn) as api:
            yield api


def newest(api: Api, name: str) -> Any:
    venue, pair = name.split(":")
    return stored_columns(api.dsn, venue, "1h", pair)[-1]


def test_a_coins_grid_is_the_sum_of_its_dollar_pairs(coins: Api) -> None:
    def grids(unit: str, **pairs: str) -> dict[str, Any]:
        fields = "pair unit times long short longTotal shortTotal"
        asked = " ".join(
            f'{alias}: grid(pair: "{pair}", interval: H1, last: 500, unit: {unit}, {WIDE}) {{ {fields} }}'
            for alias, pair in pairs.items()
        )
        return dict(coins.ask(f"{{ {asked} }}"))

    for unit in ("BASE", "QUOTE"):
        found = grids(unit, coin="BTC", tether="BTC-USDT", usd="BTC-USD", usdc="BTC-USDC")
        coin = found.pop("coin")
        assert (coin["pair"], coin["unit"]) == ("BTC", "BTC" if unit == "BASE" else "USD")
        assert {tuple(unpacked(one["times"])) for one in found.values()} == {tuple(unpacked(coin["times"]))}
        for field in ("long", "short", "longTotal", "shortTotal"):
            added = np.sum([unpacked(one[field]).astype(np.float64) for one in found.values()], axis=0)
            assert np.allclose(unpacked(coin[field]), added, rtol=1e-6, atol=1e-9 * added.max())
            assert added.max() > 0


def test_coverage_names_every_instrument_and_those_that_are_missing(coins: Api) -> None:
    fields = "venue pair symbol openInterestShare columns newest storedUntil tiersAssumed barsWithoutVolume markColumns"
    answer = coins.ask(f"""{{
      topClusters(pair: "BTC", interval: H1) {{ pair unit price asOf coverage {{ missing venues {{ {fields} }} }} }}
      grid(pair: "BTC", interval: H1, last: 60) {{ coverage {{ missing venues {{ {fields} }} }} }} }}""")
    top = answer["topClusters"]
    assert (top["pair"], top["unit"]) == ("BTC", "USD")
    assert top["price"] == newest(coins, "bybit:BTC-USDC").price, "the largest that has the newest column"
    columns = {name: newest(coins, name) for name in DOLLARS}
    whole = sum(columns[name].open_interest_base for name in GOING_ON)
    for coverage, count in ((top["coverage"], 1), (answer["grid"]["coverage"], 60)):
        assert coverage["missing"] == ["okx:BTC-USDT"]
        there = {one["symbol"]: one for one in coverage["venues"]}
        assert list(there) == ["bybit:BTC-USDC", "binance:BTC-USDT", "binance:BTC-USD", "okx:BTC-USDT"]
        for name, one in there.items():
            assert f"{one['venue']}:{one['pair']}" == name
            share = columns[name].open_interest_base / whole if name in GOING_ON else 0
            assert one["openInterestShare"] == pytest.approx(share)
            assert ms_of(one["storedUntil"]) == columns[name].close_ms
            assert one["columns"] == (count if name in GOING_ON else max(count - 30, 0))
            assert one["barsWithoutVolume"] == one["markColumns"] == 0
    assert {name: there[name]["tiersAssumed"] for name in there} == {
        name: not name.startswith("binance:BTC-USD") for name in there
    }


def test_one_that_stopped_is_in_the_columns_it_has_and_hides_no_other(coins: Api) -> None:
    total = unpacked(
        coins.ask('{ grid(pair: "BTC", interval: H1, last: 60, unit: BASE) { longTotal } }')["grid"]["longTotal"]
    )
    others = np.sum(
        [[one.total_base for one in stored_columns(coins.dsn, *named(name))[-60:]] for name in GOING_ON], axis=0
    )
    stopped = [one.total_base for one in stored_columns(coins.dsn, *named("okx:BTC-USDT"))[-30:]]
    assert np.allclose(total[30:], others[30:])
    assert np.allclose(total[:30], others[:30] + stopped)


def named(name: str) -> tuple[str, str, str]:
    venue, pair = name.split(":")
    return venue, "1h", pair


def test_clusters_and_exposure_of_a_coin_add_up_over_instruments(coins: Api) -> None:
    answer = coins.ask("""{
      topClusters(pair: "BTC", interval: H1, within: 1, limit: 200) {
        clusters { side low high notional base id composition { venues { symbol notional } leverage { share } } } }
      exposure(pair: "BTC", interval: H1) { long { base notional } } }""")
    clusters = answer["topClusters"]["clusters"]
    assert len(clusters) > 10
    assert len({one["id"] for one in clusters}) == len(clusters)
    for one in clusters[:5]:
        base = 0.0
        for name in GOING_ON:
            first, span = newest(coins, name).span(one["side"].lower())
            mids = mid_prices(first, len(span))
            base += span[(mids > one["low"]) & (mids < one["high"])].sum()
        assert one["base"] == pytest.approx(base, rel=1e-9)
        assert [part["symbol"] for part in one["composition"]["venues"]] == [
            "bybit:BTC-USDC", "binance:BTC-USDT", "binance:BTC-USD",
        ]  # fmt: skip
        assert sum(part["notional"] for part in one["composition"]["venues"]) == pytest.approx(one["notional"])
        assert sum(part["share"] for part in one["composition"]["leverage"]) == pytest.approx(1)
    assert answer["exposure"]["long"]["base"] == pytest.approx(sum(newest(coins, name).total_base for name in GOING_ON))


def test_venues_choose_among_the_instruments_of_a_coin(coins: Api) -> None:
    def symbols(venues: str) -> list[str]:
        question = (
            f'{{ exposure(pair: "BTC", interval: H1, venues: {venues}) {{ coverage {{ venues {{ symbol }} }} }} }}'
        )
        return [one["symbol"] for one in coins.ask(question)["exposure"]["coverage"]["venues"]]

    assert symbols('["binance"]') == ["binance:BTC-USDT", "binance:BTC-USD"]
    assert symbols('["bybit", "okx"]') == ["bybit:BTC-USDC", "okx:BTC-USDT"]
    assert coins.code('{ exposure(pair: "BTC", interval: H1, venues: ["gate"]) { asOf } }') == "BAD_REQUEST"


def test_a_coins_bars_are_those_of_its_leading_instrument(coins: Api) -> None:
    bars = coins.ask('{ bars(pair: "BTC", interval: H1) { symbol } openInterest(pair: "BTC") { symbol } }')
    assert bars["bars"]["symbol"] == bars["openInterest"]["symbol"] == "bybit:BTC-USDC", "the largest that goes on"
    one = coins.ask('{ bars(pair: "BTC", interval: H1, venue: "binance") { symbol } }')["bars"]
    assert one["symbol"] == "binance:BTC-USDT"


def test_an_unknown_coin_is_an_unknown_pair(coins: Api) -> None:
    for query in ("grid", "topClusters", "exposure", "bars"):
        for name, code in (("DOGE", "UNKNOWN_PAIR"), ("BTCUSDT", "BAD_REQUEST"), ("btc", "BAD_REQUEST")):
            assert coins.code(f'{{ {query}(pair: "{name}", interval: H1) {{ __typename }} }}') == code, (query, name)
    error = coins.refuse('{ grid(pair: "BTCUSDT", interval: H1) { asOf } }')
    assert "BTC-USDT" in error["message"]


def test_a_coin_without_dollar_pairs_is_unknown(coins: Api) -> None:
    with connected(coins.dsn) as connection:
        connection.execute("INSERT INTO instrument (venue, pair, coin, quote) VALUES ('okx', 'XYZ-EUR', 'XYZ', 'EUR')")
    assert coins.code('{ grid(pair: "XYZ", interval: H1) { asOf } }') == "UNKNOWN_PAIR"
    assert coins.code('{ grid(pair: "XYZ-EUR", interval: H1) { asOf } }') == "NOT_BUILT"


def test_what_if_is_answered_for_a_coin(coins: Api) -> None:
    price = coins.ask('{ exposure(pair: "BTC", interval: H1) { price } }')["exposure"]["price"]
    asked = f"interval: H1, priceTo: {0.9 * price}"
    pairs = {"coin": "BTC", "tether": "BTC-USDT", "usd": "BTC-USD", "usdc": "BTC-USDC"}
    fields = "{ long { base } short { base } }"
    each = " ".join(f'{key}: cascade(pair: "{pair}", {asked}) {fields}' for key, pair in pairs.items())
    found = coins.ask(f"{{ {each} }}")
    coin = found.pop("coin")
    assert coin["long"]["base"] == pytest.approx(sum(one["long"]["base"] for one in found.values()), rel=1e-2)
    zones = coins.ask('{ stopZones(pair: "BTC", interval: H1) { pair zones { low } } }')["stopZones"]
    assert zones["pair"] == "BTC"
