"""Clusters over time, against a slow walk over the stored columns by the rule of docs/model.md."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from liqgrid.engine.market.axis import bin_of
from liqgrid.engine.market.instrument import SIDES, Side
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.model.clusters import Cluster, locate_clusters
from liqgrid.engine.model.lineage import lineage_id
from liqgrid.engine.store.database import connected
from tests.api.conftest import GAP, Served, put
from tests.api.served import Api, serving
from tests.api.stored import StoredColumn, ms_of, stored_columns, text_of
from tests.conftest import NewDatabase
from tests.markets import BITCOIN, market

DAY_MS = 86_400_000
PAST = "side low high peakPrice base notional id born bornBefore peak { at notional } swept"


def ask(served: Api, at_ms: int, interval: str = "M15", venues: tuple[str, ...] = ("binance",)) -> list[dict[str, Any]]:
    answer = served.ask(
        f"""query($at: DateTime, $interval: Interval!, $venues: [String!]) {{
          topClusters(pair: "BTC-USDT", interval: $interval, at: $at, venues: $venues, within: 1, limit: 200) {{
            asOf clusters {{ {PAST} }} }} }}""",
        at=text_of(at_ms),
        interval=interval,
        venues=list(venues),
    )["topClusters"]
    assert ms_of(answer["asOf"]) == at_ms
    return list(answer["clusters"])


class Slow:
    """One venue's stored columns, and the walk back through them."""

    def __init__(self, dsn: str) -> None:
        self.quarters, self.hours, self.days = (
            {column.close_ms: column for column in stored_columns(dsn, "binance", name)} for name in ("15m", "1h", "1d")
        )
        self.located: dict[tuple[int, Side], list[Cluster]] = {}

    def clusters(self, column: StoredColumn, side: Side) -> list[Cluster]:
        """Columns of one close hold one book, whatever their interval."""
        if (column.close_ms, side) not in self.located:
            first, base = column.span(side.value)
            whole = column.placed(side.value, quote=True) + column.elsewhere(side.value, quote=True)
            self.located[column.close_ms, side] = locate_clusters(side, first, base, column.price, whole)
        return self.located[column.close_ms, side]

    def parent(self, cluster: Cluster, later: StoredColumn, earlier: StoredColumn) -> Cluster | None:
        if earlier.row[f"{cluster.side}_log_kept"] - later.row[f"{cluster.side}_log_kept"] > 700:
            return None

        def choice(one: Cluster) -> Cluster | None:
            kin = [
                other
                for other in self.clusters(earlier, one.side)
                if other.first_bin <= one.peak_bin < other.stop_bin or one.first_bin <= other.peak_bin < one.stop_bin
            ]
            return max(kin, key=lambda other: other.notional_quote, default=None)

        mine = choice(cluster)
        rivals = [one for one in self.clusters(later, cluster.side) if mine is not None and choice(one) == mine]
        return mine if mine and max(rivals, key=lambda one: one.notional_quote) == cluster else None

    def swept(self, cluster: Cluster, later: StoredColumn, earlier: StoredColumn) -> float:
        side = cluster.side.value
        since = [one for ms, one in self.quarters.items() if earlier.close_ms < ms <= later.close_ms]
        low, high = min(one.mark_low for one in since), max(one.mark_high for one in since)
        first, base = earlier.span(side)
        k = first + np.arange(len(base))
        taken = (k >= bin_of(low)) if side == "long" else (k <= bin_of(high))
        taken &= (k >= cluster.first_bin) & (k < cluster.stop_bin)
        return float(base[taken].sum()) * float(np.exp(later.row[f"{side}_log_kept"] - earlier.row[f"{side}_log_kept"]))

    def claimed(self, later: StoredColumn, earlier: StoredColumn, side: Side) -> list[Cluster | None]:
        return [self.parent(one, later, earlier) for one in self.clusters(later, side)]

    def walk(self, cluster: Cluster, at: StoredColumn) -> tuple[int, Cluster, int, float, float]:
        """Birth, what it was then, when it was largest and how large, and what was swept."""
        peak_ms, peak, swept = at.close_ms, cluster.notional_quote, 0.0

        def step(one: Cluster, later: StoredColumn, parent: Cluster, earlier: StoredColumn) -> None:
            nonlocal peak_ms, peak, swept
            swept += self.swept(parent, later, earlier)
            if parent.notional_quote >= peak:
                peak_ms, peak = earlier.close_ms, parent.notional_quote

        while True:
            day_ms = max((ms for ms in self.days if ms < at.close_ms), default=None)
            day = None if day_ms is None else self.days[day_ms]
            direct = day and at.close_ms % DAY_MS == 0
            parent = self.parent(cluster, at, day) if direct and day else None
            if parent and day:
                step(cluster, at, parent, day)
                cluster, at = parent, day
                continue
            begin_ms = day_ms if day_ms is not None else at.close_ms - 2 * DAY_MS
            midnight, taken = at, self.claimed(at, day, cluster.side) if direct and day else []
            for ms in sorted((ms for ms in self.hours if begin_ms < ms < midnight.close_ms), reverse=True):
                parent = self.parent(cluster, at, self.hours[ms])
                if parent is None:
                    return at.close_ms, cluster, peak_ms, peak, swept
                step(cluster, at, parent, self.hours[ms])
                cluster, at = parent, self.hours[ms]
            parent = self.parent(cluster, at, day) if day else None
            if parent is None or parent in taken or day is None:
                return at.close_ms, cluster, peak_ms, peak, swept
            step(cluster, at, parent, day)
            cluster, at = parent, day


@pytest.fixture(scope="module")
def slow(served: Served) -> Slow:
    return Slow(served.dsn)


@pytest.mark.parametrize(("interval", "behind"), [("M15", 0), ("M15", 5), ("H1", 2), ("H1", 40), ("D1", 0)])
def test_lineage_is_that_of_the_slow_walk(served: Served, slow: Slow, interval: str, behind: int) -> None:
    columns = {"M15": slow.quarters, "H1": slow.hours, "D1": slow.days}[interval]
    at_ms = sorted(columns)[-1 - behind]
    after_gap_ms = int(served.binance.open_ms[GAP.start]) + 2 * DAY_MS
    there = ask(served, at_ms, interval)
    found = {(one.side, one.low): one for side in SIDES for one in slow.clusters(columns[at_ms], side)}
    assert len(there) == len(found) > 10
    exact = 0
    for one in there:
        born_ms, first, peak_ms, peak, swept = slow.walk(found[Side[one["side"]], one["low"]], columns[at_ms])
        assert ms_of(one["born"]) == born_ms
        assert one["bornBefore"] is None
        assert one["id"] == lineage_id("BTC-USDT", ["binance:BTC-USDT"], first.side, born_ms, first.peak_bin)
        assert (ms_of(one["peak"]["at"]), one["peak"]["notional"]) == (peak_ms, pytest.approx(peak, rel=1e-9))
        assert 0 <= one["swept"] <= swept / (swept + one["base"]) * (1 + 1e-9)
        if born_ms >= after_gap_ms:  # the part of an hour before a gap is in no hour's column
            assert one["swept"] == pytest.approx(swept / (swept + one["base"]), rel=1e-9)
            exact += swept > 0
    assert exact > 0 or interval == "D1"
    assert any(ms_of(one["born"]) < at_ms - DAY_MS for one in there), "nothing lived past a midnight"


@pytest.mark.parametrize("venues", [("binance",), ("binance", "bybit")])
def test_no_two_clusters_of_an_answer_have_one_id(served: Served, slow: Slow, venues: tuple[str, ...]) -> None:
    for behind in range(0, 200, 40):
        ids = [one["id"] for one in ask(served, sorted(slow.hours)[-1 - behind], "H1", venues)]
        assert len(set(ids)) == len(ids)


def test_a_cluster_keeps_its_id_from_hour_to_hour(served: Served, slow: Slow) -> None:
    """Within a day every cluster that continues one of the hour before has its id."""
    hours = [ms for ms in sorted(slow.hours) if ms // DAY_MS == max(slow.hours) // DAY_MS and ms % DAY_MS]
    before: dict[tuple[str, float], str] = {}
    kept = 0
    for last_ms, ms in pairwise(hours):
        before = before or {(one["side"], one["low"]): one["id"] for one in ask(served, last_ms, "H1")}
        now = {(one["side"], one["low"]): one["id"] for one in ask(served, ms, "H1")}
        for side in SIDES:
            for cluster in slow.clusters(slow.hours[ms], side):
                parent = slow.parent(cluster, slow.hours[ms], slow.hours[last_ms])
                if parent is not None:
                    assert now[side.name, cluster.low] == before[side.name, parent.low]
                    kept += 1
                else:
                    assert now[side.name, cluster.low] not in before.values()
        before = now
    assert kept > 50


def test_every_interval_tells_the_same_past(served: Served, slow: Slow) -> None:
    for at_ms in sorted(slow.days)[-6:]:
        assert ask(served, at_ms, "M15") == ask(served, at_ms, "H1") == ask(served, at_ms, "D1")


def test_one_cluster_alone_has_the_past_it_has_among_all(served: Served, slow: Slow) -> None:
    at_ms = max(slow.quarters)
    everyone = {one["id"]: one for one in ask(served, at_ms)}
    of = 'pair: "BTC-USDT", interval: M15, venues: ["binance"]'
    answer = served.ask(
        f"""{{ topClusters({of}, side: LONG, within: 1, limit: 1) {{ clusters {{ {PAST} }} }}
               exposure({of}) {{ short {{ nearest {{ {PAST} }} }} }} }}"""
    )
    for one in (*answer["topClusters"]["clusters"], answer["exposure"]["short"]["nearest"]):
        assert one == everyone[one["id"]]


def test_a_longer_past_than_is_looked_for_is_said(served: Served, slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    at_ms = max(slow.days)
    whole = {(one["side"], one["low"]): one for one in ask(served, at_ms, "D1")}
    monkeypatch.setattr("liqgrid.api.lineage.MAX_DAYS", 2)
    cut = 0
    with serving(served.dsn) as api:  # which has not answered it before
        later = ask(api, at_ms, "D1")
    for one in later:
        born_ms = ms_of(whole[one["side"], one["low"]]["born"])
        if one["born"] is None:
            assert born_ms <= ms_of(one["bornBefore"]) == at_ms - 2 * DAY_MS
            cut += 1
        else:
            assert ms_of(one["born"]) == born_ms > at_ms - 2 * DAY_MS
    assert cut > 0


def test_nothing_continues_across_a_gap_that_makes_the_book_forget(new_database: NewDatabase, tmp_path: Path) -> None:
    whole = market(5 * 96, Interval.M15, seed=3, start="2024-06-20T00:00:00Z")
    rows = whole.rows([t for t in range(len(whole)) if not 190 <= t < 310])  # 30 hours, over a midnight
    with new_database() as dsn:
        with connected(dsn) as connection:
            put(connection, rows, tmp_path, BITCOIN)
        with serving(dsn) as api:
            for interval in ("M15", "H1"):
                answer = api.ask(
                    f"""{{ topClusters(pair: "BTC-USDT", interval: {interval}, within: 1, limit: 200) {{
                        clusters {{ born composition {{ age {{ share }} }} }} }} }}"""
                )["topClusters"]
                assert len(answer["clusters"]) > 5
                for one in answer["clusters"]:
                    assert ms_of(one["born"]) > whole.open_ms[310]
                    assert [part["share"] for part in one["composition"]["age"]][2:] == [0, 0]
