"""REST's answers are GraphQL's: the same resolvers, every field, names in snake_case, arrays as arrays.

So both say the same numbers, and a field added to the schema is in both. What takes long to read of a cluster is in an
answer only where the question asks to ``include`` it. A page's ``pageInfo`` becomes ``next``: the cursor to go on from,
null where nothing follows. What depends on the clock is left out, so that the same build gives the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cache
from inspect import isawaitable
from typing import Any

import numpy as np
import strawberry
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLEnumType,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    execute,
    get_named_type,
    parse,
)
from strawberry.schema.config import StrawberryConfig

from liqgrid.api.cost import DEEP_FIELDS
from liqgrid.api.encode import Packed
from liqgrid.api.graphql.context import Context
from liqgrid.api.graphql.query import Query
from liqgrid.api.graphql.scalars import SCALARS, PackedArray

_LEFT_OUT = {("Coverage", "staleSeconds"), ("Grid", "cells")}
_DEEP_TYPE = "Cluster"
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")
PAGE_INFO = "PageInfo"


@cache
def rest_schema() -> GraphQLSchema:
    """Return the schema behind REST: GraphQL's own, but arrays stay arrays."""
    arrays = strawberry.scalar(name="PackedArray", description=SCALARS[PackedArray].description, serialize=_values_of)
    schema = strawberry.Schema(query=Query, config=StrawberryConfig(scalar_map={**SCALARS, PackedArray: arrays}))
    return schema._schema  # noqa: SLF001 - strawberry has no public name for graphql-core's schema


def _values_of(packed: Packed) -> Any:
    return np.ascontiguousarray(packed.values)  # as orjson wants them


def snake(name: str) -> str:
    """Return a GraphQL name as REST spells it: ``priceLow`` is ``price_low``."""
    return _CAPITAL.sub("_", name).lower()


def root_field(name: str) -> GraphQLField:
    """Return a question of the schema."""
    query = rest_schema().query_type
    assert query is not None  # noqa: S101 - a schema without questions does not come up
    field: GraphQLField = query.fields[name]
    return field


def fields_of(kind: GraphQLObjectType, included: Collection[str] = tuple(DEEP_FIELDS)) -> dict[str, GraphQLField]:
    """Return the fields of a type that REST serves, of the groups of ``DEEP_FIELDS`` those included."""
    return {
        name: field
        for name, field in kind.fields.items()
        if (kind.name, name) not in _LEFT_OUT and group_of(kind, name) in {None, *included}
    }


def group_of(kind: GraphQLObjectType, name: str) -> str | None:
    """Return which group of ``DEEP_FIELDS`` a field is of, None if it is in every answer."""
    if kind.name != _DEEP_TYPE:
        return None
    return next((group for group, names in DEEP_FIELDS.items() if name in names), None)


def has_groups(kind: Any) -> bool:
    """Return whether an answer of this type has fields that can be included."""
    seen: set[str] = set()
    waiting = [get_named_type(kind)]
    while waiting:
        one = waiting.pop()
        if isinstance(one, GraphQLObjectType) and one.name not in seen:
            seen.add(one.name)
            waiting += [get_named_type(field.type) for field in one.fields.values()]
    return _DEEP_TYPE in seen


def page_of(kind: Any) -> GraphQLObjectType | None:
    """Return the type of what a connection holds, None for any other type."""
    if not isinstance(kind, GraphQLObjectType) or not kind.name.endswith("Connection"):
        return None
    edge = get_named_type(kind.fields["edges"].type)
    assert isinstance(edge, GraphQLObjectType)  # noqa: S101 - a connection's edges are objects
    node = get_named_type(edge.fields["node"].type)
    assert isinstance(node, GraphQLObjectType)  # noqa: S101 - and so are their nodes
    return node


async def ask(context: Context, name: str, arguments: Mapping[str, Any], included: Collection[str]) -> Any:
    """Return the answer to one question, as REST says it; arrays are numpy's. ``included`` as of ``fields_of``.

    Raises
    ------
    LiqgridError
        As the question's resolver does.
    """
    # The documents are ours: parsed once, known to be valid, and of every depth the schema has.
    result = execute(
        rest_schema(),
        _document(name, frozenset(included)),
        context_value=context,
        variable_values=_variables(name, arguments),
    )
    if isawaitable(result):
        result = await result
    assert isinstance(result, ExecutionResult)  # noqa: S101 - nothing of it is deferred
    if result.errors:
        raise result.errors[0].original_error or result.errors[0]
    assert result.data is not None  # noqa: S101 - there is no error, so there is an answer
    return _render(root_field(name).type, result.data[name])


def _variables(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by their names in REST as the variables of a question; None is one that is not given."""
    given = {argument: values.get(snake(argument)) for argument in root_field(name).args}
    return {
        argument: _to_graphql(root_field(name).args[argument].type, value)
        for argument, value in given.items()
        if value is not None
    }


def _to_graphql(kind: Any, value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    named = get_named_type(kind)
    if isinstance(named, GraphQLEnumType):
        return next(key for key, choice in named.values.items() if choice.value == value)
    return value


@cache
def _document(name: str, included: frozenset[str]) -> DocumentNode:
    """Return the question with every argument a variable, and every field of the answer; ``included`` as told."""
    field = root_field(name)
    declared = ", ".join(f"${argument}: {given.type}" for argument, given in field.args.items())
    passed = ", ".join(f"{argument}: ${argument}" for argument in field.args)
    head = f"query({declared}) {{ {name}({passed})" if declared else f"query {{ {name}"
    return parse(f"{head} {_selection(field.type, included)} }}")


def _selection(kind: Any, included: Collection[str]) -> str:
    named = get_named_type(kind)
    if not isinstance(named, GraphQLObjectType):
        return ""
    fields = fields_of(named, included)
    return "{ " + " ".join(f"{name} {_selection(field.type, included)}" for name, field in fields.items()) + " }"


def _render(kind: Any, value: Any) -> Any:
    if isinstance(kind, GraphQLNonNull):
        return _render(kind.of_type, value)
    if value is None:
        return None
    if isinstance(kind, GraphQLList):
        return [_render(kind.of_type, one) for one in value]
    if isinstance(kind, GraphQLEnumType):
        return kind.values[value].value
    return _render_object(kind, value) if isinstance(kind, GraphQLObjectType) else value


def _render_object(kind: GraphQLObjectType, value: dict[str, Any]) -> dict[str, Any]:
    node = page_of(kind)
    if node is not None:
        return {"items": [_render(node, edge["node"]) for edge in value["edges"]], "next": _next(value["pageInfo"])}
    return dict(_entry(name, field, value[name]) for name, field in fields_of(kind).items() if name in value)


def _entry(name: str, field: GraphQLField, value: Any) -> tuple[str, Any]:
    if get_named_type(field.type).name == PAGE_INFO:
        return "next", _next(value)
    return snake(name), _render(field.type, value)


def _next(page_info: Any) -> str | None:
    return page_info["endCursor"] if page_info["hasNextPage"] else None


def is_array(kind: Any) -> bool:
    """Whether a type is a numeric array."""
    named = get_named_type(kind)
    return isinstance(named, GraphQLScalarType) and named.name == "PackedArray"
