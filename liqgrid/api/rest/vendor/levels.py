"""Modelled levels in the vendor's shapes: heatmaps, maps and max pain."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np

from liqgrid.api.column_rows import ColumnRow
from liqgrid.api.database import Pool
from liqgrid.api.grids import MAX_COLUMNS, Budget, Grid, GridRequest, load_within
from liqgrid.api.profiles import clusters_within, sum_columns
from liqgrid.api.reads import Extent, InstrumentRow, largest_first, read_columns, read_extent
from liqgrid.api.rest.vendor.ranges import Span, span_of
from liqgrid.engine.market.errors import NotBuilt
from liqgrid.engine.market.instrument import Side, parse_pair
from liqgrid.sql import queries

_SQL = queries("api_rest")
# The three models are one grid of ours in more and more rows.
MODEL_ROWS = {"model1": 130, "model2": 260, "model3": 390}
_MAP_ROWS = 400
_REACH = 0.1  # beyond the range's lowest low and highest high, as a grid's rows do


async def heatmap(pool: Pool, instruments: list[InstrumentRow], named: str, rows: int) -> dict[str, Any]:
    """Return a range of columns, both sides together in quote currency."""
    grid = await _grid(pool, instruments, await span_of(pool, instruments, named), rows)
    return await asyncio.to_thread(_to_heatmap, grid)


async def price_map(pool: Pool, instruments: list[InstrumentRow], named: str) -> dict[str, Any]:
    """Return the newest column within the prices of a range, both sides together in quote currency."""
    grid = await _grid(pool, instruments, await span_of(pool, instruments, named), _MAP_ROWS)
    amounts = grid.long[-1].astype(np.float64) + grid.short[-1]  # (R,)
    prices = [float(f"{price:.6g}") for price in _middle(grid)]
    levels = {
        f"{price:.10g}": [[price, round(float(amount), 2), None, None]]
        for price, amount in zip(prices, amounts, strict=True)
        if amount >= 0.01
    }
    return {"data": levels}


async def max_pain(pool: Pool, instruments: list[InstrumentRow], named: str) -> dict[str, Any] | None:
    """Return the largest cluster above and below the price within the prices of a range; None without a grid.

    The vendor's published example has ``long_…`` above the price and ``short_…`` below, so that is what its clients
    expect: not the side that is liquidated there, but the way the price goes.
    """
    try:
        span = await span_of(pool, instruments, named)
    except NotBuilt:
        return None
    columns = await read_columns(pool, instruments, span.interval, span.newest_ms, span.newest_ms)
    if not columns:
        return None
    ordered = largest_first(instruments, columns)
    profile = sum_columns(parse_pair(ordered[0].pair), span.interval, ordered, columns)
    within = await _reach(pool, instruments, span, profile.price)
    answer: dict[str, Any] = {"symbol": ordered[0].coin, "price": profile.price}
    for name, side in (("long", Side.SHORT), ("short", Side.LONG)):
        found = clusters_within(profile, side, within)
        answer[f"{name}_max_pain_liq_level"] = round(found[0].notional_quote, 2) if found else 0
        answer[f"{name}_max_pain_liq_price"] = float(f"{found[0].peak_price:.8g}") if found else profile.price
    return answer


async def _reach(pool: Pool, instruments: list[InstrumentRow], span: Span, price: float) -> float:
    """Return how far from the price a range's rows reach, a fraction up to 1."""
    extent = await _extent(pool, instruments, span)
    return min(max(extent.high * (1 + _REACH) / price - 1, 1 - extent.low * (1 - _REACH) / price), 1)


async def _extent(pool: Pool, instruments: list[InstrumentRow], span: Span) -> Extent:
    most = MAX_COLUMNS + 1
    extent = await read_extent(pool, instruments, span.interval, span.first_ms, span.newest_ms, most)
    if extent is None:
        raise NotBuilt("these columns were just replaced by a newer build; ask again")
    return extent


async def _grid(pool: Pool, instruments: list[InstrumentRow], span: Span, rows: int) -> Grid:
    request = GridRequest(parse_pair(instruments[0].pair), span.interval, rows=rows)
    return await load_within(pool, request, instruments, await _extent(pool, instruments, span), Budget())


def _middle(grid: Grid) -> list[float]:
    """Return the geometric middle of each price row."""
    return [float(price) for price in np.sqrt(grid.price_edges[1:] * grid.price_edges[:-1])]


def _to_heatmap(grid: Grid) -> dict[str, Any]:
    amounts = grid.long + grid.short  # (T, R)
    x, y = np.nonzero(amounts >= 0.01)
    values = np.round(amounts[x, y].astype(np.float64), 2)
    return {
        "y_axis": [float(f"{price:.8g}") for price in _middle(grid)],
        "liquidation_leverage_data": [list(cell) for cell in zip(x.tolist(), y.tolist(), values.tolist(), strict=True)],
        "price_candlesticks": _bars(grid),
        "update_time": int(grid.close_ms[-1]),
    }


def _bars(grid: Grid) -> list[list[Any]]:
    """Return a bar for every column: of the venue with the largest open interest that has one."""
    order = {row.instrument_id: rank for rank, row in enumerate(grid.instruments)}
    bar_of: dict[int, ColumnRow] = {}
    for column in grid.columns:
        there = bar_of.get(column.close_ms)
        if there is None or order[column.instrument_id] < order[there.instrument_id]:
            bar_of[column.close_ms] = column
    length_ms = grid.request.interval.ms
    return [
        [
            (int(ms) - length_ms) // 1000,
            *(f"{price:.10g}" for price in (bar.open, bar.high, bar.low, bar.close)),
            f"{(bar.volume_base or 0) * bar.close:.4f}",
        ]
        for ms in grid.close_ms
        for bar in [bar_of[int(ms)]]
    ]
