"""The schema: the text in the repository is the server's, everything in it is described, and it keeps its contract."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import (
    EnumTypeDefinitionNode,
    FieldDefinitionNode,
    InputValueDefinitionNode,
    InterfaceTypeDefinitionNode,
    ObjectTypeDefinitionNode,
    TypeDefinitionNode,
    parse,
    print_ast,
)

from liqgrid.api.graphql.schema import sdl

ROOT = Path(__file__).parents[2]
OPTIONS = [
    ("grid", "`rows`"),
    ("grid", "priceLow"),
    ("topClusters", "`within`"),
    ("exposure", "`bands`"),
    ("cascade", "`priceTo`"),
    ("cascade", "`path`"),
    ("cascade", "`impact`"),
    ("stopZones", "`minWidth`"),
]
SCALARS = {"DateTime", "JSON", "PackedArray"}
# Arguments and defaults as clients were promised them; more may be added, none of these may go or change.
ARGUMENTS = {
    "pairs": "venue: String, coin: String, first: Int = 50, after: String",
    "pair": "symbol: String!",
    "grid": "pair: String!, interval: Interval!, start: DateTime, end: DateTime, last: Int, venues: [String!], "
    "priceLow: Float, priceHigh: Float, rows: Int = 300, unit: Unit = QUOTE",
    "topClusters": "pair: String!, interval: Interval!, at: DateTime, venues: [String!], side: Side, "
    "within: Float = 0.1, limit: Int = 10",
    "exposure": "pair: String!, interval: Interval!, at: DateTime, venues: [String!], bands: [Float!]",
    "cascade": "pair: String!, interval: Interval!, at: DateTime, venues: [String!], priceTo: Float, path: [Float!], "
    "impact: Float = 0",
    "stopZones": "pair: String!, interval: Interval!, at: DateTime, venues: [String!], side: Side, "
    "within: Float = 0.1, minWidth: Float = 0.002, limit: Int = 10",
    "bars": "pair: String!, interval: Interval!, start: DateTime, end: DateTime, after: String",
    "openInterest": "pair: String!, start: DateTime, end: DateTime, after: String",
    "skill": "pair: String!",
    "status": "",
}
PROMISED = f"""
{" ".join(f"scalar {name}" for name in sorted(SCALARS))}
enum Side {{ LONG SHORT }}
enum Interval {{ M1 M5 M15 H1 H4 D1 }}
enum Unit {{ QUOTE BASE }}
type Query {{
  {" ".join(f"{name}({arguments}): Int" if arguments else f"{name}: Int" for name, arguments in ARGUMENTS.items())}
}}
type Grid {{
  pair: String!  interval: Interval!  asOf: DateTime!  unit: String!
  times: PackedArray!  priceEdges: PackedArray!  long: PackedArray!  short: PackedArray!
  longTotal: PackedArray!  shortTotal: PackedArray!
  cells(minimum: Float): JSON!
  bars: PackedBars!  maximum: Float!  percentiles: [Percentile!]!
  model: ModelInfo!  coverage: Coverage!
}}
type PackedBars {{ open: PackedArray!  high: PackedArray!  low: PackedArray!  close: PackedArray! }}
type Percentile {{ percent: Float!  value: Float! }}
type ModelInfo {{ version: String!  parametersHash: String!  computedAt: DateTime! }}
type Coverage {{ venues: [VenueCoverage!]!  gaps: [Gap!]!  staleSeconds: Float! }}
type VenueCoverage {{ venue: String!  openInterestShare: Float! }}
type Gap {{ venue: String!  startsAt: DateTime!  endsAt: DateTime! }}
"""


Types = dict[str, TypeDefinitionNode]


def types_of(text: str) -> Types:
    return {node.name.value: node for node in parse(text).definitions if isinstance(node, TypeDefinitionNode)}


SERVED, WANTED = types_of(sdl()), types_of(PROMISED)


def fields_of(types: Types, name: str) -> dict[str, FieldDefinitionNode]:
    node = types[name]
    assert isinstance(node, ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode)
    return {field.name.value: field for field in node.fields or ()}


def arguments_of(field: FieldDefinitionNode) -> dict[str, InputValueDefinitionNode]:
    return {argument.name.value: argument for argument in field.arguments or ()}


def shape(argument: InputValueDefinitionNode) -> tuple[str, str | None]:
    """Type and default; one that has a default need not be given, whether or not the type admits null."""
    default = print_ast(argument.default_value) if argument.default_value else "null"
    kind = print_ast(argument.type)
    return (kind, None) if default == "null" else (kind.rstrip("!"), default)


def test_the_text_in_the_repository_is_the_servers() -> None:
    stored = (ROOT / "docs" / "schema.graphql").read_text("utf-8")
    assert stored.rstrip("\n") == sdl().rstrip("\n"), (
        "docs/schema.graphql is not the schema of the code; if that is meant: liqgrid schema > docs/schema.graphql"
    )


def test_every_type_and_field_is_described() -> None:
    bare = [name for name, node in SERVED.items() if not node.description]
    for name, node in SERVED.items():
        if isinstance(node, ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode):
            bare += [f"{name}.{field.name.value}" for field in node.fields or () if not field.description]
    assert not bare


@pytest.mark.parametrize(("query", "argument"), OPTIONS)
def test_a_query_says_what_its_arguments_mean(query: str, argument: str) -> None:
    description = fields_of(SERVED, "Query")[query].description
    assert description is not None
    assert argument in description.value


@pytest.mark.parametrize("name", ARGUMENTS)
def test_queries_take_what_was_promised(name: str) -> None:
    there = arguments_of(fields_of(SERVED, "Query")[name])
    wanted = arguments_of(fields_of(WANTED, "Query")[name])
    assert {one: shape(there[one]) for one in wanted} == {one: shape(argument) for one, argument in wanted.items()}
    added = [shape(there[one]) for one in there.keys() - wanted.keys()]
    assert not [kind for kind, default in added if kind.endswith("!") and default is None], "an addition is required"


@pytest.mark.parametrize("name", [name for name in WANTED if name[0].isupper() and name not in {"Query", *SCALARS}])
def test_types_have_what_was_promised(name: str) -> None:
    wanted = WANTED[name]
    if isinstance(wanted, EnumTypeDefinitionNode):
        there = SERVED[name]
        assert isinstance(there, EnumTypeDefinitionNode)
        assert {one.name.value for one in wanted.values or ()} <= {one.name.value for one in there.values or ()}
        return
    fields = fields_of(SERVED, name)
    for field, node in fields_of(WANTED, name).items():
        assert print_ast(fields[field].type) == print_ast(node.type), field
        arguments = arguments_of(fields[field])
        assert {one: shape(arguments[one]) for one in arguments_of(node)} == {
            one: shape(argument) for one, argument in arguments_of(node).items()
        }
