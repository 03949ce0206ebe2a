"""Margin tiers: maintenance amounts by continuity, the bracket of a notional, dates, and the published table."""

from __future__ import annotations

import json
import math
import os
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from liqgrid.engine.market.errors import BadData
from liqgrid.engine.market.instrument import parse_instrument
from liqgrid.engine.market.tiers import Tier, in_force, published_tiers, tier_set

MARKET_DATA = os.environ.get("LIQGRID_MARKET_DATA")
BITCOIN = parse_instrument("binance:BTC-USDT")


def test_maintenance_amounts_keep_the_margin_continuous() -> None:
    found = tier_set(7, [(50_000, 0.004, 125), (600_000, 0.005, 100), (3_000_000, 0.0065, 75)])
    assert found.valid_from_ms == 7
    assert found.tiers[0] == Tier(0.0, 50_000, 0.004, 0.0, 125)
    # 0 + 50 000 × (0.005 − 0.004) = 50, and 50 + 600 000 × (0.0065 − 0.005) = 950
    assert [tier.maintenance_amount_quote for tier in found.tiers] == pytest.approx([0, 50, 950])
    assert [tier.floor_quote for tier in found.tiers] == [0, 50_000, 600_000]
    assert [tier.max_leverage for tier in found.tiers] == [125, 100, 75]
    # at 600 000: 600 000 × 0.005 − 50 = 2950 = 600 000 × 0.0065 − 950
    assert 600_000 * 0.005 - 50 == 600_000 * 0.0065 - 950 == 2950


def test_a_notional_on_a_floor_is_in_the_bracket_above() -> None:
    found = tier_set(0, [(100, 0.01, 50), (200, 0.02, 20), (300, 0.03, 10)])
    by_notional = {0.0: 0.01, 99.99: 0.01, 100: 0.02, 199.99: 0.02, 200: 0.03, 299: 0.03, 1e9: 0.03}
    assert {n: found.at(n).maintenance_margin_rate for n in by_notional} == by_notional


@pytest.mark.parametrize(
    "brackets",
    [
        [],
        [(0, 0.01, 50)],
        [(100, 0.0, 50)],
        [(100, 1.0, 50)],
        [(100, 0.01, 0.5)],
        [(100, 0.01, 50), (100, 0.02, 20)],
        [(100, 0.01, 50), (90, 0.02, 20)],
        [(100, 0.01, 50), (200, 0.01, 20)],
        [(100, 0.02, 50), (200, 0.01, 20)],
        [(math.nan, 0.01, 50)],
        [(100, math.nan, 50)],
        [(100, 0.01, math.nan)],
    ],
)
def test_brackets_that_do_not_ascend_are_refused(brackets: list[tuple[float, float, float]]) -> None:
    with pytest.raises(BadData):
        tier_set(0, brackets)


def test_the_newest_begun_set_is_in_force_else_the_earliest() -> None:
    first, second = tier_set(1000, [(100, 0.01, 50)]), tier_set(2000, [(100, 0.02, 50)])
    in_force_at = {at_ms: in_force((first, second), at_ms) for at_ms in (0, 999, 1000, 1999, 2000, 9999)}
    assert in_force_at == {0: first, 999: first, 1000: first, 1999: first, 2000: second, 9999: second}


def test_the_published_table_parses() -> None:
    published = published_tiers()
    assert len(published) == 10
    for instrument, sets in published.items():
        assert instrument.venue == "binance"
        assert list(sets) == sorted(sets, key=lambda tiers: tiers.valid_from_ms)
        for tiers in sets:
            assert tiers.tiers[0].floor_quote == 0
            for lower, upper in pairwise(tiers.tiers):
                assert lower.cap_quote == upper.floor_quote
                assert lower.max_leverage > upper.max_leverage
                margin_below = lower.cap_quote * lower.maintenance_margin_rate - lower.maintenance_amount_quote
                margin_above = upper.floor_quote * upper.maintenance_margin_rate - upper.maintenance_amount_quote
                assert margin_above == pytest.approx(margin_below, rel=1e-9)


def test_bitcoin_of_june_2024() -> None:
    june = in_force(published_tiers()[BITCOIN], int(datetime(2024, 7, 1, tzinfo=UTC).timestamp() * 1000))
    assert june.valid_from_ms == int(datetime(2024, 6, 20, tzinfo=UTC).timestamp() * 1000)
    assert june.at(10_000).max_leverage == 125
    assert june.at(10_000).maintenance_margin_rate == 0.004
    assert june.at(1_000_000).maintenance_amount_quote == pytest.approx(950)


@pytest.mark.skipif(MARKET_DATA is None, reason="the published brackets are in LIQGRID_MARKET_DATA, which is not set")
def test_the_published_table_holds_every_bracket_of_the_venue() -> None:
    path = Path(MARKET_DATA or "") / "venue" / "binance-usdm-margin-brackets.json"
    venue = json.loads(path.read_text("utf-8"))["brackets"]
    compared = 0
    for date, pairs in venue.items():
        for pair, rows in pairs.items():
            valid_from_ms = int(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp() * 1000)
            sets = published_tiers()[parse_instrument(f"binance:{pair}")]
            (found,) = (tiers for tiers in sets if tiers.valid_from_ms == valid_from_ms)
            for tier, row in zip(found.tiers, rows, strict=True):
                assert (tier.floor_quote, tier.cap_quote) == (row["floor"], row["cap"])
                assert (tier.maintenance_margin_rate, tier.max_leverage) == (row["rate"], row["max_leverage"])
                assert tier.maintenance_amount_quote == pytest.approx(row["amount"], rel=1e-9), (date, pair)
            compared += 1
    assert compared == sum(len(sets) for sets in published_tiers().values())
