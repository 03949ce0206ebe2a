"""What answers look like, as JSON Schema, out of the GraphQL schema and its descriptions."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
)

from liqgrid.api.rest.projection import (
    PAGE_INFO,
    fields_of,
    group_of,
    is_array,
    page_of,
    rest_schema,
    root_field,
    snake,
)

NEXT = {"type": ["string", "null"], "description": "Give it as `after` to go on; null where nothing follows."}
_SCALARS: dict[str, dict[str, Any]] = {
    "Boolean": {"type": "boolean"},
    "DateTime": {"type": "string", "format": "date-time"},
    "Float": {"type": "number"},
    "ID": {"type": "string"},
    "Int": {"type": "integer"},
    "String": {"type": "string"},
}


def schema_of(question: str) -> dict[str, Any]:
    """Return the schema of a question's answer."""
    kind = root_field(question).type
    plain = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    named = get_named_type(plain)
    if isinstance(plain, GraphQLList):
        return _object({"items": {"type": "array", "items": _reference(named)}})
    node = page_of(named)
    if node is not None:
        return _object({"items": {"type": "array", "items": _reference(node)}, "next": NEXT})
    return _reference(named)


def components() -> dict[str, Any]:
    """Return the schemas of every type that answers are made of."""
    return {
        name: _type_schema(kind)
        for name, kind in rest_schema().type_map.items()
        if isinstance(kind, GraphQLObjectType) and not name.startswith("__") and name not in {"Query", PAGE_INFO}
        and page_of(kind) is None and not name.endswith("Edge")
    }  # fmt: skip


def _type_schema(kind: GraphQLObjectType) -> dict[str, Any]:
    fields = fields_of(kind)
    properties = dict(_property(name, field) for name, field in fields.items())
    optional = {snake(name) for name in fields if group_of(kind, name)}
    return {**_object(properties, optional), "description": kind.description or kind.name}


def _object(properties: dict[str, Any], optional: Collection[str] = ()) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": sorted(properties.keys() - set(optional))}


def _property(name: str, field: GraphQLField) -> tuple[str, dict[str, Any]]:
    if get_named_type(field.type).name == PAGE_INFO:
        return "next", NEXT
    described = {"description": field.description} if field.description else {}
    if is_array(field.type):  # of numbers, or of rows of numbers; NaN is null
        return snake(name), {"type": "array", "items": {"type": ["number", "array", "null"]}, **described}
    return snake(name), {**_value(field.type), **described}


def _value(kind: Any) -> dict[str, Any]:
    if isinstance(kind, GraphQLNonNull):
        return _plain(kind.of_type)
    plain = _plain(kind)
    if "type" in plain and "enum" not in plain:
        return {**plain, "type": [plain["type"], "null"]}
    return {"anyOf": [plain, {"type": "null"}]}


def _plain(kind: Any) -> dict[str, Any]:
    if isinstance(kind, GraphQLList):
        return {"type": "array", "items": _value(kind.of_type)}
    if isinstance(kind, GraphQLEnumType):
        return {"type": "string", "enum": [choice.value for choice in kind.values.values()]}
    if isinstance(kind, GraphQLObjectType):
        return _reference(kind)
    return dict(_SCALARS.get(kind.name, {}))


def _reference(kind: Any) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{kind.name}"}
