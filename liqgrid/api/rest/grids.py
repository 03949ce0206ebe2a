"""Grids over REST: JSON as GraphQL has it, cells as a table, and a picture."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from liqgrid.api.encode import to_json
from liqgrid.api.grids import Grid, GridRequest, Unit, load_grid
from liqgrid.api.rest.arguments import parameters_of
from liqgrid.api.rest.endpoint import Answer, Asked, Endpoint
from liqgrid.api.rest.formats import Format
from liqgrid.api.rest.json_schema import schema_of
from liqgrid.api.rest.pictures import Pictures
from liqgrid.api.rest.questions import FORMS, ask_in_our_words, in_our_words
from liqgrid.api.rest.tables import TIME, pieces
from liqgrid.engine.market.instrument import parse_pair_or_coin
from liqgrid.engine.market.interval import Interval

PATH = "/v1/grids/{pair}"


def grid_endpoint(pictures: Pictures) -> Endpoint:
    """Return the path of grids; ``pictures`` draws them."""
    return Endpoint(
        path=PATH,
        question="grid",
        summary="The heatmap: liquidation levels over time and price. A table has a row for every cell that is not "
        "empty; a picture is drawn of both sides together.",
        parameters=parameters_of("grid", PATH),
        forms=(*FORMS, Format.PNG),
        answer=partial(_answer, pictures),
        json_schema=partial(schema_of, "grid"),
        of_build=True,
    )


async def _answer(pictures: Pictures, asked: Asked) -> Answer:
    if asked.form is Format.JSON:
        return Answer(await asyncio.to_thread(to_json, await ask_in_our_words("grid", asked)))
    if asked.form is Format.PNG:
        return Answer(await pictures.of(asked.tag, partial(_load, asked)))
    grid = await _load(asked)
    return Answer(pieces(asked.form, await asyncio.to_thread(cells_table, grid)))


async def _load(asked: Asked) -> Grid:
    given: dict[str, Any] = dict(asked.values)
    start, end = (None if given[name] is None else round(given[name].timestamp() * 1000) for name in ("start", "end"))
    request = GridRequest(
        parse_pair_or_coin(given["pair"]), Interval(given["interval"]), start, end, given["last"], given["venues"],
        given["price_low"], given["price_high"], given["rows"], Unit(given["unit"]),
    )  # fmt: skip
    with in_our_words("grid"):
        return await load_grid(asked.context.pool, request, asked.context.budget)


def cells_table(grid: Grid) -> pa.Table:
    """Return the cells that are not empty, ascending in time and price."""
    time, row = np.nonzero(grid.long + grid.short > 0)
    columns = {
        "time": pa.array(grid.close_ms[time]).cast(TIME),
        "price_low": pa.array(grid.price_edges[row]),
        "price_high": pa.array(grid.price_edges[row + 1]),
        "long": pa.array(grid.long[time, row]),
        "short": pa.array(grid.short[time, row]),
    }
    told = {"pair": str(grid.request.pair), "interval": str(grid.request.interval), "unit": grid.unit}
    return pa.table(columns, metadata=told)
