"""Every question of the schema as a GraphQL document that asks for all there is."""

from __future__ import annotations

import textwrap
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
    documents = [_document("query", name, field) for name, field in query.fields.items()]
    documents += [_document("subscription", name, field) for name, field in subscription.fields.items()]
    return _HEAD + "\n".join([*parts, *documents])


def _document(operation: str, name: str, field: GraphQLField) -> str:
    variables = [f"${one}: {argument.type}" for one, argument in field.args.items()]
    arguments = [f"{one}: ${one}" for one in field.args]
    constant = snake(name).upper() if operation == "query" else f"LIVE_{snake(name).upper()}"
    lines = [
        f'{constant}: Final = """',
        f"{operation} {name[0].upper()}{name[1:]}{_listed(variables, '  ')} {{",
        f"  {name}{_listed(arguments, '    ')} {{",
        *_selection(field, "    "),
        "  }",
        "}",
        '"""',
        "",
    ]
    return "\n".join(lines)


def _listed(parts: list[str], indent: str) -> str:
    """Return parts in parentheses, in lines that fit."""
    lines = textwrap.wrap(", ".join(part.replace(" ", "~") for part in parts), 110)
    return f"(\n{indent}" + f"\n{indent}".join(lines).replace("~", " ") + f"\n{indent[2:]})" if parts else ""


def _selection(field: GraphQLField, indent: str) -> Iterator[str]:
    """Yield the lines of all fields of an object; dear ones leave their mark."""
    kind = get_named_type(field.type)
    assert isinstance(kind, GraphQLObjectType)  # noqa: S101
    requested = ON_REQUEST.get(kind.name, {})
    for name, one in kind.fields.items():
        if (kind.name, name) not in LEFT_OUT and name not in requested:
            yield from _line(name, one, indent)
    for request in dict.fromkeys(requested.values()):
        yield f"{indent}# {request}"


def _line(name: str, field: GraphQLField, indent: str) -> Iterator[str]:
    if isinstance(get_named_type(field.type), GraphQLObjectType):
        yield f"{indent}{name} {{"
        yield from _selection(field, indent + "  ")
        yield f"{indent}}}"
    else:
        yield f"{indent}{name}"


def _parts(schema: GraphQLSchema) -> dict[str, list[str]]:
    parts: dict[str, list[str]] = {}
    for type_name, requests in ON_REQUEST.items():
        kind = schema.type_map[type_name]
        assert isinstance(kind, GraphQLObjectType)  # noqa: S101
        for name, request in requests.items():
            parts.setdefault(request, []).extend(_line(name, kind.fields[name], ""))
    return parts
