"""Tables of answers, and their bytes as CSV, NDJSON, Arrow or Parquet, piece by piece.

One rule for all forms: ``time`` first, UTC; what is unknown is empty (CSV) or null, never NaN.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import IO, Any, cast

import orjson
import pyarrow as pa
import pyarrow.compute as pc
from graphql import GraphQLEnumType, GraphQLList, GraphQLObjectType, get_named_type, get_nullable_type
from pyarrow import csv, parquet

from liqgrid.api.drain import Drain
from liqgrid.api.rest.formats import Format
from liqgrid.api.rest.projection import fields_of, is_array, page_of, snake

TIME = pa.timestamp("ms", tz="UTC")
_SCALARS: dict[str, pa.DataType] = {
    "Boolean": pa.bool_(),
    "DateTime": TIME,
    "Float": pa.float64(),
    "ID": pa.string(),
    "Int": pa.int64(),
    "String": pa.string(),
}
_ISO = "%Y-%m-%dT%H:%M:%SZ"
_AT_ONCE = 50_000  # rows: of a piece of an answer, and of a row group


def series_table(kind: GraphQLObjectType, answer: Mapping[str, Any]) -> pa.Table:
    """Return a page of a series: its times and columns, the rest as metadata."""
    columns = _arrays(kind, answer)
    columns = {"time": columns.pop("times").cast(TIME), **columns}
    told = {name: str(answer[name]) for name in ("symbol", "interval") if name in answer}
    return pa.table(columns, metadata=told)


def columns_table(kind: GraphQLObjectType, answer: Mapping[str, Any]) -> pa.Table:
    """Return an object of arrays of one length as a table."""
    return pa.table(_arrays(kind, answer))


def _arrays(kind: GraphQLObjectType, answer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        snake(name): pa.array(answer[snake(name)], from_pandas=True)
        for name, field in fields_of(kind).items()
        if is_array(field.type)
    }


def rows_table(kind: Any, rows: list[dict[str, Any]], included: Collection[str]) -> pa.Table:
    """Return objects of a type as rows; objects within become columns, lists are left to JSON.

    ``included`` are the groups of fields that the rows have (``projection.fields_of``).
    """
    columns = dict(_columns(get_named_type(kind), included))
    return pa.table(
        {
            name: pa.array([_at(row, path, data_type) for row in rows], type=data_type)
            for name, (path, data_type) in columns.items()
        }
    )


def _columns(
    kind: GraphQLObjectType, included: Collection[str], path: tuple[str, ...] = ()
) -> Iterator[tuple[str, tuple[tuple[str, ...], Any]]]:
    node = page_of(kind)
    for name, field in fields_of(node or kind, included).items():
        plain, here = get_nullable_type(field.type), (*path, snake(name))
        if isinstance(plain, GraphQLList):
            continue
        if isinstance(plain, GraphQLObjectType):
            yield from _columns(plain, included, here)
        elif isinstance(plain, GraphQLEnumType):
            yield "_".join(here), (here, pa.string())
        elif plain is not None and plain.name in _SCALARS:
            yield "_".join(here), (here, _SCALARS[plain.name])


def _at(row: Any, path: tuple[str, ...], data_type: pa.DataType) -> Any:
    for name in path:
        row = None if row is None else row[name]
    return datetime.fromisoformat(row) if data_type == TIME and row is not None else row


class TableWriter:
    """Bytes of a table that comes in pieces of one schema; each call returns what is ready."""

    def __init__(self, form: Format, schema: pa.Schema) -> None:
        self._drain = Drain()
        self._form = form
        self._sink: Any = None
        match form:
            case Format.CSV:
                told = pa.schema([(field.name, _csv_type(field.type)) for field in schema])
                options = csv.WriteOptions(quoting_style="needed")
                self._sink = csv.CSVWriter(cast("IO[bytes]", self._drain.file), told, write_options=options)
            case Format.ARROW:
                self._sink = pa.ipc.new_stream(self._drain.file, schema)
            case Format.PARQUET:
                self._sink = parquet.ParquetWriter(self._drain.file, schema, compression="zstd")

    def add(self, table: pa.Table) -> bytes:
        """Write a piece."""
        if self._form is Format.NDJSON:
            return _lines(table)
        if self._form is Format.CSV:
            table = _for_csv(table)
        for start in range(0, len(table), _AT_ONCE):
            self._sink.write_table(table.slice(start, _AT_ONCE))
        return self._drain.take()

    def end(self) -> bytes:
        """Write what ends the file."""
        if self._sink is not None:
            self._sink.close()
        return self._drain.take()


def _csv_type(data_type: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_timestamp(data_type) else data_type


def _for_csv(table: pa.Table) -> pa.Table:
    columns = {
        name: _iso(column) if pa.types.is_timestamp(column.type) else column
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
    return pa.table(columns)


def _iso(column: pa.ChunkedArray[Any]) -> pa.Array[Any]:
    """Return times as text; each only once, for a column of a grid has hundreds of rows."""
    encoded: Any = column.combine_chunks().dictionary_encode()
    told: pa.Array[Any] = pc.strftime(encoded.dictionary, format=_ISO).take(encoded.indices)
    return told


def _lines(table: pa.Table) -> bytes:
    """Return a table as JSON, a line a row."""
    names = table.column_names
    columns = [column.to_pylist() for column in _for_csv(table).columns]
    return b"".join(
        orjson.dumps(dict(zip(names, row, strict=True)), option=orjson.OPT_APPEND_NEWLINE)
        for row in zip(*columns, strict=True)
    )


def pieces(form: Format, table: pa.Table) -> Iterator[bytes]:
    """Yield the bytes of a whole table."""
    writer = TableWriter(form, table.schema)
    for start in range(0, max(len(table), 1), _AT_ONCE):
        yield writer.add(table.slice(start, _AT_ONCE))
    yield writer.end()
