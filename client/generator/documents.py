"""Every question of the schema as a GraphQL document that asks for all there is."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator

from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
)

from generator.names import snake
from generator.types import LEFT_OUT, ON_REQUEST

_HEAD = '''"""The GraphQL documents the client sends: every question of the schema, with all that its answers hold.

A comment ``# NAME`` stands where PARTS[NAME] goes if it is asked for; the text is valid with and without.
Made from docs/schema.graphql by ``python -m generator``.
"""

from __future__ import annotations

from typing import Final

'''


def documents_module(schema: GraphQLSchema) -> str:
    """Return the text of ``documents.py``."""
    query, subscription = schema.query_type, schema.subscription_type
    assert query is not None  # noqa: S101
    assert subscription is not None  # noqa: S101
    parts = ["PARTS: Final = {"]
    for name, part in _parts(schema).items():
        parts += [f'    "{name}": """', *part, '""",']
    parts += ["}", ""]
    asked = [("query", *one) for one in query.fields.items()]
    asked += [("subscription", *one) for one in subscription.fields.items()]
    shared = _shared([field for _, _, field in asked])
    fragments = [_fragment(kind, shared) for kind in shared]
    documents = [_document(operation, name, field, shared) for operation, name, field in asked]
    return _HEAD + "\n".join([*parts, *fragments, *documents])


def _shared(fields: list[GraphQLField]) -> tuple[GraphQLObjectType, ...]:
    """Return the types that stand in several places, by name: each is a fragment."""
    places = Counter(_object_of(field).name for field in fields)
    kinds: dict[str, GraphQLObjectType] = {}
    left = [_object_of(field) for field in fields]
    while left:
        kind = left.pop()
        if kind.name not in kinds:
            kinds[kind.name] = kind
            inner = [_object_of(one) for _, one in _asked_of(kind) if _is_object(one)]
            places.update(one.name for one in inner)
            left += inner
    return tuple(kinds[name] for name in sorted(kinds) if places[name] > 1)


def _fragment(kind: GraphQLObjectType, shared: tuple[GraphQLObjectType, ...]) -> str:
    lines = [
        f'{_constant(kind)}: Final = """',
        f"fragment {kind.name} on {kind.name} {{",
        *_selection(kind, "  ", shared),
        "}",
        '"""',
        "",
    ]
    return "\n".join(lines)


def _constant(kind: GraphQLObjectType) -> str:
    return f"_{snake(kind.name[0].lower() + kind.name[1:]).upper()}"


def _document(operation: str, name: str, field: GraphQLField, shared: tuple[GraphQLObjectType, ...]) -> str:
    variables = [f"${one}: {argument.type}" for one, argument in field.args.items()]
    arguments = [f"{one}: ${one}" for one in field.args]
    constant = snake(name).upper() if operation == "query" else f"LIVE_{snake(name).upper()}"
    kind = _object_of(field)
    below = [f"    ...{kind.name}"] if kind in shared else _selection(kind, "    ", shared)
    lines = [
        f'{constant}: Final = """',
        f"{operation} {name[0].upper()}{name[1:]}{_listed(variables, '  ')} {{",
        f"  {name}{_listed(arguments, '    ')} {{",
        *below,
        "  }",
        "}",
        '"""' + "".join(f" + {_constant(one)}" for one in _needed(kind, shared)),
        "",
    ]
    return "\n".join(lines)


def _needed(kind: GraphQLObjectType, shared: tuple[GraphQLObjectType, ...]) -> list[GraphQLObjectType]:
    """Return the fragments that a selection of a type needs, in the order of their names."""
    seen: set[str] = set()
    left = [kind]
    while left:
        one = left.pop()
        if one.name not in seen:
            seen.add(one.name)
            left += [_object_of(field) for _, field in _asked_of(one) if _is_object(field)]
    return [one for one in shared if one.name in seen]


def _listed(parts: list[str], indent: str) -> str:
    """Return parts in parentheses, in lines that fit."""
    lines = textwrap.wrap(", ".join(part.replace(" ", "~") for part in parts), 110)
    return f"(\n{indent}" + f"\n{indent}".join(lines).replace("~", " ") + f"\n{indent[2:]})" if parts else ""


def _object_of(field: GraphQLField) -> GraphQLObjectType:
    kind = get_named_type(field.type)
    assert isinstance(kind, GraphQLObjectType)  # noqa: S101
    return kind


def _is_object(field: GraphQLField) -> bool:
    return isinstance(get_named_type(field.type), GraphQLObjectType)


def _asked_of(kind: GraphQLObjectType) -> Iterator[tuple[str, GraphQLField]]:
    """Yield the fields of a type that are always asked for."""
    requested = ON_REQUEST.get(kind.name, {})
    for name, field in kind.fields.items():
        if (kind.name, name) not in LEFT_OUT and name not in requested:
            yield name, field


def _selection(kind: GraphQLObjectType, indent: str, shared: tuple[GraphQLObjectType, ...]) -> Iterator[str]:
    """Yield the lines of all fields of an object; dear ones leave their mark."""
    yield from _lines(dict(_asked_of(kind)), indent, shared)
    for request in dict.fromkeys(ON_REQUEST.get(kind.name, {}).values()):
        yield f"{indent}# {request}"


def _lines(fields: dict[str, GraphQLField], indent: str, shared: tuple[GraphQLObjectType, ...]) -> Iterator[str]:
    """Yield the lines of fields: plain ones together, objects each on its own."""
    plain = " ".join(name for name, field in fields.items() if not _is_object(field))
    yield from textwrap.wrap(plain, 110, initial_indent=indent, subsequent_indent=indent)
    for name, field in fields.items():
        if _is_object(field):
            kind = _object_of(field)
            yield f"{indent}{name} {{"
            yield from [f"{indent}  ...{kind.name}"] if kind in shared else _selection(kind, indent + "  ", shared)
            yield f"{indent}}}"


def _parts(schema: GraphQLSchema) -> dict[str, list[str]]:
    """Return what is asked for on request, whole: it goes into documents that may lack a fragment."""
    parts: dict[str, list[str]] = {}
    for type_name, requests in ON_REQUEST.items():
        kind = schema.type_map[type_name]
        assert isinstance(kind, GraphQLObjectType)  # noqa: S101
        for request in dict.fromkeys(requests.values()):
            fields = {name: kind.fields[name] for name in requests if requests[name] == request}
            parts.setdefault(request, []).extend(_lines(fields, "", ()))
    return parts
