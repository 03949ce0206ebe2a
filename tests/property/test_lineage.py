"""What holds for every sequence of columns: clusters go on one to one, and their names with them."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from liqgrid.engine.market.instrument import SIDES, Side
from liqgrid.engine.model.clusters import Cluster
from liqgrid.engine.model.lineage import Life, begin_life, continued, lineage_id

SYMBOLS = ["binance:BTC-USDT", "bybit:BTC-USDT"]
Columns = list[list[Cluster]]


def cluster(side: Side, first_bin: int, stop_bin: int, peak_bin: int, notional: float) -> Cluster:
    return Cluster(side, first_bin, stop_bin, peak_bin, 0.0, 0.0, 0.0, notional, 0.0, 0.0, 0.0)


@st.composite
def columns(draw: st.DrawFn) -> list[Cluster]:
    """Clusters of one column: of a side they do not overlap, and each has its peak in its range."""
    found = []
    for side in SIDES:
        bounds = sorted(draw(st.sets(st.integers(0, 40), max_size=12)))
        for first_bin, stop_bin in pairwise(bounds):
            if draw(st.booleans()):
                peak = draw(st.integers(first_bin, stop_bin - 1))
                found.append(cluster(side, first_bin, stop_bin, peak, float(draw(st.integers(1, 5)))))
    return draw(st.permutations(found))


histories = st.lists(columns(), min_size=1, max_size=6)


def related(later: Cluster, earlier: Cluster) -> bool:
    """The rule of docs/model.md, word for word."""
    holds = (
        earlier.first_bin <= later.peak_bin < earlier.stop_bin or later.first_bin <= earlier.peak_bin < later.stop_bin
    )
    return later.side is earlier.side and holds


def larger(one: Cluster, other: Cluster) -> bool:
    return (one.notional_quote, -one.peak_bin) >= (other.notional_quote, -other.peak_bin)


def names(history: Columns) -> dict[Cluster, str]:
    """The name of each cluster of the last column, followed back column by column; column t closes at t."""
    lives = {one: begin_life(one, len(history) - 1) for one in history[-1]}
    ended: dict[Cluster, Life] = {}
    for t in range(len(history) - 1, -1, -1):
        links = continued(history[t], history[t - 1]) if t else {}
        ended |= {one: life for one, life in lives.items() if life.cluster not in links}
        lives = {
            one: life.back(links[life.cluster], t - 1, 0.0) for one, life in lives.items() if life.cluster in links
        }
    return {
        one: lineage_id("BTC-USDT", SYMBOLS, one.side, life.since_ms, life.cluster.peak_bin)
        for one, life in ended.items()
    }


@given(columns(), columns())
def test_each_continues_the_largest_that_fits_unless_a_larger_one_does(
    later: list[Cluster], earlier: list[Cluster]
) -> None:
    links = continued(later, earlier)
    wanted = {}
    for one in later:
        kin = [other for other in earlier if related(one, other)]
        if kin:
            wanted[one] = next(other for other in kin if all(larger(other, third) for third in kin))
    for one in later:
        rivals = [other for other in later if one in wanted and wanted.get(other) == wanted[one]]
        assert (one in links) == (one in wanted and all(larger(one, rival) for rival in rivals))
        assert one not in links or links[one] == wanted[one]


@given(columns(), columns())
def test_an_earlier_cluster_goes_on_as_one(later: list[Cluster], earlier: list[Cluster]) -> None:
    links = continued(later, earlier)
    assert len(set(links.values())) == len(links)
    assert continued(later[::-1], sorted(earlier, key=lambda one: one.peak_bin)) == links


@given(histories)
def test_no_two_clusters_have_one_name(history: Columns) -> None:
    named = names(history)
    assert len(named) == len(history[-1])
    assert len(set(named.values())) == len(named)


@given(histories)
def test_names_stay_when_time_moves_on_and_nothing_else_changes(history: Columns) -> None:
    assert names([*history, history[-1]]) == names(history)


@given(histories, columns())
def test_a_cluster_has_the_name_of_the_one_it_continues(history: Columns, after: list[Cluster]) -> None:
    before, now = names(history), names([*history, after])
    links = continued(after, history[-1])
    for one, name in now.items():
        assert name == before[links[one]] if one in links else name not in before.values()


def test_the_peak_is_the_largest_it_was_and_what_was_swept_adds_up() -> None:
    life = begin_life(cluster(Side.LONG, 0, 9, 4, 5.0), 30)
    life = life.back(cluster(Side.LONG, 0, 9, 4, 7.0), 20, 1.5).back(cluster(Side.LONG, 1, 8, 3, 6.0), 10, 0.5)
    assert (life.since_ms, life.peak_ms, life.peak_quote, life.swept_base) == (10, 20, 7.0, 2.0)
    assert life.cluster.peak_bin == 3
    assert life.back(cluster(Side.LONG, 1, 8, 3, 7.0), 5, 0.0).peak_ms == 5, "of equal ones the first"


def test_a_name_says_what_it_is_of() -> None:
    base = ("BTC-USDT", ["a:BTC-USDT", "b:BTC-USDT"], Side.LONG, 1, 2)
    others = [
        ("BTC", base[1], Side.LONG, 1, 2),
        ("BTC-USDT", ["a:BTC-USDT"], Side.LONG, 1, 2),
        ("BTC-USDT", base[1], Side.SHORT, 1, 2),
        ("BTC-USDT", base[1], Side.LONG, 3, 2),
        ("BTC-USDT", base[1], Side.LONG, 1, 3),
    ]
    assert len({lineage_id(*one) for one in (base, *others)}) == 6
    assert lineage_id(base[0], base[1][::-1], *base[2:]) == lineage_id(*base), "the order of venues says nothing"
