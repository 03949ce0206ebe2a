"""Grids: stored columns of one pair, summed over venues and brought to the rows a client asked for."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from liqgrid.api.column_rows import SPAN_OF, ColumnRow
from liqgrid.api.database import Pool
from liqgrid.api.reads import (
    Extent,
    InstrumentRow,
    largest_first,
    read_columns,
    read_extent,
    read_newest_close,
    read_pair,
)
from liqgrid.engine.market.arrays import F32, F64, I64
from liqgrid.engine.market.axis import COLUMN_FACTOR, LOG_GROWTH, MAX_PRICE, MIN_PRICE
from liqgrid.engine.market.errors import BadRequest, NotBuilt, RangeTooLarge
from liqgrid.engine.market.instrument import Coin, Pair
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.model.rows import joined, to_rows

DEFAULT_LAST = 288
MAX_ROWS = 4000
MAX_COLUMNS = 20_000
MAX_CELLS = 2_000_000
# Without a price range, the rows reach this much beyond the lowest low and the highest high.
_DEFAULT_REACH = 0.1


class Unit(StrEnum):
    """What amounts are counted in."""

    QUOTE = "quote"
    BASE = "base"


@dataclass(frozen=True, slots=True)
class GridRequest:
    """A question for a grid: columns that close in [start_ms, end_ms), or the ``last`` of them, in ``rows`` rows."""

    pair: Pair | Coin
    interval: Interval
    start_ms: int | None = None
    end_ms: int | None = None
    last: int | None = None
    venues: Sequence[str] | None = None
    price_low: float | None = None
    price_high: float | None = None
    rows: int = 300
    unit: Unit = Unit.QUOTE


@dataclass(frozen=True, slots=True)
class Grid:
    """A grid (T, R): outstanding amounts per column and price row, ``unit`` being a currency.

    ``price_edges`` (R + 1,) ascending, geometric; ``long``, ``short`` (T, R) in ``unit``; totals (T,) of the whole
    book. The bars are those of ``instruments[0]``, the venue with the largest open interest; NaN where it has no
    column. ``columns`` are the stored columns the grid is made of.
    """

    request: GridRequest
    instruments: list[InstrumentRow]
    columns: list[ColumnRow]
    unit: str
    close_ms: I64
    price_edges: F64
    long: F32
    short: F32
    long_total: F64
    short_total: F64
    price: F64
    open: F64
    high: F64
    low: F64
    close: F64
    volume_base: F64

    @property
    def venues(self) -> list[str]:
        """Venues summed, largest open interest first."""
        return [row.venue for row in self.instruments]


@dataclass(slots=True)
class Budget:
    """What one request may still be answered with, over all its grids."""

    columns: int = MAX_COLUMNS
    cells: int = MAX_CELLS

    def take(self, columns: int, rows: int) -> None:
        """Count a grid against the budget.

        Raises
        ------
        RangeTooLarge
            If it is more than is left.
        """
        self.columns -= columns
        self.cells -= columns * rows
        if self.columns < 0 or self.cells < 0:
            raise RangeTooLarge(
                f"the answer would have {columns} columns of {rows} rows, beside what else was asked for; one request "
                f"is answered with at most {MAX_COLUMNS} columns and {MAX_CELLS} cells: shorten the range, take a "
                "coarser interval or fewer rows",
                columns=columns,
                rows=rows,
            )


async def load_grid(pool: Pool, request: GridRequest, budget: Budget) -> Grid:
    """Return the grid asked for.

    Raises
    ------
    UnknownPair, BadRequest, NotBuilt, RangeTooLarge
        Each says what to ask instead.
    """
    check_request(request)
    instruments = await read_pair(pool, request.pair, request.venues)
    first_ms, until_ms = request.start_ms or 0, None if request.end_ms is None else request.end_ms - 1
    last = (request.last or DEFAULT_LAST) if request.start_ms is None else MAX_COLUMNS + 1
    extent = await read_extent(pool, instruments, request.interval, first_ms, until_ms, last)
    if extent is None:
        newest_ms = await read_newest_close(pool, instruments, request.interval, until_ms)
        raise NotBuilt(
            f"{request.pair} has no {request.interval} column in that range; the newest closes earlier",
            pair=str(request.pair),
            newest_ms=newest_ms,
        )
    return await load_within(pool, request, instruments, extent, budget)


async def load_within(
    pool: Pool, request: GridRequest, instruments: list[InstrumentRow], extent: Extent, budget: Budget
) -> Grid:
    """Return the grid of all columns of an extent.

    Raises
    ------
    RangeTooLarge
        If the budget has not that much left.
    NotBuilt
        If the columns have gone.
    """
    budget.take(extent.columns, request.rows)
    edges = row_edges(request, extent.low, extent.high)
    bins = (math.floor(np.log(edges[0]) / LOG_GROWTH), math.floor(np.log(edges[-1]) / LOG_GROWTH) + 1)
    columns = await read_columns(pool, instruments, request.interval, extent.first_ms, extent.last_ms, bins)
    if not columns:
        raise NotBuilt("these columns were just replaced by a newer build; ask again")
    # In a thread, so that a large grid keeps nobody else waiting.
    return await asyncio.to_thread(assemble, request, largest_first(instruments, columns), columns, edges)


def check_request(request: GridRequest) -> None:
    """Raise unless a grid can be made as it was asked for."""
    low, high = request.price_low, request.price_high
    if not 1 <= request.rows <= MAX_ROWS:
        raise BadRequest(f"rows was {request.rows}; it must be 1 to {MAX_ROWS}", rows=request.rows)
    if request.last is not None and not 1 <= request.last <= MAX_COLUMNS:
        raise BadRequest(f"last was {request.last}; it must be 1 to {MAX_COLUMNS}", last=request.last)
    if request.last is not None and request.start_ms is not None:
        raise BadRequest("give start or last, not both; end goes with either")
    if request.start_ms is not None and request.end_ms is not None and request.start_ms >= request.end_ms:
        raise BadRequest("start must be before end", start_ms=request.start_ms, end_ms=request.end_ms)
    for name, price in (("priceLow", low), ("priceHigh", high)):
        if price is not None and not MIN_PRICE <= price <= MAX_PRICE:
            raise BadRequest(f"{name} was {price!r}; it must be within {MIN_PRICE:g} and {MAX_PRICE:g}")
    if low is not None and high is not None and low >= high:
        raise BadRequest(f"priceLow was {low:g}, which is not below priceHigh {high:g}")


def assemble(request: GridRequest, instruments: list[InstrumentRow], columns: list[ColumnRow], edges: F64) -> Grid:
    """Return the grid of columns, ascending in time, in rows between ``edges`` (R + 1,).

    Columns of one time add up over venues. They have all bins between the outermost edges; others do not matter.
    """
    close_ms, places = np.unique(np.array([column.close_ms for column in columns]), return_inverse=True)  # (T,), (N,)
    coordinates = np.log(edges) / LOG_GROWTH  # (R + 1,) bins
    valued = request.unit is Unit.QUOTE
    rows = np.empty((2, len(close_ms), len(edges) - 1), dtype=np.float32)  # (2, T, R)
    totals = np.empty((2, len(close_ms)))  # (2, T)
    for side in range(2):
        spans = joined(*zip(*map(SPAN_OF[side], columns), strict=True))
        rows[side] = to_rows(spans, places, len(close_ms), coordinates, valued=valued)
        whole = [column.total_quote[side] if valued else column.total_base for column in columns]
        totals[side] = np.bincount(places, whole)
    bars = _bars_of(instruments[0], columns, places, len(close_ms))  # (6, T)
    pair = request.pair
    return Grid(
        request, instruments, columns, pair.quote if valued else pair.base, close_ms, edges, *rows, *totals, *bars
    )


def row_edges(request: GridRequest, lowest: float, highest: float) -> F64:
    """Return the edges of the rows asked for, columns' prices being between two."""
    low = request.price_low or lowest * (1 - _DEFAULT_REACH)
    high = request.price_high or highest * (1 + _DEFAULT_REACH)
    if low >= high:  # one bound was given, and lies beyond everything
        low, high = (low, low * COLUMN_FACTOR) if request.price_low else (high / COLUMN_FACTOR, high)
    return np.geomspace(low, high, request.rows + 1)


def _bars_of(instrument: InstrumentRow, columns: list[ColumnRow], places: I64, count: int) -> F64:
    """Return price, open, high, low, close and volume (6, T) of one instrument's columns, NaN where it has none."""
    own = [
        (place, (column.price, column.open, column.high, column.low, column.close, column.volume_base))
        for place, column in zip(places, columns, strict=True)
        if column.instrument_id == instrument.instrument_id
    ]
    bars = np.full((6, count), np.nan)
    if own:
        at, told = zip(*own, strict=True)
        bars[:, at] = np.array(told, dtype=np.float64).T
    return bars
