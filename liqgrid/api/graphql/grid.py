"""The grid as GraphQL: dense data travels packed, never as objects."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import strawberry
from strawberry.scalars import JSON

from liqgrid.api.graphql.context import Info
from liqgrid.api.graphql.coverage import Coverage, ModelInfo, coverage_of, model_info
from liqgrid.api.graphql.scalars import PackedArray, packed, time_of
from liqgrid.api.grids import Grid as GridArrays
from liqgrid.engine.market.errors import RangeTooLarge
from liqgrid.engine.market.interval import Interval

MAX_SPARSE_CELLS = 100_000
_LARGEST = float(np.finfo(np.float32).max)  # of what a cell can hold
_PERCENTS = (50.0, 75.0, 90.0, 95.0, 99.0, 99.7)


@strawberry.type(description="Bars of the grid's columns: those of the instrument with the largest open interest.")
class PackedBars:
    open: PackedArray = strawberry.field(description="float64 [T], quote per base; NaN where there is none.")
    high: PackedArray = strawberry.field(description="float64 [T], quote per base.")
    low: PackedArray = strawberry.field(description="float64 [T], quote per base.")
    close: PackedArray = strawberry.field(description="float64 [T], last price at the close, quote per base.")
    volume: PackedArray = strawberry.field(description="float64 [T], base units.")
    price: PackedArray = strawberry.field(
        description="float64 [T], the price sides are held against: mark price where stored, else the close."
    )


@strawberry.type(description="A percentile of the grid's non-empty cells (long and short together).")
class Percentile:
    percent: float = strawberry.field(description="50 to 99.7.")
    value: float = strawberry.field(description="Amount in the grid's unit; 0 for a grid without cells.")


@strawberry.type(
    description="Modelled liquidation levels over time × price: how much of the open interest would be force-closed at "
    "which price, longs and shorts apart. An estimate (docs/model.md), not observed positions."
)
class Grid:
    data: strawberry.Private[GridArrays]

    @strawberry.field(description="Pair, for example BTC-USDT, or coin, for example BTC.")
    def pair(self) -> str:
        return str(self.data.request.pair)

    @strawberry.field(description="Step between columns.")
    def interval(self) -> Interval:
        return self.data.request.interval

    @strawberry.field(description="Close time of the newest column; nothing stamped later is in the answer.")
    def as_of(self) -> datetime:
        return time_of(int(self.data.close_ms[-1]))

    @strawberry.field(
        description='Currency of all amounts, for example "USDT" or "BTC"; notionals of a coin are "USD".'
    )
    def unit(self) -> str:
        return self.data.unit

    @strawberry.field(description="int64 [T]: close time of each column, epoch milliseconds, ascending.")
    def times(self) -> PackedArray:
        return packed(self.data.close_ms)

    @strawberry.field(description="float64 [rows + 1]: edges of the price rows, ascending, geometric.")
    def price_edges(self) -> PackedArray:
        return packed(self.data.price_edges)

    @strawberry.field(description="float32 [T, rows]: longs by liquidation price, in unit.")
    def long(self) -> PackedArray:
        return packed(self.data.long)

    @strawberry.field(description="float32 [T, rows]: shorts by liquidation price, in unit.")
    def short(self) -> PackedArray:
        return packed(self.data.short)

    @strawberry.field(description="float64 [T]: all longs, also what lies outside the rows or has no known entry.")
    def long_total(self) -> PackedArray:
        return packed(self.data.long_total)

    @strawberry.field(description="float64 [T]: all shorts; equal to longTotal in base units.")
    def short_total(self) -> PackedArray:
        return packed(self.data.short_total)

    @strawberry.field(
        description="The cells with long + short of at least `minimum` (default: every cell that is not empty), "
        "columnar: {time: [...], row: [...], long: [...], short: [...]}; time and row are indices. At most 100 000."
    )
    def cells(self, minimum: float | None = None) -> JSON:
        both = self.data.long + self.data.short  # (T, R)
        wanted = both >= min(minimum, _LARGEST) if minimum is not None and minimum > 0 else both > 0
        time, row = np.nonzero(wanted)
        if len(time) > MAX_SPARSE_CELLS:
            raise RangeTooLarge(
                f"{len(time)} cells match; at most {MAX_SPARSE_CELLS} are served this way: raise `minimum`, or take "
                "the packed `long` and `short`",
                cells=len(time),
            )
        long, short = self.data.long[time, row], self.data.short[time, row]
        columns = {"time": time, "row": row, "long": long, "short": short}
        return JSON({name: np.ascontiguousarray(values) for name, values in columns.items()})

    @strawberry.field(description="Bars of the columns.")
    def bars(self) -> PackedBars:
        data = self.data
        return PackedBars(
            open=packed(data.open),
            high=packed(data.high),
            low=packed(data.low),
            close=packed(data.close),
            volume=packed(data.volume_base),
            price=packed(data.price),
        )

    @strawberry.field(description="Largest long + short of any cell, in unit.")
    def maximum(self) -> float:
        return float((self.data.long + self.data.short).max())

    @strawberry.field(description="Percentiles 50, 75, 90, 95, 99 and 99.7 of the cells, for colour scales.")
    def percentiles(self) -> list[Percentile]:
        both = self.data.long + self.data.short
        filled = both[both > 0]
        values = np.percentile(filled, _PERCENTS) if len(filled) else np.zeros(len(_PERCENTS))
        return [
            Percentile(percent=percent, value=float(value)) for percent, value in zip(_PERCENTS, values, strict=True)
        ]

    @strawberry.field(description="What made the grid.")
    async def model(self, info: Info) -> ModelInfo:
        return await model_info(info.context.pool, self.data.columns)

    @strawberry.field(description="What the grid covers and lacks.")
    async def coverage(self, info: Info) -> Coverage:
        data = self.data
        return await coverage_of(info.context.pool, data.instruments, data.columns, data.request.interval)
