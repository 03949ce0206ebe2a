"""Clusters and exposure: answers about one moment, against what is stored, and never from later than asked."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from liqgrid.api.profiles import nearest
from liqgrid.engine.market.axis import edges, mid_prices
from liqgrid.engine.market.instrument import Side
from liqgrid.engine.model.clusters import Cluster, locate_clusters
from tests.api.conftest import LAGGING, QUESTIONS, Served
from tests.api.growing import PARAMETERS
from tests.api.served import unpacked
from tests.api.stored import StoredColumn, ms_of, stored_columns, text_of

CLUSTER = "side low high peakPrice notional base distance share"
BINANCE = 'pair: "BTC-USDT", interval: M15, venues: ["binance"]'
BOTH = 'pair: "BTC-USDT", interval: M15'


def ask_clusters(served: Served, arguments: str) -> list[dict[str, Any]]:
    answer = served.ask(f"{{ topClusters({arguments}) {{ clusters {{ {CLUSTER} }} }} }}")
    return list(answer["topClusters"]["clusters"])


@pytest.fixture(scope="module")
def column(served: Served) -> StoredColumn:
    """The newest column of binance."""
    return stored_columns(served.dsn, "binance")[-1]


def model_clusters(column: StoredColumn, within: float) -> list[dict[str, Any]]:
    """What the model finds in a stored column."""
    found = []
    for side in (Side.LONG, Side.SHORT):
        first, base = column.span(side.value)
        whole = column.placed(side.value, quote=True) + column.elsewhere(side.value, quote=True)
        found += locate_clusters(side, first, base, column.price, whole)
    near = [one for one in found if one.distance_fraction <= within]
    return [
        {
            "side": one.side.name, "low": one.low, "high": one.high, "peakPrice": one.peak_price,
            "notional": one.notional_quote, "base": one.base, "distance": one.distance_fraction,
            "share": one.share_fraction,
        }
        for one in sorted(near, key=lambda one: -one.notional_quote)
    ]  # fmt: skip


def test_clusters_are_those_of_the_model_largest_first(served: Served, column: StoredColumn) -> None:
    for within, limit in ((0.1, 10), (0.02, 200), (1, 3)):
        there = ask_clusters(served, f"{BINANCE}, within: {within}, limit: {limit}")
        wanted = model_clusters(column, within)[:limit]
        assert len(there) == len(wanted) > 0
        for one, other in zip(there, wanted, strict=True):
            assert one.pop("side") == other.pop("side")
            assert one == pytest.approx(other, rel=1e-9)
    assert ask_clusters(served, BINANCE) == ask_clusters(served, f"{BINANCE}, within: 0.1, limit: 10")


def test_longs_lie_below_the_price_and_shorts_above(served: Served, column: StoredColumn) -> None:
    sides = {"LONG": ask_clusters(served, f"{BINANCE}, side: LONG, limit: 200, within: 1")}
    sides["SHORT"] = ask_clusters(served, f"{BINANCE}, side: SHORT, limit: 200, within: 1")
    together = ask_clusters(served, f"{BINANCE}, limit: 200, within: 1")
    assert len(together) == len(sides["LONG"]) + len(sides["SHORT"])
    for side, clusters in sides.items():
        assert {one["side"] for one in clusters} == {side}
        assert 0 < sum(one["share"] for one in clusters) <= 1 + 1e-9
        for one in clusters:
            assert one["low"] < one["peakPrice"] < one["high"]
            assert one["distance"] == pytest.approx(abs(one["peakPrice"] / column.price - 1))
            assert one["notional"] == pytest.approx(one["base"] * one["peakPrice"], rel=(one["high"] / one["low"]) - 1)
            if side == "LONG":
                assert one["high"] <= column.price * 1.0005  # the bin of the price itself may hold some
            else:
                assert one["low"] >= column.price / 1.0005
        ranges = sorted((one["low"], one["high"]) for one in clusters)
        assert all(below[1] <= above[0] * (1 + 1e-12) for below, above in pairwise(ranges)), "clusters do not overlap"


def test_exposure_is_the_sums_of_the_column(served: Served, column: StoredColumn) -> None:
    side_fields = f"side notional base maxPainPrice nearest {{ {CLUSTER} }} curve {{ prices notional }}"
    there = served.ask(f"""{{ exposure({BINANCE}, bands: [0.05, 0.01, 0.05, 0.3]) {{
        price unit heavier bands {{ within long short imbalance heavier }}
        long {{ {side_fields} }} short {{ {side_fields} }} }} }}""")["exposure"]
    assert there["price"] == column.price
    assert there["unit"] == "USDT"
    assert [band["within"] for band in there["bands"]] == [0.01, 0.05, 0.3], "each once, nearest first"
    for name in ("long", "short"):
        side = there[name]
        first, base = column.span(name)
        assert side["side"] == name.upper()
        assert side["base"] == pytest.approx(PARAMETERS.modelled_share * column.open_interest_base, rel=1e-12)
        whole = column.placed(name, quote=True) + column.elsewhere(name, quote=True)
        assert side["notional"] == pytest.approx(whole, rel=1e-6)
        mids = mid_prices(first, len(base))
        for band in there["bands"]:
            near = abs(mids / column.price - 1) <= band["within"]
            assert band[name] == pytest.approx(float((base * mids)[near].sum()), rel=1e-9)
        clusters = [one for one in model_clusters(column, 0.3) if one["side"] == name.upper()]
        assert side["maxPainPrice"] == pytest.approx(clusters[0]["peakPrice"])
        nearest = min(clusters[:10], key=lambda one: float(one["distance"]))
        assert side["nearest"]["peakPrice"] == pytest.approx(nearest["peakPrice"])
        prices, notional = unpacked(side["curve"]["prices"]), unpacked(side["curve"]["notional"])
        assert (np.diff(prices) < 0).all() if name == "long" else (np.diff(prices) > 0).all()
        assert (np.diff(notional) >= 0).all()
        assert notional[-1] == pytest.approx(there["bands"][-1][name], rel=1e-3), "the curve ends at the widest band"
        assert prices[-1] == pytest.approx(column.price * (0.7 if name == "long" else 1.3), rel=1e-3)
    assert there["long"]["base"] == there["short"]["base"]
    for band in there["bands"]:
        long, short = band["long"], band["short"]
        assert band["imbalance"] == pytest.approx((long - short) / (long + short))
        assert band["heavier"] == ("LONG" if long > short else "SHORT")
    assert there["heavier"] == there["bands"][-1]["heavier"]


def test_a_crumb_beside_the_price_is_not_the_nearest_cluster() -> None:
    notable = [Cluster(Side.LONG, 0, 1, 0, 90, 91, 90.5, 100.0 - k, 1.0, 0.1 - k / 1000, 0.1) for k in range(10)]
    crumb = Cluster(Side.LONG, 2, 3, 2, 99, 99.9, 99.5, 0.1, 0.001, 0.005, 0.0001)
    assert nearest([*notable, crumb]) == notable[-1]
    assert nearest([*notable[:-1], crumb]) == crumb
    assert nearest([]) is None


def test_exposure_has_four_bands_unless_told(served: Served) -> None:
    bands = served.ask(f"{{ exposure({BINANCE}) {{ bands {{ within }} }} }}")["exposure"]["bands"]
    assert [band["within"] for band in bands] == [0.01, 0.02, 0.05, 0.1]


def test_the_curve_is_what_a_move_to_there_liquidates(served: Served, column: StoredColumn) -> None:
    curve = served.ask(f"{{ exposure({BINANCE}) {{ short {{ curve {{ prices notional }} }} }} }}")
    prices, notional = (unpacked(curve["exposure"]["short"]["curve"][name]) for name in ("prices", "notional"))
    first, base = column.span("short")
    bin_edges, mids = edges(first, len(base)), mid_prices(first, len(base))
    for at in (0, len(prices) // 2, len(prices) - 1):
        reached = (bin_edges[1:] <= prices[at] * (1 + 1e-12)) & (mids > column.price)
        assert notional[at] == pytest.approx(float((base * mids)[reached].sum()), rel=1e-9)


def test_venues_are_added_where_all_have_the_column(served: Served) -> None:
    bybit = stored_columns(served.dsn, "bybit")[-1]
    at = text_of(bybit.close_ms)
    answer = {
        name: served.ask(f'{{ exposure({BOTH}, at: "{at}"{venues}) {{ price long {{ base notional }} }} }}')["exposure"]
        for name, venues in (
            ("both", ""),
            ("binance", ', venues: ["binance"]'),
            ("bybit", ', venues: ["bybit"]'),
        )
    }
    for what in ("base", "notional"):
        added = answer["binance"]["long"][what] + answer["bybit"]["long"][what]
        assert answer["both"]["long"][what] == pytest.approx(added, rel=1e-9)
    assert answer["both"]["price"] == answer["bybit"]["price"] != answer["binance"]["price"], "of the larger venue"
    newest = served.ask(f"{{ exposure({BOTH}) {{ coverage {{ venues {{ venue openInterestShare columns }} }} }} }}")
    assert newest["exposure"]["coverage"]["venues"] == [
        {"venue": "binance", "openInterestShare": 1, "columns": 1},
        {"venue": "bybit", "openInterestShare": 0, "columns": 0},
    ], f"bybit ends {LAGGING} columns earlier"


def test_a_moment_in_the_past_is_answered_with_what_was_known(served: Served) -> None:
    """Asked later on, the same as when it was new, though prices moved and the other venue has grown larger."""
    moment = served.early["topClusters"]["asOf"]
    again = served.ask(QUESTIONS, at=moment, end=text_of(ms_of(moment) + 1))
    newest = served.ask(QUESTIONS)
    assert ms_of(newest["grid"]["asOf"]) > ms_of(moment)
    for name, answer in served.early.items():
        for field, value in answer.items():
            assert again[name][field] == value, f"{name}.{field} knew what came later"


def test_at_takes_the_newest_column_at_or_before(served: Served, column: StoredColumn) -> None:
    def as_of(ms: int, query: str, interval: str = "M15") -> int:
        arguments = f'pair: "BTC-USDT", interval: {interval}, at: "{text_of(ms)}"'
        return ms_of(served.ask(f"{{ {query}({arguments}) {{ asOf }} }}")[query]["asOf"])

    step = 15 * 60_000
    for query in ("topClusters", "exposure"):
        assert as_of(column.close_ms, query) == column.close_ms
        assert as_of(column.close_ms - 1, query) == column.close_ms - step
        assert as_of(column.close_ms + 10**9, query) == column.close_ms
        assert as_of(column.close_ms - 1, query, "D1") % 86_400_000 == 0
        before = f'{query}({BOTH}, at: "2020-01-01T00:00:00Z")'
        assert served.code(f"{{ {before} {{ asOf }} }}") == "NOT_BUILT"
