"""Whole histories: read a batch at a time by key and written as they come, in memory that does not grow with them.

A batch is a statement of its own: no connection waits for a slow client. Rows that arrive meanwhile and lie after the
batch are in, and none is in twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from graphql import GraphQLObjectType, get_named_type

from liqgrid.api.column_rows import ColumnRow
from liqgrid.api.database import Pool
from liqgrid.api.graphql.series import MAX_SERIES
from liqgrid.api.grids import Unit
from liqgrid.api.reads import InstrumentRow, read_columns, read_newest_close, read_pair
from liqgrid.api.rest.arguments import parameters_of
from liqgrid.api.rest.endpoint import Answer, Asked, Endpoint
from liqgrid.api.rest.formats import Format
from liqgrid.api.rest.projection import root_field
from liqgrid.api.rest.questions import ask_in_our_words
from liqgrid.api.rest.tables import TIME, TableWriter, series_table
from liqgrid.engine.market.axis import edges, mid_prices
from liqgrid.engine.market.errors import BadRequest
from liqgrid.engine.market.instrument import parse_pair
from liqgrid.engine.market.interval import Interval
from liqgrid.sql import queries

FORMS = (Format.NDJSON, Format.CSV, Format.ARROW, Format.PARQUET)
_SQL = queries("api_rest")
_COLUMNS_AT_ONCE = 64  # of up to 2800 bins: a batch is at most 180 000 rows
_PAGED = frozenset({"first", "after"})
_SAMPLED = frozenset({"last", "rows", "price_low", "price_high"})
_END_OF_TIME_MS = 253_402_300_800_000


def series_export(path: str, name: str, summary: str) -> Endpoint:
    """Return the path of a whole series: every page of it, one after another."""
    return Endpoint(
        path=path,
        question=name,
        summary=summary,
        parameters=parameters_of(name, path, without=_PAGED),
        forms=FORMS,
        answer=partial(_series, name),
        streams=True,
    )


def grid_export(path: str) -> Endpoint:
    """Return the path of whole grids, in the engine's own bins."""
    return Endpoint(
        path=path,
        question="grid",
        summary="Every column of a pair in the engine's own price bins, a row for each that is not empty.",
        parameters=parameters_of("grid", path, without=_SAMPLED),
        forms=FORMS,
        answer=_grids,
        streams=True,
    )


async def _series(name: str, asked: Asked) -> Answer:
    kind = get_named_type(root_field(name).type)
    assert isinstance(kind, GraphQLObjectType)  # noqa: S101 - a series is an object
    values = {**asked.values, "first": MAX_SERIES}

    async def tables() -> AsyncIterator[pa.Table]:
        after = None
        while True:
            page = await ask_in_our_words(name, Asked(asked.context, {**values, "after": after}, asked.form))
            yield series_table(kind, page)
            after = page["next"]
            if after is None:
                return
            # Of the instrument it began with, whichever has the largest open interest by then.
            values["venue"], _, values["pair"] = page["symbol"].partition(":")

    return await _streamed(asked.form, tables())


async def _streamed(form: Format, tables: AsyncIterator[pa.Table]) -> Answer:
    """Return tables of one schema, at least one, as a stream.

    The first is read before anything is sent, so that what cannot be asked is refused.
    """
    first = await anext(tables)
    writer = TableWriter(form, first.schema)

    async def pieces() -> AsyncIterator[bytes]:
        yield await asyncio.to_thread(writer.add, first)
        async for table in tables:
            yield await asyncio.to_thread(writer.add, table)
        yield await asyncio.to_thread(writer.end)

    return Answer(pieces())


async def _grids(asked: Asked) -> Answer:
    given: dict[str, Any] = dict(asked.values)
    start_ms, end_ms = (
        otherwise if given[name] is None else round(given[name].timestamp() * 1000)
        for name, otherwise in (("start", 0), ("end", _END_OF_TIME_MS))
    )
    if start_ms >= end_ms:
        raise BadRequest("start must be before end", start_ms=start_ms, end_ms=end_ms)
    interval = Interval(given["interval"])
    instruments = await read_pair(asked.context.pool, parse_pair(given["pair"]), given["venues"])
    await read_newest_close(asked.context.pool, instruments, interval)  # refuses what is not built
    in_base = given["unit"] == Unit.BASE
    batches = _batches(asked.context.pool, instruments, interval, start_ms, end_ms)

    async def tables() -> AsyncIterator[pa.Table]:
        yield _bins_table([], in_base=in_base)
        async for columns in batches:
            yield await asyncio.to_thread(partial(_bins_table, columns, in_base=in_base))

    return await _streamed(asked.form, tables())


async def _batches(
    pool: Pool, instruments: list[InstrumentRow], interval: Interval, start_ms: int, end_ms: int
) -> AsyncIterator[list[ColumnRow]]:
    ids = [row.instrument_id for row in instruments]
    while True:
        last_ms = await pool.fetchval(
            _SQL["column_batch"], ids, str(interval), start_ms, end_ms, _COLUMNS_AT_ONCE
        )  # fmt: skip
        if last_ms is None:
            return
        yield await read_columns(pool, instruments, interval, start_ms, last_ms)
        start_ms = last_ms + 1


def _bins_table(columns: list[ColumnRow], *, in_base: bool) -> pa.Table:
    """Return the bins that hold anything, ascending in time and price, summed over venues."""
    close_ms = np.unique(np.array([column.close_ms for column in columns], dtype=np.int64))  # (T,)
    sides = [side for column in columns for side in column.sides]
    first_bin = min((side.first_bin for side in sides), default=0)
    count = max((side.first_bin + len(side.base) for side in sides), default=0) - first_bin
    amounts = np.zeros((2, len(close_ms), count))  # (2, T, P)
    row_of = {int(ms): t for t, ms in enumerate(close_ms)}
    for column in columns:
        for side_row, side in enumerate(column.sides):
            start = side.first_bin - first_bin
            amounts[side_row, row_of[column.close_ms], start : start + len(side.base)] += side.base
    if not in_base:
        amounts *= mid_prices(first_bin, count)
    time, at = np.nonzero(amounts.sum(axis=0))
    price_edges = edges(first_bin, count)
    return pa.table(
        {
            "time": pa.array(close_ms[time]).cast(TIME),
            "price_low": pa.array(price_edges[at]),
            "price_high": pa.array(price_edges[at + 1]),
            "long": pa.array(amounts[0, time, at]),
            "short": pa.array(amounts[1, time, at]),
        }
    )
