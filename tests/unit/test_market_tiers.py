"""Margin tiers: maintenance amounts by continuity, the bracket of a notional, dates, and the published table."""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from liqgrid.engine.market.errors import BadData
from liqgrid.engine.market.instrument import parse_instrument
from liqgrid.engine.market.tiers import (
    Tier,
    TierSet,
    assumed_tiers,
    half_initial_rate,
    in_force,
    published_tiers,
    tier_set,
)

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


@pytest.mark.parametrize(
    ("brackets", "row", "fault"),
    [
        ([(0, 0.01, 50)], 1, "caps must ascend"),
        ([(100, 0.0, 50)], 1, r"rates must be in \(0, 1\)"),
        ([(100, 1.0, 50)], 1, r"rates must be in \(0, 1\)"),
        ([(100, 0.01, 0.5)], 1, "leverage must be at least 1"),
        ([(100, 0.01, math.inf)], 1, "leverage must be at least 1"),
        ([(100, 0.01, 50), (100, 0.02, 20)], 2, "caps must ascend"),
        ([(100, 0.01, 50), (90, 0.02, 20)], 2, "caps must ascend"),
        ([(math.inf, 0.01, 50), (math.inf, 0.02, 20)], 2, "caps must ascend"),
        ([(100, 0.02, 50), (200, 0.03, 30), (300, 0.01, 20)], 3, "rates must not descend"),
        ([(100, 0.01, 50), (200, 0.02, 60)], 2, "leverage must not ascend"),
        ([(math.nan, 0.01, 50)], 1, "caps must ascend"),
        ([(100, math.nan, 50)], 1, "rates must be in"),
        ([(100, 0.01, math.nan)], 1, "leverage must be at least 1"),
    ],
)
def test_a_bracket_that_does_not_follow_is_named(
    brackets: list[tuple[float, float, float]], row: int, fault: str
) -> None:
    with pytest.raises(BadData, match=rf"bracket {row} of {len(brackets)} was .*; {fault}"):
        tier_set(0, brackets)


def test_no_bracket_at_all_is_refused() -> None:
    with pytest.raises(BadData, match="needs at least one bracket"):
        tier_set(0, [])


@pytest.mark.parametrize(
    ("second", "fault"),
    [
        (Tier(90, 200, 0.02, 1, 20), "the floor must be the cap of the bracket before"),
        (Tier(math.nan, 200, 0.02, 1, 20), "the floor must be the cap of the bracket before"),
        (Tier(100, 200, 0.02, -1, 20), "the amount must be in"),
        (Tier(100, 200, 0.02, 2.1, 20), "the amount must be in"),
        (Tier(100, 200, 0.02, math.nan, 20), "the amount must be in"),
    ],
)
def test_brackets_a_venue_gives_are_checked_as_well(second: Tier, fault: str) -> None:
    first = Tier(0, 100, 0.01, 0, 50)
    assert TierSet(0, (first, Tier(100, 200, 0.02, 1, 20))).tiers
    with pytest.raises(BadData, match=rf"bracket 2 of 2 was .*; {fault}"):
        TierSet(0, (first, second))


def test_brackets_may_share_a_rate() -> None:
    found = tier_set(0, [(100, 0.01, 50), (200, 0.01, 20), (math.inf, 0.02, 20)])
    assert [tier.maintenance_amount_quote for tier in found.tiers] == [0, 0, 2]


def test_unknown_tiers_are_assumed_to_be_one_bracket_for_every_size() -> None:
    found = assumed_tiers(parse_instrument("binance:NEW-USDT"))
    assert found == TierSet(0, (Tier(0, math.inf, 0.025, 0, 20),), assumed=True)
    assert assumed_tiers(parse_instrument("hyperliquid:NEW-USDC")).tiers == (Tier(0, math.inf, 0.1, 0, 5),)
    with pytest.raises(BadData, match="kraken:BTC-USDT: no margin tiers are known, and venue 'kraken' has no default"):
        assumed_tiers(parse_instrument("kraken:BTC-USDT"))


def test_the_newest_begun_set_is_in_force_else_the_earliest() -> None:
    first, second = tier_set(1000, [(100, 0.01, 50)]), tier_set(2000, [(100, 0.02, 50)])
    in_force_at = {at_ms: in_force((first, second), at_ms) for at_ms in (0, 999, 1000, 1999, 2000, 9999)}
    assert in_force_at == {0: first, 999: first, 1000: first, 1999: first, 2000: second, 9999: second}


def test_the_published_table_parses() -> None:
    published = published_tiers()
    assert Counter(instrument.venue for instrument in published) == {"binance": 11, "hyperliquid": 36}
    for sets in published.values():
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
    assert june.tiers[0] == Tier(0, 50_000, 0.004, 0, 125)
    assert june.tiers[2].maintenance_amount_quote == pytest.approx(950)


def test_coin_margined_bitcoin_has_the_amounts_of_the_venues_page() -> None:
    # Binance support, "How to Calculate Liquidation Price of COIN-M Futures Contracts": for 300 BTC 12.5 % and 11.81,
    # 50 × (5 % − 2.5 %) + 0.56 = 1.81 BTC on level 5; a later edition has 11.605 BTC for 300 BTC
    early, late = published_tiers()[parse_instrument("binance:BTC-USD")]
    assert early.tiers[4].maintenance_amount_quote == pytest.approx(1.81)
    for tiers, amount in ((early, 11.81), (late, 11.605)):
        (tier,) = (tier for tier in tiers.tiers if tier.floor_quote <= 300 < tier.cap_quote)
        assert tier.maintenance_margin_rate == 0.125
        assert tier.maintenance_amount_quote == pytest.approx(amount)


def test_hyperliquid_keeps_half_of_the_initial_margin() -> None:
    # Docs, "Margin tiers": BTC up to 150 M at 40x, 1.25 %; above, 20x, 2.5 %, so 150 M × 1.25 % less
    (bitcoin,) = published_tiers()[parse_instrument("hyperliquid:BTC-USDC")]
    assert bitcoin.tiers == (Tier(0, 150e6, 0.0125, 0, 40), Tier(150e6, math.inf, 0.025, 1_875_000, 20))
    for instrument, sets in published_tiers().items():
        if instrument.venue == "hyperliquid":
            for tier in sets[0].tiers:
                assert tier.maintenance_margin_rate == half_initial_rate(tier.max_leverage)


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
    linear = [sets for instrument, sets in published_tiers().items() if str(instrument).startswith("binance:")]
    assert compared == sum(map(len, linear)) - len(published_tiers()[parse_instrument("binance:BTC-USD")])
