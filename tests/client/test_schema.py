"""What the client sends and expects is what the schema has; its halves are one."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from datetime import datetime
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    parse,
    validate,
    value_from_ast_untyped,
)

import liqgrid_client
from generator.documents import documents_module
from generator.files import FOLDER, generated
from generator.names import snake
from generator.types import LEFT_OUT, ON_REQUEST, object_types, types_module
from liqgrid.api.graphql.schema import sdl
from liqgrid_client import AsyncClient, Client, asynchronous, documents, synchronous, types
from liqgrid_client.wire import camel, enumerated, word

SCHEMA = build_schema(sdl())
DOCUMENTS = {
    name: text for name, text in vars(documents).items() if name.isupper() and name != "PARTS" and name[0] != "_"
}
PLAIN = {"String": str, "ID": str, "Int": int, "Float": float, "Boolean": bool, "DateTime": datetime}
# Methods that are named otherwise than their question, and arguments that are paged over inside.
METHODS = {"gridColumn": "grid_columns", "Subscription.liquidations": "live_liquidations"}
PAGED_INSIDE = {"pairs": {"first", "after"}}
MORE = {"composition", "lineage"}  # arguments that ask for more of an answer


def test_what_is_generated_is_so_still() -> None:
    stale = [name for name, text in generated().items() if (FOLDER / name).read_text("utf-8") != text]
    assert stale == [], "in client/, run `python -m generator`, and see what changes for those who use the client"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_query_is_valid_with_and_without_its_parts(name: str) -> None:
    text = DOCUMENTS[name]
    whole = text
    for part, selection in documents.PARTS.items():
        whole = whole.replace(f"# {part}\n", selection)
    for document in (text, whole):
        assert validate(SCHEMA, parse(document)) == []
    assert "#" not in whole


def questions(schema: GraphQLSchema) -> list[tuple[str, str, GraphQLField]]:
    assert schema.query_type is not None
    assert schema.subscription_type is not None
    return [
        (kind.name, name, field)
        for kind in (schema.query_type, schema.subscription_type)
        for name, field in kind.fields.items()
    ]


@pytest.mark.parametrize(
    ("root", "name", "field"), questions(SCHEMA), ids=[f"{root}.{name}" for root, name, _ in questions(SCHEMA)]
)
def test_every_question_is_a_method_with_its_arguments(root: str, name: str, field: GraphQLField) -> None:
    method = getattr(Client, METHODS.get(f"{root}.{name}") or METHODS.get(name) or snake(name))
    told = dict(list(inspect.signature(method).parameters.items())[1:])
    asked = {snake(one): argument for one, argument in field.args.items() if one not in PAGED_INSIDE.get(name, ())}
    assert told.keys() - MORE == asked.keys()
    for one, argument in asked.items():
        default = told[one].default
        if one == "first":  # a page of the client's is as long as may be
            continue
        assert argument.ast_node is not None
        wanted = argument.ast_node.default_value
        assert (default is inspect.Parameter.empty) == (wanted is None)
        if wanted is not None:
            assert (enumerated(default) if isinstance(default, str) else default) == value_from_ast_untyped(wanted)


@pytest.mark.parametrize("kind", object_types(SCHEMA), ids=lambda kind: str(kind.name))
def test_every_type_has_the_schemas_fields_and_nulls(kind: GraphQLObjectType) -> None:
    mine = getattr(types, kind.name)
    hints = get_type_hints(mine)
    wanted = {name for name in kind.fields if (kind.name, name) not in LEFT_OUT}
    assert {camel(one.name) for one in fields(mine)} - wanted <= {"simulated"}
    arrays = {camel(one.name): one for one in fields(mine) if "dtype" in one.metadata}
    for name in wanted:
        if str(kind.fields[name].type) == "PackedArray!":
            array = arrays.pop(name)
            assert array.type == f"NDArray[np.{np.dtype(array.metadata['dtype']).type.__name__}]"
            continue
        held(hints[snake(name)], kind.fields[name].type, on_request=name in ON_REQUEST.get(kind.name, {}))
    assert not arrays


def held(hint: Any, kind: Any, *, on_request: bool = False) -> None:
    """Assert that a Python type holds what a type of the schema may give, and no less strictly."""
    may_be_null = not isinstance(kind, GraphQLNonNull)
    arguments = [one for one in get_args(hint) if one is not type(None)]
    assert (type(None) in get_args(hint)) == (may_be_null or on_request)
    if type(None) in get_args(hint):
        (hint,) = arguments
    kind = kind if may_be_null else kind.of_type
    if isinstance(kind, GraphQLList):
        assert get_origin(hint) is tuple
        held(get_args(hint)[0], kind.of_type)
    elif isinstance(kind, GraphQLEnumType):
        assert get_origin(hint) is Literal
        assert get_args(hint) == tuple(map(word, kind.values))
        assert [enumerated(one) for one in get_args(hint)] == list(kind.values)
    elif isinstance(kind, GraphQLObjectType):
        assert hint is getattr(types, kind.name)
    elif kind.name != "JSON":
        assert hint is PLAIN[kind.name]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  asOf: DateTime!", "  asOfTime: DateTime!"),
        ("  price: Float!", "  price: Float"),
        ("float32 [T, rows]: longs", "float64 [T, rows]: longs"),
        ("last: Int = null", "count: Int = null"),
        ("  LONG\n", "  LONGS\n"),
    ],
)
def test_a_change_of_the_schema_is_noticed(old: str, new: str) -> None:
    assert old in sdl()
    changed = build_schema(sdl().replace(old, new))
    assert [types_module(changed), documents_module(changed)] != [types_module(SCHEMA), documents_module(SCHEMA)]


def methods(kind: type) -> dict[str, str]:
    """Every public method and what it takes and gives, the words of waiting left out."""
    found = {name: getattr(kind, name) for name in dir(kind) if not name.startswith("_")}
    return {
        name: re.sub(r"Async|, None, None(?=\])|, None(?=\])", "", str(inspect.signature(one)))
        for name, one in found.items()
        if callable(one)
    }


@pytest.mark.parametrize(
    ("waiting", "plain"), [(AsyncClient, Client), (liqgrid_client.AsyncPages, liqgrid_client.Pages)]
)
def test_both_halves_have_the_same_methods_and_signatures(waiting: type, plain: type) -> None:
    assert methods(waiting) == methods(plain)
    assert methods(plain)


def test_only_what_waits_differs_between_the_halves() -> None:
    assert asynchronous.__path__ != synchronous.__path__
    files = [{path.name for path in (FOLDER / name).glob("*.py")} for name in ("asynchronous", "synchronous")]
    assert files[0] == files[1]
    assert not any("await" in (FOLDER / "synchronous" / name).read_text("utf-8") for name in files[1])
