"""Signals and percentiles of a moment: their numbers, and that nothing later is in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from liqgrid.engine.market.interval import Interval
from liqgrid.engine.store.database import connected
from tests.api.conftest import put
from tests.api.served import Api, serving
from tests.api.stored import stored_columns, text_of
from tests.conftest import NewDatabase
from tests.markets import BITCOIN, Market, market

SIGNALS = """query($at: DateTime) { signals(pair: "BTC-USDT", interval: H4, at: $at) {
  asOf price agree heavier { side within long short imbalance } magnets { side peakPrice distance notional }
  funding { rate day change trend paying } openInterest { base change trend }
  squeeze { side notional funding openInterestChange } } }"""
EXPOSURE = """query($at: DateTime, $bands: [Float!]) {
  exposure(pair: "BTC-USDT", interval: H4, at: $at, bands: $bands) {
  asOf bands { within long short imbalance } percentiles { within long short imbalance columns since } } }"""
BARS, DAY_MS = 24 * 100, 86_400_000
RATES = [2e-4, -1e-4, -1e-4, 1e-4]  # of each six hours


@pytest.fixture(scope="module")
def rows() -> Market:
    return market(BARS, Interval.H1, seed=9, start="2024-06-20T00:00:00Z")


@pytest.fixture(scope="module")
def api(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory, rows: Market) -> Iterator[Api]:
    with new_database() as dsn, connected(dsn) as connection:
        put(connection, rows, tmp_path_factory.mktemp("signals"), BITCOIN)
        for number, ms in enumerate(range(int(rows.open_ms[0]), int(rows.open_ms[-1]) + 1, DAY_MS // 4)):
            connection.execute(
                "INSERT INTO funding_rate (instrument_id, ts, rate_fraction) "
                "VALUES (1, to_timestamp($1::bigint / 1000.0), $2)",
                [ms, RATES[number % 4] * (1 + number / 100)],
            )
        with serving(dsn) as api:
            yield api


def test_signals_are_what_is_stored(api: Api, rows: Market) -> None:
    close_ms = int(rows.open_ms[-1]) + Interval.H1.ms
    signals = api.ask(SIGNALS)["signals"]
    payments = [RATES[n % 4] * (1 + n / 100) for n in range(BARS // 6)]
    assert signals["funding"]["rate"] == pytest.approx(payments[-1])
    # paid in (close - 24 h, close]: that of the midnight the last bar closes at is not there yet
    assert signals["funding"]["day"] == pytest.approx(sum(payments[-3:]))
    assert signals["funding"]["change"] == pytest.approx(sum(payments[-3:]) - sum(payments[-7:-3]))
    interest = rows.columns["oi_close"]
    assert signals["openInterest"]["base"] == interest[-1]
    assert signals["openInterest"]["change"] == pytest.approx(interest[-1] / interest[-25] - 1)
    band = api.ask(EXPOSURE, bands=[0.05])["exposure"]["bands"][0]
    assert {name: signals["heavier"][name] for name in band} == band
    magnets = {one["side"]: one for one in signals["magnets"]}
    for side in ("LONG", "SHORT"):
        (top,) = api.ask(
            f'{{ topClusters(pair: "BTC-USDT", interval: H4, side: {side}, within: 0.05, limit: 1) '
            "{ clusters { side peakPrice distance notional } } }"
        )["topClusters"]["clusters"]
        assert magnets[side] == top
    assert signals["asOf"] == text_of(close_ms)


def test_a_moment_in_the_past_knows_nothing_later(
    api: Api, rows: Market, new_database: NewDatabase, tmp_path: Path
) -> None:
    """The same answers from a database that ends there, and from one in which all later is another."""
    at_ms = int(rows.open_ms[0]) + 60 * DAY_MS + 5 * Interval.H1.ms  # an hour after a close of 4h
    until = int(np.searchsorted(rows.open_ms, at_ms - Interval.H1.ms))
    with new_database() as dsn, connected(dsn) as connection:
        put(connection, rows.rows(slice(0, until)), tmp_path, BITCOIN)
        for number, ms in enumerate(range(int(rows.open_ms[0]), at_ms + 1, DAY_MS // 4)):
            connection.execute(
                "INSERT INTO funding_rate (instrument_id, ts, rate_fraction) "
                "VALUES (1, to_timestamp($1::bigint / 1000.0), $2)",
                [ms, RATES[number % 4] * (1 + number / 100)],
            )
        with serving(dsn) as early:
            then, shares = early.ask(SIGNALS), early.ask(EXPOSURE)
    assert then["signals"]["funding"]["change"] is not None
    assert then["signals"]["openInterest"]["change"] is not None
    assert then["signals"]["agree"] is not None
    assert shares["exposure"]["percentiles"]
    assert api.ask(SIGNALS, at=text_of(at_ms)) == then
    assert api.ask(EXPOSURE, at=text_of(at_ms)) == shares


def test_what_is_missing_is_null(served: Api) -> None:
    signals = served.ask(SIGNALS)["signals"]
    assert (signals["funding"], signals["agree"], signals["squeeze"]) == (None, None, None)
    assert signals["heavier"]["long"] > 0
    assert served.ask(EXPOSURE)["exposure"]["percentiles"] is None, "twelve days are too few"


def test_percentiles_are_the_rank_among_the_90_days_before(api: Api) -> None:
    exposure = api.ask(EXPOSURE, bands=[0.02, 0.1])["exposure"]
    columns = stored_columns(api.dsn, "binance", "4h")
    newest = columns[-1].close_ms
    sampled = [
        one.close_ms for one in columns if one.close_ms % (DAY_MS // 2) == 0 and newest - 90 * DAY_MS < one.close_ms
    ]
    bands_only = EXPOSURE.split("percentiles", maxsplit=1)[0] + "} }"
    past = [api.ask(bands_only, at=text_of(ms), bands=[0.02, 0.1])["exposure"]["bands"] for ms in sampled]
    for index, (now, found) in enumerate(zip(exposure["bands"], exposure["percentiles"], strict=True)):
        assert found["columns"] == len(sampled) == 180
        assert found["since"] == text_of(sampled[0])
        for name in ("long", "short", "imbalance"):
            values = np.array([bands[index][name] for bands in past])
            wanted = 100 * np.mean((values < now[name]) + (values == now[name]) / 2)
            assert found[name] == pytest.approx(wanted)
