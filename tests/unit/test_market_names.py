"""Intervals, pairs, instruments and sides: how they are spelled, and what a wrong spelling answers."""

from __future__ import annotations

from itertools import pairwise

import pytest

from liqgrid.engine.market.errors import BadRequest, ErrorCode
from liqgrid.engine.market.instrument import (
    SIDES,
    Coin,
    Instrument,
    Pair,
    Side,
    pair_from_joined,
    parse_instrument,
    parse_pair,
    parse_pair_or_coin,
)
from liqgrid.engine.market.interval import Interval, parse_interval


def test_intervals_have_their_length() -> None:
    minutes = {"1m": 1, "5m": 5, "15m": 15, "1h": 60, "4h": 4 * 60, "1d": 24 * 60}
    for text, length in minutes.items():
        interval = parse_interval(text)
        assert interval.value == text
        assert interval.ms == length * 60 * 1000
        assert interval.seconds == length * 60
    assert len(Interval) == len(minutes)


@pytest.mark.parametrize("text", ["", "2m", "1H", "60", "1h ", "H1"])
def test_an_unknown_interval_names_the_known_ones(text: str) -> None:
    with pytest.raises(BadRequest, match="use one of 1m, 5m, 15m, 1h, 4h, 1d") as caught:
        parse_interval(text)
    assert caught.value.code is ErrorCode.BAD_REQUEST
    assert caught.value.context == {"interval": text}


def test_each_interval_divides_the_next_and_starts_with_the_epoch() -> None:
    lengths = [interval.ms for interval in Interval]
    assert lengths == sorted(lengths)
    assert all(coarse % fine == 0 for fine, coarse in pairwise(lengths))


def test_a_pair_is_spelled_base_quote() -> None:
    assert parse_pair("BTC-USDT") == Pair("BTC", "USDT")
    assert parse_pair("1000PEPE-USDC") == Pair("1000PEPE", "USDC")
    assert str(Pair("BTC", "USDT")) == "BTC-USDT"


@pytest.mark.parametrize(
    "text", ["", "BTCUSDT", "btc-usdt", "BTC-", "-USDT", "BTC-USDT-PERP", "BTC/USDT", "BTC-USDT\n"]
)
def test_a_pair_spelled_otherwise_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="write base-quote, for example BTC-USDT"):
        parse_pair(text)


def test_a_refused_pair_is_quoted_at_most_sixty_characters_long() -> None:
    with pytest.raises(BadRequest) as caught:
        parse_pair("x" * 1000)
    assert caught.value.context == {"pair": "x" * 60}
    assert len(caught.value.message) < 200


def test_an_instrument_is_spelled_venue_pair() -> None:
    instrument = parse_instrument("binance:BTC-USDT")
    assert instrument == Instrument("binance", Pair("BTC", "USDT"))
    assert str(instrument) == "binance:BTC-USDT"


@pytest.mark.parametrize("text", ["BTC-USDT", "Binance:BTC-USDT", ":BTC-USDT", "binance", "b:BTC-USDT", "9x:BTC-USDT"])
def test_an_instrument_without_a_venue_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="write venue:base-quote"):
        parse_instrument(text)


def test_an_instrument_of_a_bad_pair_is_refused() -> None:
    with pytest.raises(BadRequest, match="pair was 'btc'"):
        parse_instrument("binance:btc")


@pytest.mark.parametrize(
    ("joined", "pair"),
    [
        ("BTCUSDT", "BTC-USDT"),
        ("BTCFDUSD", "BTC-FDUSD"),
        ("ETHUSDC", "ETH-USDC"),
        ("ETHBUSD", "ETH-BUSD"),
        ("XRPUSD", "XRP-USD"),
        ("USDCUSDT", "USDC-USDT"),
        ("1000SHIBUSDT", "1000SHIB-USDT"),
    ],
)
def test_a_joined_spelling_is_parted_at_its_quote(joined: str, pair: str) -> None:
    assert str(pair_from_joined(joined)) == pair


@pytest.mark.parametrize("joined", ["BTCEUR", "USDT", "", "btcusdt"])
def test_a_joined_spelling_without_a_known_quote_is_refused(joined: str) -> None:
    with pytest.raises(BadRequest, match="must end in one of FDUSD, USDT"):
        pair_from_joined(joined)


def test_sides_have_fixed_rows() -> None:
    assert SIDES == (Side.LONG, Side.SHORT)
    assert [side.row for side in SIDES] == [0, 1]
    assert [side.value for side in SIDES] == ["long", "short"]


def test_instruments_and_pairs_sort_by_their_spelling() -> None:
    spelled = ["binance:BTC-USDT", "binance:ETH-USDT", "bybit:BTC-USDT"]
    assert [str(i) for i in sorted(map(parse_instrument, reversed(spelled)))] == spelled


def test_a_coin_has_no_hyphen_and_its_notionals_are_dollars() -> None:
    coin = parse_pair_or_coin("BTC")
    assert coin == Coin("BTC")
    assert (str(coin), coin.base, coin.quote) == ("BTC", "BTC", "USD")
    assert parse_pair_or_coin("1000PEPE") == Coin("1000PEPE")
    assert parse_pair_or_coin("BTC-USDT") == Pair("BTC", "USDT")


@pytest.mark.parametrize("text", ["", "btc", "BTC-", "-USDT", "BTC/USDT", "BTC\n", "B" * 21])
def test_what_is_neither_pair_nor_coin_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        parse_pair_or_coin(text)
