"""The types of the schema as frozen dataclasses, fields and descriptions alike."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    get_named_type,
)

from generator.names import snake, word, words

# Left out: the same numbers again, cell by cell as JSON.
LEFT_OUT = {("Grid", "cells")}
# Dear to read, so asked for only by the argument of that name.
ON_REQUEST = {
    "Cluster": {
        "composition": "composition",
        **dict.fromkeys(("id", "born", "bornBefore", "peak", "swept"), "lineage"),
    }
}
# Answers that are tables as well: by what they are, and which field holds the rows.
TABLES = {
    "Grid": ("CellTable", None),
    "GridColumnEvent": ("CellTable", None),
    "Clusters": ("RowTable", "clusters"),
    "Exposure": ("RowTable", "bands"),
    "Signals": ("RowTable", "magnets"),
    "Cascade": ("RowTable", "steps"),
    "StopZones": ("RowTable", "zones"),
}
# Beside tables and series: answers that say by themselves whether they are of a simulated market.
_TOLD_SIMULATED = {"RealisedLiquidation", "Skill"}
_SCALARS = {
    "String": "str",
    "ID": "str",
    "Int": "int",
    "Float": "float",
    "Boolean": "bool",
    "DateTime": "datetime",
    "JSON": "Mapping[str, Any]",
}
_ARRAY_OF = re.compile(r"NDArray\[np\.(\w+)\]")
# How arrays arrive; beside the annotation, whose inside is numpy's own affair and not the same in all its versions.
_WIRE = {"float64": "_F64", "float32": "_F32", "int64": "_I64", "datetime64": "_MS"}
_LONG = {"Coverage", "ModelInfo", "PackedBars", "Mapping[str, Any]"}  # would drown the rest where an answer is shown
_ARRAY = re.compile(r"(float64|float32|int64) \[")
_HEAD = '''"""What the server answers: the types of its schema, by its own descriptions.

Arrays cannot be written to. Times of arrays are numpy's ``datetime64[ms]`` in UTC, single ones aware ``datetime``.
Made from docs/schema.graphql by ``python -m generator``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from liqgrid_client.tables import CellTable, RowTable, SeriesTable

_F64 = {"dtype": "<f8"}
_F32 = {"dtype": "<f4"}
_I64 = {"dtype": "<i8"}
_MS = {"dtype": "<M8[ms]"}

'''


def types_module(schema: GraphQLSchema) -> str:
    """Return the text of ``types.py``."""
    return _HEAD + "\n".join([*_enumerations(schema), *(_dataclass(kind) for kind in object_types(schema))])


def object_types(schema: GraphQLSchema) -> list[GraphQLObjectType]:
    """Return what becomes a dataclass, in the schema's order."""
    roots = (schema.query_type, schema.subscription_type)
    return [
        kind
        for name, kind in schema.type_map.items()
        if isinstance(kind, GraphQLObjectType) and not name.startswith("__") and kind not in roots
    ]


def annotation(field: GraphQLField, kind: GraphQLOutputType | None = None) -> str:
    """Return the Python type of a field."""
    kind = kind or field.type
    if not isinstance(kind, GraphQLNonNull):
        return f"{annotation(field, GraphQLNonNull(kind))} | None"
    inner = kind.of_type
    if isinstance(inner, GraphQLList):
        return f"tuple[{annotation(field, inner.of_type)}, ...]"
    if inner.name == "PackedArray":
        match = _ARRAY.match(field.description or "")
        assert match is not None, f"which dtype? {field.description}"  # noqa: S101
        is_time = "epoch milliseconds" in (field.description or "") or "close time of each" in (field.description or "")
        return f"NDArray[np.{'datetime64' if is_time else match[1]}]"
    return _SCALARS.get(inner.name, inner.name)


def _enumerations(schema: GraphQLSchema) -> Iterator[str]:
    for name, kind in schema.type_map.items():
        if isinstance(kind, GraphQLEnumType) and not name.startswith("__"):
            values = ", ".join(f'"{word(value)}"' for value in kind.values)
            yield f"{name} = Literal[{values}]\n{_docstring(kind.description, '')}\n"


def _dataclass(kind: GraphQLObjectType) -> str:
    table, rows = TABLES.get(kind.name, ("", None))
    is_series = any(interface.name == "Series" for interface in kind.interfaces)
    base = "SeriesTable" if is_series else table
    options = "frozen=True, kw_only=True" + (", eq=False" if _has_arrays(kind) else "")
    lines = [f"@dataclass({options})", f"class {kind.name}" + (f"({base}):" if base else ":")]
    lines += [_docstring(kind.description, "    "), ""]
    if rows:
        lines += [f'    _rows: ClassVar[str] = "{rows}"', ""]
    for name, field in kind.fields.items():
        if (kind.name, name) not in LEFT_OUT:
            lines += [_field(field, snake(name), ON_REQUEST.get(kind.name, {}).get(name)), ""]
    if base or kind.name in _TOLD_SIMULATED:
        lines += ["    simulated: bool = False"]
        lines += ['    """True where it is of a simulated market, not of a real one."""', ""]
    return "\n".join([*lines, ""])


def _field(field: GraphQLField, name: str, request: str | None) -> str:
    kind, description = annotation(field), words(field.description or "")
    value = " = field(repr=False)" if kind in _LONG else ""
    if (array := _ARRAY_OF.search(kind)) is not None:
        value = f" = field(repr=False, metadata={_WIRE[array[1]]})"
    if request is not None:
        kind, value = f"{kind.removesuffix(' | None')} | None", " = None"
        description = f"{description} None unless asked for with `{request}=True`."
    if "datetime64" in kind:
        description = re.sub(r"^int64 (\[\w+\])", r"datetime64[ms] \1", description)
        description = re.sub(r": epoch milliseconds|, epoch milliseconds", "", description)
    return f"    {name}: {kind}{value}\n{_docstring(description, '    ')}"


def _has_arrays(kind: GraphQLObjectType) -> bool:
    """Whether numpy would make ``==`` of two of them an error."""
    named = [get_named_type(field.type) for field in kind.fields.values()]
    return any(one.name == "PackedArray" or (isinstance(one, GraphQLObjectType) and _has_arrays(one)) for one in named)


def _docstring(text: str | None, indent: str) -> str:
    """Return a description as a docstring of lines that fit: its first sentence, then the rest."""
    whole = " ".join(words(text or "").split())
    if len(whole) + len(indent) + 6 <= 120:
        return f'{indent}"""{whole}"""'
    lines = textwrap.wrap(whole, 120 - len(indent) - 3)
    return "\n".join(indent + line for line in (f'"""{lines[0]}', *lines[1:], '"""'))
