"""Series that came later: funding rates, long/short ratios, realised liquidations single and summed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from liqgrid.engine.market.interval import Interval
from liqgrid.engine.store.database import connected
from tests.api.conftest import REALISED, Served
from tests.api.realised import FUNDING, LIQUIDATIONS, MINUTE_MS, RATIOS, START_MS
from tests.api.served import until
from tests.api.test_series import joined, pages

PAIR = f'pair: "{REALISED.pair}"'
IN_ORDER = sorted(LIQUIDATIONS)


@pytest.mark.parametrize("first", [1, 2, 100])
def test_single_liquidations_are_paged_without_a_repeat_or_a_hole(served: Served, first: int) -> None:
    """Also where several share a time."""
    found = pages(served, "liquidations", PAIR, ["times", "price", "long", "short"], first)
    assert joined(found, "times").tolist() == [row[0] for row in IN_ORDER]
    assert joined(found, "price").tolist() == [row[3] for row in IN_ORDER]
    assert joined(found, "long").tolist() == [row[4] if row[2] == "long" else 0 for row in IN_ORDER]
    assert joined(found, "short").tolist() == [row[4] if row[2] == "short" else 0 for row in IN_ORDER]


def test_funding_rates_and_ratios_are_as_stored(served: Served) -> None:
    funding = pages(served, "fundingRates", PAIR, ["times", "rate"], 2)
    assert list(zip(joined(funding, "times"), joined(funding, "rate"), strict=True)) == FUNDING
    ratios = pages(served, "longShortRatios", PAIR, ["times", "ratio", "long", "short"], 1)
    assert joined(ratios, "times").tolist() == [row[0] for row in RATIOS]
    assert joined(ratios, "ratio").tolist() == [1.5, 2.0]
    assert joined(ratios, "long")[0] == 0.6
    assert np.isnan(joined(ratios, "short")[1]), "unknown"


def hourly(served: Served, first: int) -> dict[str, list[Any]]:
    fields = ["times", "long", "short", "longNotional", "shortNotional"]
    found = pages(served, "liquidationBars", f"{PAIR}, interval: H1", fields, first)
    return {name: joined(found, name).tolist() for name in fields}


@pytest.mark.parametrize("first", [1, 100])
def test_single_liquidations_are_summed_by_interval(served: Served, first: int) -> None:
    """Hour 0: 101 long at 0.5, 10 short at 0.51; hour 1: 20 short at 0.52; hour 2: none; hour 3: 30 long at 0.48."""
    bars = hourly(served, first)
    assert bars["times"] == [START_MS + 60 * MINUTE_MS * hour for hour in (0, 1, 3)]
    assert bars["long"] == [101, 0, 30]
    assert bars["short"] == [10, 20, 0]
    assert bars["longNotional"] == pytest.approx([50.5, 0, 14.4])
    assert bars["shortNotional"] == pytest.approx([5.1, 10.4, 0])


def test_of_several_sources_the_largest_counts(served: Served) -> None:
    """A stored sum of the first hour knows more of the longs and less of the shorts; none are added."""
    with connected(served.dsn) as connection:
        row = connection.execute(
            'INSERT INTO liquidation_bar (instrument_id, "interval", ts, long_base, short_base) '
            "SELECT instrument_id, '1h', to_timestamp($1::bigint / 1000.0), 500, 5 FROM instrument "
            "WHERE venue = $2 AND pair = $3 RETURNING 1",
            [START_MS, REALISED.venue, str(REALISED.pair)],
        ).fetchone()
        assert row
        try:
            bars = until(lambda: (found := hourly(served, 100))["long"][0] != 101 and found)
        finally:
            connection.execute("DELETE FROM liquidation_bar WHERE long_base = 500 AND short_base = 5")
    until(lambda: hourly(served, 100)["long"][0] == 101)
    assert bars["long"][0] == 500
    assert bars["short"][0] == 10


@pytest.mark.parametrize("interval", ["M15", "H1", "D1"])
def test_stored_sums_are_summed_and_valued_at_the_close(served: Served, interval: str) -> None:
    rows, length = served.binance, Interval[interval].ms
    found = pages(
        served, "liquidationBars", f'pair: "BTC-USDT", venue: "binance", interval: {interval}',
        ["times", "long", "short", "longNotional", "shortNotional"], 50,
    )  # fmt: skip
    bucket = rows.open_ms // length * length
    opens = np.unique(bucket)
    assert joined(found, "times").tolist() == opens.tolist()
    for side in ("long", "short"):
        base = rows.columns[f"{side}_liq_base"]
        assert joined(found, side) == pytest.approx([base[bucket == ms].sum() for ms in opens])
        value = base * rows.columns["close"]
        assert joined(found, f"{side}Notional") == pytest.approx([value[bucket == ms].sum() for ms in opens])


@pytest.mark.parametrize("query", ["fundingRates", "longShortRatios", "liquidations"])
def test_a_stretch_is_half_open(served: Served, query: str) -> None:
    at = "2024-06-25T00:00:00Z"
    assert not len(joined(pages(served, query, f'{PAIR}, end: "{at}"', ["times"], 10), "times"))
    one = joined(pages(served, query, f'{PAIR}, start: "{at}", end: "2024-06-25T00:00:02Z"', ["times"], 10), "times")
    assert len(one) == (3 if query == "liquidations" else 1)


@pytest.mark.parametrize(
    "arguments",
    [
        "first: 0",
        "first: 10001",
        'after: "x"',
        'after: "djE6NQ=="',
        'venue: "okx"',
        'start: "2025-01-01", end: "2024-01-01"',
    ],
)
def test_what_cannot_be_asked_is_refused(served: Served, arguments: str) -> None:
    assert served.code(f"{{ liquidations({PAIR}, {arguments}) {{ times }} }}") == "BAD_REQUEST"
