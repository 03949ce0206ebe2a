"""GraphQL's questions as paths: JSON of every field, or the rows among them as a table."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pyarrow as pa
from graphql import GraphQLObjectType, get_named_type

from liqgrid.api.encode import to_json
from liqgrid.api.rest.arguments import parameters_of
from liqgrid.api.rest.endpoint import Answer, Asked, Endpoint
from liqgrid.api.rest.formats import Format
from liqgrid.api.rest.json_schema import schema_of
from liqgrid.api.rest.projection import ask, fields_of, page_of, root_field, snake
from liqgrid.api.rest.tables import columns_table, pieces, rows_table, series_table
from liqgrid.engine.market.errors import LiqgridError, UnknownPair

FORMS = (Format.JSON, Format.CSV, Format.NDJSON, Format.ARROW, Format.PARQUET)
ToTable = Callable[[GraphQLObjectType, Any, Collection[str]], pa.Table]


def question(
    path: str, name: str, summary: str, rows: str | None = None, *, columns: str | None = None, of_build: bool = False
) -> Endpoint:
    """Return the path of a question, and what of its answer is a table.

    ``rows`` names a list, ``columns`` an object of arrays of one length; by neither the answer is itself a series.
    """
    to_table: ToTable = _series
    if rows is not None:
        to_table = partial(_rows_of, rows)
    elif columns is not None:
        to_table = partial(_columns_of, columns)
    return Endpoint(
        path=path,
        question=name,
        summary=summary,
        parameters=parameters_of(name, path),
        forms=FORMS,
        answer=partial(_answer, name, to_table),
        json_schema=partial(schema_of, name),
        of_build=of_build,
    )


async def _answer(name: str, to_table: ToTable, asked: Asked) -> Answer:
    found = await ask_in_our_words(name, asked)
    if asked.form is Format.JSON:
        return Answer(await asyncio.to_thread(to_json, found), found.get("next"))
    kind = get_named_type(root_field(name).type)
    assert isinstance(kind, GraphQLObjectType)  # noqa: S101 - every question is answered with objects
    table = to_table(kind, found, asked.included)
    return Answer(await asyncio.to_thread(b"".join, pieces(asked.form, table)), found.get("next"))


async def ask_in_our_words(name: str, asked: Asked) -> dict[str, Any]:
    """Return the answer to a question as an object."""
    with in_our_words(name):
        found = await ask(asked.context, name, asked.values, asked.included)
    if found is None:
        symbol = asked.values["symbol"]  # only the question for one pair has no answer
        raise UnknownPair(f"pair {symbol} is not stored here; /v1/pairs lists those that are", pair=symbol)
    return {"items": found} if isinstance(found, list) else found


@contextmanager
def in_our_words(name: str) -> Iterator[None]:
    """Have a refusal name the parameters of a question as REST does."""
    try:
        yield
    except LiqgridError as error:
        for argument in root_field(name).args:
            error.message = error.message.replace(argument, snake(argument))
        raise


def _series(kind: GraphQLObjectType, answer: dict[str, Any], _included: Collection[str]) -> pa.Table:
    return series_table(kind, answer)


def _rows_of(path: str, kind: Any, answer: dict[str, Any], included: Collection[str]) -> pa.Table:
    """Return a list in an answer as a table, or all lists of one name in a list: ``items.instruments``."""
    rows = [answer]
    for name in path.split("."):
        rows = [row for one in rows for row in one[name]]
        if name != "items":  # which are the answer itself, where it is a list or a page
            within = fields_of(page_of(kind) or kind)
            kind = get_named_type(next(field.type for key, field in within.items() if snake(key) == name))
    return rows_table(kind, rows, included)


def _columns_of(name: str, kind: Any, answer: dict[str, Any], _included: Collection[str]) -> pa.Table:
    """Return arrays of an answer, all of one length, as a table."""
    within = get_named_type(next(field.type for key, field in fields_of(kind).items() if snake(key) == name))
    assert isinstance(within, GraphQLObjectType)  # noqa: S101 - what holds arrays is an object
    return columns_table(within, answer[name])
