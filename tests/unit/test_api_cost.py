"""What a query costs, told before it is executed."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import GraphQLObjectType, parse

from liqgrid.api.cost import DEEP_FIELDS, cost_of, price_of_query
from liqgrid.api.graphql.schema import schema

BTC = 'pair: "BTC-USDT", interval: H1'


def cost(query: str, **variables: Any) -> int:
    return price_of_query(schema()._schema, parse(query), None, variables).points()


@pytest.mark.parametrize(
    ("query", "points"),
    [
        ("{ __typename }", 1),
        ("{ status { version } }", 5),
        (f"{{ grid({BTC}) {{ asOf }} }}", 87),  # 288 × 300 cells
        (f"{{ grid({BTC}, last: 100, rows: 100) {{ asOf }} }}", 10),
        (f"{{ a: grid({BTC}, last: 100, rows: 100) {{ asOf }} b: grid({BTC}, last: 100, rows: 100) {{ asOf }} }}", 20),
        (f'{{ grid({BTC}, start: "2024-01-01", end: "2024-01-11", rows: 1000) {{ asOf }} }}', 240),
        (f"{{ grid({BTC}, last: 20000, rows: 4000) {{ asOf }} }}", 2000),
        (f"{{ grid({BTC}, last: -5, rows: -5) {{ asOf }} }}", 1),
        (f"{{ bars({BTC}, first: 10000) {{ times }} }}", 10),
        (f"{{ bars({BTC}) {{ times }} }}", 1),
        ("{ pairs(first: 200) { edges { cursor } } }", 4),
        (f"{{ topClusters({BTC}) {{ asOf }} }}", 5),
        ("query($n: Int) { a: openInterest(pair: \"A-USDT\", first: $n) { times } }", 1),
        ("query { ...Q ...Q } fragment Q on Query { status { version } }", 5),
    ],
)  # fmt: skip
def test_cost_of_a_query(query: str, points: int) -> None:
    assert cost(query) == points


def test_variables_count() -> None:
    query = "query($rows: Int!) { grid(" + BTC + ", last: 100, rows: $rows) { asOf } }"
    assert cost(query, rows=1000) == 100
    assert cost(query, rows="no number") == 1, "it is refused when it is executed"


def test_looking_into_clusters_costs_by_how_many() -> None:
    assert cost_of("topClusters", {"limit": 10}) == 5
    assert cost_of("topClusters", {"limit": 10}, frozenset({"composition"})) == 105
    assert cost_of("topClusters", {"limit": 200}, frozenset({"composition", "born", "id"})) == 4005


def test_what_looks_deep_are_fields_of_a_cluster() -> None:
    (cluster,) = (kind for name, kind in schema()._schema.type_map.items() if name == "Cluster")
    assert isinstance(cluster, GraphQLObjectType)
    assert frozenset().union(*DEEP_FIELDS.values()) <= cluster.fields.keys()


def test_fragments_that_double_at_every_step_are_counted_once() -> None:
    doubling = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(100))
    assert cost(f"{{ ...F0 }} {doubling} fragment F100 on Query {{ status {{ version }} }}") == 5
