"""GraphQL's arguments as parameters of a URL: same names in snake_case, same defaults, and their bounds."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLArgument, GraphQLEnumType, GraphQLList, GraphQLNonNull, Undefined, get_named_type
from graphql import get_nullable_type as nullable

from liqgrid.api.cost import DEEP_FIELDS
from liqgrid.api.graphql.query import MAX_PAIRS
from liqgrid.api.graphql.series import MAX_SERIES
from liqgrid.api.grids import DEFAULT_LAST, MAX_COLUMNS, MAX_ROWS
from liqgrid.api.profiles import MAX_BANDS, MAX_CLUSTERS
from liqgrid.api.rest.parameters import Kind, Parameter
from liqgrid.api.rest.projection import has_groups, root_field, snake
from liqgrid.api.what_if import MAX_IMPACT, MAX_LEGS
from liqgrid.engine.market.axis import MAX_PRICE, MIN_PRICE

_KINDS = {"Int": Kind.INTEGER, "Float": Kind.NUMBER, "DateTime": Kind.TIME}
_VENUE = r"[a-z][a-z0-9]{1,30}"
_MAX_VENUES = 50
_FACTS: dict[str, dict[str, Any]] = {
    "pair": {
        "description": "A pair, base-quote.",
        "pattern": r"[A-Z0-9]{1,20}(-[A-Z0-9]{2,10})?",
        "example": "BTC-USDT",
    },
    "symbol": {
        "description": "A pair, base-quote.",
        "pattern": r"[A-Z0-9]{1,20}-[A-Z0-9]{2,10}",
        "example": "BTC-USDT",
    },
    "interval": {"description": "Step between columns, or length of a bar.", "example": "1h"},
    "venue": {
        "description": "A venue in lower case; default: the one with the largest open interest.",
        "pattern": _VENUE,
        "example": "binance",
    },
    "venues": {
        "description": "Venues in lower case; default: all.",
        "pattern": _VENUE,
        "most": _MAX_VENUES,
        "example": "binance",
    },
    "coin": {"description": "A base currency.", "pattern": r"[A-Z0-9]{1,20}", "example": "BTC"},
    "start": {"description": "From this time on; it is in. Without a zone it is UTC."},
    "end": {"description": "Up to this time; it is not in. Without a zone it is UTC."},
    "at": {"description": "The newest column at or before this time. Without a zone it is UTC."},
    "last": {
        "description": f"So many columns before `end`; default {DEFAULT_LAST}. Not with `start`.",
        "minimum": 1,
        "maximum": MAX_COLUMNS,
    },
    "price_low": {"description": "Lowest price, quote per base.", "minimum": MIN_PRICE, "maximum": MAX_PRICE},
    "price_high": {"description": "Highest price, quote per base.", "minimum": MIN_PRICE, "maximum": MAX_PRICE},
    "rows": {"description": "Geometric price rows.", "minimum": 1, "maximum": MAX_ROWS},
    "unit": {"description": "What amounts are counted in: notional in quote, or base currency."},
    "side": {"description": "Side of the positions; default: both."},
    "within": {"description": "Distance from the price, a fraction of it.", "above": 0, "maximum": 1},
    "limit": {"description": "How many at most.", "minimum": 1, "maximum": MAX_CLUSTERS},
    "bands": {
        "description": "Distances from the price, fractions of it.",
        "above": 0,
        "maximum": 1,
        "most": MAX_BANDS,
        "example": 0.05,
    },
    "price_to": {"description": "Where the price goes, quote per base; or a `path`.", "above": 0, "maximum": MAX_PRICE},
    "path": {
        "description": "Where the price goes one after the other, quote per base; or one `price_to`.",
        "above": 0,
        "maximum": MAX_PRICE,
        "most": MAX_LEGS,
        "example": 50000,
    },
    "impact": {"description": "Coefficient of the square-root law; 0 is none.", "minimum": 0, "maximum": MAX_IMPACT},
    "min_width": {"description": "Least width, a fraction of the price.", "above": 0, "maximum": 1},
    "first": {"description": "How many at most, a page.", "minimum": 1},
    "after": {"description": "The `next` of the page before."},
}
_INCLUDE = Parameter(
    name="include",
    kind=Kind.TEXT,
    description="What to say of each cluster besides, which costs more: `composition`, what it is made of; `lineage`, "
    "its `id` over time, when it was `born`, its `peak`, and what was `swept`.",
    choices=tuple(DEEP_FIELDS),
    many=True,
    most=len(DEEP_FIELDS),
)
_MOST_A_PAGE = {"pairs": MAX_PAIRS}


def parameters_of(question: str, path: str, without: frozenset[str] = frozenset()) -> tuple[Parameter, ...]:
    """Return the parameters of a question; those that stand in the path are marked."""
    arguments = {snake(name): argument for name, argument in root_field(question).args.items()}
    include = (_INCLUDE,) if has_groups(root_field(question).type) else ()
    return include + tuple(
        _parameter(question, name, argument, in_path=f"{{{name}}}" in path)
        for name, argument in arguments.items()
        if name not in without
    )


def _parameter(question: str, name: str, argument: GraphQLArgument, *, in_path: bool) -> Parameter:
    named = get_named_type(argument.type)
    facts = {"description": argument.description or name, **_FACTS.get(name, {})}
    if name == "first":
        facts["maximum"] = _MOST_A_PAGE.get(question, MAX_SERIES)
    has_default = argument.default_value is not Undefined and argument.default_value is not None
    return Parameter(
        name=name,
        kind=_KINDS.get(named.name, Kind.TEXT),
        required=isinstance(argument.type, GraphQLNonNull) and not has_default,
        default=argument.default_value if has_default else None,
        choices=[str(choice.value) for choice in named.values.values()] if isinstance(named, GraphQLEnumType) else (),
        many=isinstance(nullable(argument.type), GraphQLList),
        in_path=in_path,
        **facts,
    )
