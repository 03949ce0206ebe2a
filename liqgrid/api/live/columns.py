"""Grid columns as they are built, from a position on."""

from __future__ import annotations

import asyncio
import hashlib
import math
import re
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np

from liqgrid.api.column_rows import ColumnRow
from liqgrid.api.database import Pool
from liqgrid.api.grids import Grid, GridRequest, assemble, check_request
from liqgrid.api.live.following import Batch
from liqgrid.api.reads import InstrumentRow, largest_first, read_columns, read_newest_close, read_pair
from liqgrid.engine.market.errors import BadRequest, CursorTooOld
from liqgrid.engine.market.interval import Interval
from liqgrid.sql import queries

MAX_WAITING = 500
_BATCH = 16
_SQL = queries("api_live")
# Where no prices are asked for, rows lie within this factor of the price a stream begins at, rounded to steps so that
# streams that begin together have the same.
_REACH_FACTOR = 1.25
_STEP = math.log(1.02)
_NUMBER = r"\d{1,18}"
_PRICE = r"[0-9.e+-]{1,30}"
_TEXT = re.compile(
    rf"columns:([0-9a-f]{{16}}):({_NUMBER}):({_NUMBER}):({_NUMBER}):({_PRICE}):({_PRICE}):((?:{_NUMBER}=-?{_NUMBER},?)*)",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class ColumnPosition:
    """How far a stream is.

    Everything that closes in [since_ms, close_ms] was sent as the builds up to ``builds`` (instrument, build) made it;
    ``newest_ms`` is the latest close ever sent, 0 before the first. The price range is that of all its rows.
    """

    close_ms: int
    newest_ms: int
    since_ms: int
    price_low: float
    price_high: float
    builds: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class ColumnEvent:
    """One column of a pair: a grid of one column, and whether one of its time was sent before."""

    grid: Grid
    replaces: bool


def column_text(request: GridRequest, position: ColumnPosition) -> str:
    """Return a position as text."""
    builds = ",".join(f"{instrument_id}={build_id}" for instrument_id, build_id in position.builds)
    return (
        f"columns:{_digest(request)}:{position.close_ms}:{position.newest_ms}:{position.since_ms}:"
        f"{position.price_low!r}:{position.price_high!r}:{builds}"
    )


def column_position(request: GridRequest, text: str) -> ColumnPosition:
    """Return the position that a text of this subscription stands for.

    Raises
    ------
    BadRequest
        If it is none, or one of another pair, interval, set of venues or price range.
    """
    match = _TEXT.fullmatch(text)
    if match is None or match[1] != _digest(request):
        raise BadRequest(
            "after is no cursor of this pair, interval, venues and price range; leave it out to begin anew"
        )
    try:
        low, high = float(match[5]), float(match[6])
    except ValueError:
        low, high = math.nan, math.nan
    if not 0 < low < high < math.inf:
        raise BadRequest("after is no cursor of this server; leave it out to begin anew")
    pairs = [one.split("=") for one in match[7].split(",") if one]
    builds = tuple(sorted((int(instrument_id), int(build_id)) for instrument_id, build_id in pairs))
    if any(instrument_id > 2**31 - 1 for instrument_id, _ in builds) or max(map(int, match.group(2, 3, 4))) > 10**15:
        raise BadRequest("after is no cursor of this server; leave it out to begin anew")
    return ColumnPosition(int(match[2]), int(match[3]), int(match[4]), low, high, builds)


def _digest(request: GridRequest) -> str:
    venues = None if request.venues is None else sorted(request.venues)
    what = (str(request.pair), str(request.interval), venues, request.price_low, request.price_high)
    return hashlib.sha256(repr(what).encode()).hexdigest()[:16]


async def begin_columns(pool: Pool, request: GridRequest) -> tuple[list[InstrumentRow], ColumnPosition]:
    """Return the instruments followed, and the position before the newest column.

    Raises
    ------
    UnknownPair, BadRequest, NotBuilt
        Each says what to ask instead.
    """
    instruments = await followed(pool, request)
    close_ms = await read_newest_close(pool, instruments, request.interval)
    low, high = request.price_low, request.price_high
    if low is None or high is None:
        columns = await read_columns(pool, instruments, request.interval, close_ms, close_ms)
        price = largest_price(instruments, columns) if columns else 1.0
        middle = math.exp(round(math.log(price) / _STEP) * _STEP)
        low = middle / _REACH_FACTOR if low is None else low
        high = middle * _REACH_FACTOR if high is None else high
    if low >= high:
        raise BadRequest(f"the rows would lie between {low:g} and {high:g}; give priceLow and priceHigh, ascending")
    return instruments, ColumnPosition(close_ms - 1, 0, close_ms, low, high, ())


async def followed(pool: Pool, request: GridRequest) -> list[InstrumentRow]:
    """Return the instruments of a request that can be answered."""
    check_request(request)
    return await read_pair(pool, request.pair, request.venues)


def largest_price(instruments: list[InstrumentRow], columns: list[ColumnRow]) -> float:
    """Return the price of the instrument with the largest open interest in columns of one time."""
    leading = largest_first(instruments, columns)[0].instrument_id
    return next(column.price for column in columns if column.instrument_id == leading)


async def read_columns_since(
    pool: Pool, request: GridRequest, position: ColumnPosition
) -> Batch[ColumnEvent, ColumnPosition]:
    """Return the first columns that are new since a position.

    Raises
    ------
    CursorTooOld
        If what came after the position is no longer stored.
    """
    ids, builds = [one for one, _ in position.builds], [build_id for _, build_id in position.builds]
    rows = await pool.fetch(
        _SQL["columns_since"], str(request.pair), request.venues, str(request.interval), ids, builds,
        position.close_ms, position.since_ms, MAX_WAITING, _BATCH,
    )  # fmt: skip
    if not rows:
        return Batch([], 0)
    if position.newest_ms and not rows[0]["reaches_back"]:
        raise CursorTooOld(
            "what came after the cursor is no longer stored; take `grid`, then subscribe without `after`"
        )
    waiting = rows[0]["waiting"]
    if waiting > MAX_WAITING:
        return Batch([], waiting)
    return Batch(await asyncio.to_thread(_events, request, position, [dict(row) for row in rows]), waiting)


def _events(
    request: GridRequest, position: ColumnPosition, rows: list[dict[str, Any]]
) -> list[tuple[ColumnEvent, ColumnPosition]]:
    edges = np.geomspace(position.price_low, position.price_high, request.rows + 1)
    events = []
    for close_ms, together in groupby(rows, key=lambda row: int(row["close_ms"])):
        instruments, columns = [], []
        for row in together:
            instruments.append(_instrument(row))
            columns.append(_column(row))
        grid = assemble(request, largest_first(instruments, columns), columns, edges)
        replaces = close_ms <= position.newest_ms
        newest = {**dict(position.builds)}
        for column in columns:
            newest[column.instrument_id] = max(newest.get(column.instrument_id, -1), column.build_id)
        # A build that wrote an earlier column anew wrote all after it anew as well: the stream goes back to there.
        position = replace(
            position,
            close_ms=close_ms,
            newest_ms=max(position.newest_ms, close_ms),
            builds=tuple(sorted(newest.items())),
        )
        events.append((ColumnEvent(grid, replaces), position))
    return events


def _column(row: dict[str, Any]) -> ColumnRow:
    codes = {f"{side}_codes": row.pop(side) for side in ("long", "short")}
    return ColumnRow(**row, **codes)


def _instrument(row: dict[str, Any]) -> InstrumentRow:
    """Return what a column's row says of its instrument."""
    names = ("venue", "pair", "coin", "quote", "simulated")
    venue, pair, coin, quote, simulated = (row.pop(name) for name in names)
    for name in ("waiting", "reaches_back"):
        del row[name]
    return InstrumentRow(
        row["instrument_id"], venue, pair, coin, quote, row["open_interest_base"], None, None, None, None, None, None,
        simulated,
    )  # fmt: skip


def asked_columns(request: GridRequest) -> tuple[object, ...]:
    """Return what tells one stream of columns from another, beside its position."""
    venues = None if request.venues is None else tuple(sorted(request.venues))
    return ("columns", request.pair, Interval(request.interval), venues, request.rows, request.unit)
