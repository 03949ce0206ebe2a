"""Grids: stored columns of one pair, summed over venues and brought to the rows a client asked for."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby, product

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
from liqgrid.engine.market.span import CODE_BYTES, decode_spans

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
    in_base = request.unit is Unit.BASE
    first, stop = _reach(columns)
    # No bin is looked at that no column reaches: a client may ask for prices between 1e-9 and 1e9.
    coordinates = np.clip(np.log(edges) / LOG_GROWTH, first, stop)  # (R + 1,) bins
    first_bin = math.floor(coordinates[0])
    bins = max(math.ceil(coordinates[-1]) - first_bin, 1)
    weights = np.ones(bins) if in_base else mid_prices(first_bin, bins)  # (P,)
    rows = np.empty((2, len(close_ms), request.rows), dtype=np.float32)  # (2, T, R)
    totals = np.zeros((2, len(close_ms)))  # (2, T)
    for begin, some in groupby(columns, lambda column: row_of[column.close_ms] // _AT_ONCE * _AT_ONCE):
        end = min(begin + _AT_ONCE, len(close_ms))
        sides = _placed(list(some), row_of, begin, end, first_bin, bins, None if in_base else totals)
        sides *= weights
        rows[:, begin:end] = _to_rows(sides, coordinates - first_bin)
    if in_base:
        for column in columns:
            totals[:, row_of[column.close_ms]] += column.total_base
    bars = _bars_of(instruments[0], columns, row_of)  # (6, T)
    pair = request.pair
    return Grid(
        request, instruments, columns, pair.base if in_base else pair.quote, close_ms, edges,
        rows[0], rows[1], totals[0], totals[1], *bars,
    )  # fmt: skip


def _reach(columns: list[ColumnRow]) -> tuple[int, int]:
    """Return the first bin that some column has, and the one after the last; columns may be many."""
    first = min(min(column.long_first_bin, column.short_first_bin) for column in columns)
    longs = max(column.long_first_bin + len(column.long_codes) // CODE_BYTES for column in columns)
    shorts = max(column.short_first_bin + len(column.short_codes) // CODE_BYTES for column in columns)
    return first, max(longs, shorts)


def _placed(
    columns: list[ColumnRow],
    row_of: dict[int, int],
    begin: int,
    end: int,
    first_bin: int,
    bins: int,
    totals_quote: F64 | None,
) -> F64:
    """Return base units (2, end - begin, bins) of columns, those of one time added.

    Their whole notional, also what lies in other bins or in none, is added to ``totals_quote`` (2, T).
    """
    sides = np.zeros((2, end - begin, bins))  # (2, ≤ _AT_ONCE, P)
    by_venue: dict[int, list[ColumnRow]] = {}
    for column in columns:  # of which a venue has one of a time
        by_venue.setdefault(column.instrument_id, []).append(column)
    for side, own in product(range(2), by_venue.values()):
        times = [row_of[column.close_ms] for column in own]
        spans = [column.span(side) for column in own]
        first, stop = min(span.first_bin for span in spans), max(span.stop_bin for span in spans)
        codes = np.zeros((len(spans), stop - first), dtype=np.uint16)  # (N, B)
        for row, span in enumerate(spans):
            codes[row, span.first_bin - first : span.stop_bin - first] = np.frombuffer(span.codes, dtype="<u2")
        base = decode_spans(codes, np.array([span.exponent for span in spans])).astype(np.float64)  # (N, B)
        start, until = max(first, first_bin), min(stop, first_bin + bins)
        if start < until:
            here = slice(start - first_bin, until - first_bin)
            together = times[-1] - times[0] + 1 == len(times)  # nearly always; then nothing is copied twice
            at = slice(times[0] - begin, times[-1] - begin + 1) if together else np.array(times) - begin
            sides[side, at, here] += base[:, start - first : until - first]
        if totals_quote is not None:
            mids = mid_prices(first, stop - first)  # (B,)
            for row, (t, column, span) in enumerate(zip(times, own, spans, strict=True)):
                # Each over its own bins, so that a total does not depend on what else is in the answer.
                within = slice(span.first_bin - first, span.stop_bin - first)
                totals_quote[side, t] += float(mids[within] @ base[row, within]) + column.unbinned_quote[side]
    return sides


def _row_edges(request: GridRequest, columns: list[ColumnRow]) -> F64:
    low = request.price_low or min(column.low for column in columns) * (1 - _DEFAULT_REACH)
    high = request.price_high or max(column.high for column in columns) * (1 + _DEFAULT_REACH)
    if low >= high:  # one bound was given, and lies beyond everything
        low, high = (low, low * COLUMN_FACTOR) if request.price_low else (high / COLUMN_FACTOR, high)
    return np.geomspace(low, high, request.rows + 1)


def _to_rows(sides: F64, positions: F64) -> F64:
    """Return amounts per bin (2, T, P) as amounts per row (2, T, R), nothing lost or made.

    ``positions`` (R + 1,) are the rows' edges in bins from the first. A bin that straddles an edge is divided in
    proportion, that is evenly in log price.
    """
    running = np.zeros((*sides.shape[:2], sides.shape[2] + 1))  # (2, T, P + 1)
    np.cumsum(sides, axis=2, out=running[:, :, 1:])
    whole = np.clip(np.floor(positions).astype(np.int64), 0, sides.shape[2] - 1)  # (R + 1,)
    below = running[:, :, whole]  # (2, T, R + 1)
    below += (running[:, :, whole + 1] - below) * (positions - whole)
    rows: F64 = np.maximum(np.diff(below, axis=2), 0.0)  # (2, T, R); rounding may leave -1e-20
    return rows


def _bars_of(instrument: InstrumentRow, columns: list[ColumnRow], row_of: dict[int, int]) -> F64:
    """Return price, open, high, low, close and volume (6, T) of one instrument's columns, NaN where it has none."""
    bars = np.full((6, len(row_of)), np.nan)
    for column in columns:
        if column.instrument_id == instrument.instrument_id:
            bars[:, row_of[column.close_ms]] = (
                column.price, column.open, column.high, column.low, column.close, column.volume_base,
            )  # fmt: skip
    return bars
