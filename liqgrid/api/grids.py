"""Grids: stored columns of one pair, summed over venues and brought to the rows a client asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

import numpy as np

from liqgrid.api.column_rows import ColumnRow
from liqgrid.api.database import Pool
from liqgrid.api.reads import (
    InstrumentRow,
    largest_first,
    read_column_range,
    read_columns,
    read_newest_close,
    read_pair,
)
from liqgrid.engine.market.arrays import F32, F64, I64
from liqgrid.engine.market.axis import COLUMN_FACTOR, LOG_GROWTH, MAX_PRICE, MIN_PRICE, mid_prices
from liqgrid.engine.market.errors import BadRequest, NotBuilt, RangeTooLarge
from liqgrid.engine.market.instrument import Coin, Pair
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.span import decode_spans

DEFAULT_LAST = 288
MAX_ROWS = 4000
MAX_COLUMNS = 20_000
MAX_CELLS = 2_000_000
# Without a price range, the rows reach this much beyond the lowest low and the highest high.
_DEFAULT_REACH = 0.1
# Columns are brought to rows this many at a time: so much stays near the processor, and a grid of years takes little
# memory beyond its own.
_AT_ONCE = 32


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
    end_ms = request.end_ms
    newest_ms = await read_newest_close(pool, instruments, request.interval, None if end_ms is None else end_ms - 1)
    most = MAX_COLUMNS + 1 if request.start_ms is not None else request.last or DEFAULT_LAST
    first_ms, count = await read_column_range(
        pool, instruments, request.interval, request.start_ms or 0, newest_ms, most
    )
    budget.take(count, request.rows)
    columns = await read_columns(pool, instruments, request.interval, first_ms, newest_ms)
    if not columns:
        raise NotBuilt(
            f"{request.pair} has no {request.interval} column in that range; the newest closes earlier",
            pair=str(request.pair),
            newest_ms=newest_ms,
        )
    # In a thread, so that a large grid keeps nobody else waiting.
    return await asyncio.to_thread(assemble, request, largest_first(instruments, columns), columns)


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


def assemble(request: GridRequest, instruments: list[InstrumentRow], columns: list[ColumnRow]) -> Grid:
    """Return the grid of columns, ascending in time; columns of one time add up over venues."""
    close_ms = np.unique(np.array([column.close_ms for column in columns], dtype=np.int64))  # (T,)
    row_of = {int(ms): t for t, ms in enumerate(close_ms)}
    edges = _row_edges(request, columns)  # (R + 1,)
    coordinates = np.log(edges) / LOG_GROWTH  # (R + 1,) bins
    in_base = request.unit is Unit.BASE
    rows = np.zeros((2, len(close_ms), request.rows))  # (2, T, R)
    totals = np.zeros((2, len(close_ms)))  # (2, T)
    by_venue: dict[int, list[ColumnRow]] = {}
    for column in columns:  # of which a venue has one of a time
        by_venue.setdefault(column.instrument_id, []).append(column)
    for side, own in product(range(2), by_venue.values()):
        for some in (own[begin : begin + _AT_ONCE] for begin in range(0, len(own), _AT_ONCE)):
            at = _slots([row_of[column.close_ms] for column in some])
            first_bin, bins = _bins_of(some, side)
            weights = 1.0 if in_base else mid_prices(first_bin, bins.shape[1])
            reached, amounts, placed = _to_rows(bins, weights, first_bin, coordinates)
            rows[side, at, reached] += amounts
            if in_base:
                totals[side, at] += [column.total_base for column in some]
            else:
                totals[side, at] += placed + [column.unbinned_quote[side] for column in some]
    bars = _bars_of(instruments[0], columns, row_of)  # (6, T)
    pair = request.pair
    return Grid(
        request, instruments, columns, pair.base if in_base else pair.quote, close_ms, edges,
        *rows.astype(np.float32), *totals, *bars,
    )  # fmt: skip


def _slots(times: list[int]) -> slice | list[int]:
    """Return ascending rows of time as a slice where they are together, which spares a copy."""
    return slice(times[0], times[-1] + 1) if times[-1] - times[0] + 1 == len(times) else times


def _bins_of(columns: list[ColumnRow], side: int) -> tuple[int, F32]:
    """Return base units per bin (N, B) of one side of columns, and the first of these bins."""
    spans = [column.span(side) for column in columns]
    first, stop = min(span.first_bin for span in spans), max(span.stop_bin for span in spans)
    codes = np.zeros((len(spans), stop - first), dtype=np.uint16)  # (N, B)
    for row, span in enumerate(spans):
        codes[row, span.first_bin - first : span.stop_bin - first] = np.frombuffer(span.codes, dtype="<u2")
    return first, decode_spans(codes, np.array([span.exponent for span in spans]))


def _to_rows(bins: F32, weights: F64 | float, first_bin: int, coordinates: F64) -> tuple[slice, F64, F64]:
    """Return amounts per bin (N, B) × weights (B,) as amounts per row, nothing lost or made.

    ``coordinates`` (R + 1,) are the rows' edges in bins. A bin that straddles an edge is divided in proportion, that is
    evenly in log price. Returned are the rows that bins reach, amounts in these (N, rows), and totals of all bins (N,).
    """
    count, stop_bin = bins.shape[1], first_bin + bins.shape[1]
    # Bin by bin: zeros before or behind change no bit, so that no amount depends on what else is in an answer.
    running = np.zeros((len(bins), count + 1))  # (N, B + 1)
    np.multiply(bins, weights, out=running[:, 1:])
    np.cumsum(running[:, 1:], axis=1, out=running[:, 1:])
    # From the last edge at or below all bins to the first at or above them; rows beyond are empty.
    begin = max(int(np.searchsorted(coordinates, first_bin, side="right")) - 1, 0)
    end = min(int(np.searchsorted(coordinates, stop_bin)), len(coordinates) - 1)
    if end <= begin or not count:
        return slice(0, 0), np.empty((len(bins), 0)), running[:, -1]
    edges = np.clip(coordinates[begin : end + 1], first_bin, stop_bin)  # (E,)
    whole = np.minimum(np.floor(edges).astype(np.int64), stop_bin - 1)  # (E,)
    below = running.take(whole - first_bin, axis=1)  # (N, E)
    below += (running.take(whole - first_bin + 1, axis=1) - below) * (edges - whole)
    amounts: F64 = np.maximum(np.diff(below, axis=1), 0.0)  # (N, E - 1); rounding may leave -1e-20
    return slice(begin, end), amounts, running[:, -1]


def _row_edges(request: GridRequest, columns: list[ColumnRow]) -> F64:
    low = request.price_low or min(column.low for column in columns) * (1 - _DEFAULT_REACH)
    high = request.price_high or max(column.high for column in columns) * (1 + _DEFAULT_REACH)
    if low >= high:  # one bound was given, and lies beyond everything
        low, high = (low, low * COLUMN_FACTOR) if request.price_low else (high / COLUMN_FACTOR, high)
    return np.geomspace(low, high, request.rows + 1)


def _bars_of(instrument: InstrumentRow, columns: list[ColumnRow], row_of: dict[int, int]) -> F64:
    """Return price, open, high, low, close and volume (6, T) of one instrument's columns, NaN where it has none."""
    bars = np.full((6, len(row_of)), np.nan)
    for column in columns:
        if column.instrument_id == instrument.instrument_id:
            bars[:, row_of[column.close_ms]] = (
                column.price, column.open, column.high, column.low, column.close, column.volume_base,
            )  # fmt: skip
    return bars
