"""Composition of clusters, against the stored columns taken apart by hand."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from liqgrid.api.database import Pool
from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.axis import COLUMN_REACH, bin_of, mid_prices
from liqgrid.engine.market.span import decode_shares
from tests.api.conftest import LAGGING, Served
from tests.api.growing import PARAMETERS
from tests.api.stored import StoredColumn, ms_of, stored_columns, text_of

DAY_MS = 86_400_000
PARTS = """composition { leverage { leverage notional share } age { youngerThan olderThan notional share }
venues { venue symbol notional share } }"""
QUESTION = f"""query($at: DateTime, $venues: [String!]) {{
  topClusters(pair: "BTC-USDT", interval: M15, at: $at, venues: $venues, within: 0.3, limit: 30) {{
    asOf clusters {{ side low high notional {PARTS} }} }} }}"""
KINDS = ("leverage", "age", "venues")


def last_common(served: Served) -> str:
    return text_of(stored_columns(served.dsn, "bybit")[-1].close_ms)


def ask(served: Served, **arguments: Any) -> list[dict[str, Any]]:
    clusters = served.ask(QUESTION, **arguments)["topClusters"]["clusters"]
    assert len(clusters) > 5
    return list(clusters)


def held(column: StoredColumn, cluster: dict[str, Any]) -> tuple[int, F64]:
    """First bin of a cluster, and what a stored column holds in each of its bins."""
    first_bin, stop_bin = bin_of(cluster["low"]), bin_of(cluster["high"])
    span_first, base = column.span(cluster["side"].lower())
    values = np.zeros(stop_bin - first_bin)
    for k in range(first_bin, stop_bin):
        if 0 <= k - span_first < len(base):
            values[k - first_bin] = base[k - span_first]
    return first_bin, values


@pytest.mark.parametrize("venues", [None, ["bybit"]])
def test_the_parts_of_a_cluster_add_up_to_it(served: Served, venues: list[str] | None) -> None:
    for cluster in ask(served, at=last_common(served), venues=venues):
        for kind in KINDS:
            parts = cluster["composition"][kind]
            assert sum(part["notional"] for part in parts) == pytest.approx(cluster["notional"], rel=1e-9)
            assert sum(part["share"] for part in parts) == pytest.approx(1, rel=1e-12)
            for part in parts:
                assert part["share"] == pytest.approx(part["notional"] / cluster["notional"], rel=1e-9)


def test_leverage_is_that_of_the_stored_shares(served: Served) -> None:
    columns = [stored_columns(served.dsn, venue)[-1 - behind] for venue, behind in (("binance", LAGGING), ("bybit", 0))]
    assert columns[0].close_ms == columns[1].close_ms
    several = 0
    for cluster in ask(served, at=last_common(served)):
        side = cluster["side"].lower()
        wanted = dict.fromkeys(PARAMETERS.leverages, 0.0)
        for column in columns:
            first_bin, base = held(column, cluster)
            shares = decode_shares(column.row["shares"], len(wanted))
            table = shares[int(side == "short")].T.astype(np.float64)
            lowest = bin_of(column.price) + 1 if side == "short" else bin_of(column.price) - COLUMN_REACH
            for k, amount in enumerate(base, start=first_bin):
                if amount:
                    row = table[k // 8 - lowest // 8]
                    for leverage, share in zip(wanted, row / row.sum(), strict=True):
                        wanted[leverage] += amount * float(mid_prices(k, 1)[0]) * share
        parts = cluster["composition"]["leverage"]
        assert [part["leverage"] for part in parts] == [leverage for leverage, amount in wanted.items() if amount > 0]
        assert [part["notional"] for part in parts] == pytest.approx(
            [amount for amount in wanted.values() if amount > 0]
        )
        several += len(parts) > 2
    assert several > 3


@pytest.mark.parametrize("venue", ["binance", "bybit"])
def test_age_is_what_was_there_and_was_not_reached_since(served: Served, venue: str) -> None:
    columns = stored_columns(served.dsn, venue)
    now, old = columns[-1], 0.0
    for cluster in ask(served, at=text_of(now.close_ms), venues=[venue]):
        side = cluster["side"].lower()
        first_bin, base = held(now, cluster)
        mids = mid_prices(first_bin, len(base))
        at_least = [base]  # what is of any age, then what is older than each limit
        for days in (1, 7, 30):
            then = [column for column in columns if column.close_ms <= now.close_ms - days * DAY_MS][-1:]
            rests = np.zeros(len(base))
            if then:
                _, rests = held(then[0], cluster)
                rests = rests * np.exp(now.row[f"{side}_log_kept"] - then[0].row[f"{side}_log_kept"])
                since = [column for column in columns if then[0].close_ms < column.close_ms <= now.close_ms]
                low, high = bin_of(min(one.mark_low for one in since)), bin_of(max(one.mark_high for one in since))
                for k in range(first_bin, first_bin + len(base)):
                    if k >= low if side == "long" else k <= high:
                        rests[k - first_bin] = 0
            at_least.append(np.minimum(rests, at_least[-1]))
        at_least.append(np.zeros(len(base)))
        parts = cluster["composition"]["age"]
        assert [(part["youngerThan"], part["olderThan"]) for part in parts] == [
            (86400, None), (7 * 86400, 86400), (30 * 86400, 7 * 86400), (None, 30 * 86400),
        ]  # fmt: skip
        wanted = [float((more - less) @ mids) for more, less in itertools.pairwise(at_least)]
        assert [part["notional"] for part in parts] == pytest.approx(wanted, rel=1e-9, abs=1e-9 * cluster["notional"])
        assert parts[3]["notional"] == 0, "the history is shorter"
        old += parts[1]["notional"] + parts[2]["notional"]
    assert old > 0


def test_venues_are_what_each_column_holds(served: Served) -> None:
    columns = {
        "binance": stored_columns(served.dsn, "binance")[-1 - LAGGING],
        "bybit": stored_columns(served.dsn, "bybit")[-1],
    }
    for cluster in ask(served, at=last_common(served)):
        parts = cluster["composition"]["venues"]
        assert [part["symbol"] for part in parts] == ["bybit:BTC-USDT", "binance:BTC-USDT"], "the larger one first"
        for part in parts:
            first_bin, base = held(columns[part["venue"]], cluster)
            assert part["notional"] == pytest.approx(float(base @ mid_prices(first_bin, len(base))), rel=1e-9)


def test_a_venue_without_the_column_is_no_part(served: Served) -> None:
    for cluster in ask(served):
        assert [part["venue"] for part in cluster["composition"]["venues"]] == ["binance"]


def test_nothing_is_read_before_it_is_asked_for_and_then_once(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    fetch = Pool.fetch

    async def noted(self: Pool, query: str, *arguments: object) -> Any:
        asked.append(query)
        return await fetch(self, query, *arguments)

    monkeypatch.setattr(Pool, "fetch", noted)

    def reads(fields: str) -> int:
        asked.clear()
        served.ask(f'{{ topClusters(pair: "BTC-USDT", interval: M15) {{ clusters {{ {fields} }} }} }}')
        return len(asked)

    plain = reads("low high notional")
    assert reads("composition { venues { share } }") == plain
    assert reads("composition { leverage { share } }") == plain + 1
    assert reads("composition { age { share } }") == plain + 1
    assert reads(PARTS) == plain + 2
    followed = reads("id born bornBefore peak { at } swept")
    assert reads("id") <= followed, "all that is asked of the past is read once"


def test_at_the_beginning_everything_is_young(served: Served) -> None:
    start = stored_columns(served.dsn, "binance")[60].close_ms
    for cluster in ask(served, at=text_of(start), venues=["binance"]):
        assert [part["share"] for part in cluster["composition"]["age"]] == [1, 0, 0, 0]
    assert ms_of(text_of(start)) == start
