"""Subscriptions: grid columns as they are built, and realised liquidations as they arrive."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime

import strawberry

from liqgrid.api.column_rows import ColumnRow
from liqgrid.api.graphql.catalog import decode_cursor, encode_cursor
from liqgrid.api.graphql.context import Info
from liqgrid.api.graphql.scalars import PackedArray, packed, time_of
from liqgrid.api.grids import GridRequest, Unit
from liqgrid.api.live.columns import MAX_WAITING as MAX_COLUMNS_WAITING
from liqgrid.api.live.columns import (
    ColumnEvent,
    asked_columns,
    begin_columns,
    column_position,
    column_text,
    followed,
    read_columns_since,
)
from liqgrid.api.live.following import follow
from liqgrid.api.live.hints import Channel
from liqgrid.api.live.liquidations import MAX_WAITING as MAX_LIQUIDATIONS_WAITING
from liqgrid.api.live.liquidations import (
    begin_liquidations,
    liquidation_position,
    liquidation_text,
    read_liquidations_since,
)
from liqgrid.api.reads import read_pair
from liqgrid.engine.market.instrument import Side, parse_pair
from liqgrid.engine.market.interval import Interval


@strawberry.type(description="The bar of a column: that of the venue with the largest open interest in it.")
class Bar:
    open: float = strawberry.field(description="Quote per base.")
    high: float = strawberry.field(description="Quote per base.")
    low: float = strawberry.field(description="Quote per base.")
    close: float = strawberry.field(description="Last price at the close, quote per base.")
    volume: float | None = strawberry.field(description="Base units; null where unknown.")
    price: float = strawberry.field(
        description="The price sides are held against: mark price where stored, else the close; quote per base."
    )


@strawberry.type(description="What one venue contributes to a column.")
class ColumnVenue:
    venue: str = strawberry.field(description="Venue, for example binance.")
    open_interest_share: float = strawberry.field(description="Its part of the column's open interest, 0 to 1.")
    mark: bool = strawberry.field(description="Whether its last bar was liquidated by the mark price, not the last.")
    carried_open_interest: bool = strawberry.field(description="Whether its open interest is an older sample.")


@strawberry.type(description="A grid column as it was built. Clients keep columns by closeTime.")
class GridColumnEvent:
    event: strawberry.Private[ColumnEvent]
    cursor: str = strawberry.field(description="Give it as `after` to go on behind this column; opaque.")

    @strawberry.field(description="Close time of the column; nothing stamped later is in it.")
    def close_time(self) -> datetime:
        return time_of(int(self.event.grid.close_ms[0]))

    @strawberry.field(
        description="True where a column of this closeTime, or a later one, was sent before, in this stream or the one "
        "its cursor is of: late data, or a venue that was behind, made it anew. It takes the other's place; later ones "
        "that were sent are made anew as well and follow, and one that does not follow is no more."
    )
    def replaces(self) -> bool:
        return self.event.replaces

    @strawberry.field(description='Currency of all amounts, for example "USDT" or "BTC".')
    def unit(self) -> str:
        return self.event.grid.unit

    @strawberry.field(
        description="float64 [rows + 1]: edges of the price rows, ascending, geometric; the same in all of a stream."
    )
    def price_edges(self) -> PackedArray:
        return packed(self.event.grid.price_edges)

    @strawberry.field(description="float32 [rows]: longs by liquidation price, in unit.")
    def long(self) -> PackedArray:
        return packed(self.event.grid.long[0])

    @strawberry.field(description="float32 [rows]: shorts by liquidation price, in unit.")
    def short(self) -> PackedArray:
        return packed(self.event.grid.short[0])

    @strawberry.field(description="All longs, in unit, also what lies outside the rows or has no known entry.")
    def long_total(self) -> float:
        return float(self.event.grid.long_total[0])

    @strawberry.field(description="All shorts, in unit; equal to longTotal in base units.")
    def short_total(self) -> float:
        return float(self.event.grid.short_total[0])

    @strawberry.field(description="Bar of the column.")
    def bar(self) -> Bar:
        grid = self.event.grid
        volume = float(grid.volume_base[0])
        return Bar(
            open=float(grid.open[0]),
            high=float(grid.high[0]),
            low=float(grid.low[0]),
            close=float(grid.close[0]),
            volume=volume if volume == volume else None,  # noqa: PLR0124 - NaN where unknown
            price=float(grid.price[0]),
        )

    @strawberry.field(
        description="Venues summed, largest open interest first; one that is behind follows in a later event."
    )
    def venues(self) -> list[ColumnVenue]:
        grid = self.event.grid
        column_of = {column.instrument_id: column for column in grid.columns}
        whole = sum(column.open_interest_base for column in grid.columns)
        return [_venue(row.venue, column_of[row.instrument_id], whole) for row in grid.instruments]

    @strawberry.field(description="Part of open interest the column stands for, 0 to 1.")
    def modelled_share(self) -> float:
        columns = self.event.grid.columns
        interest = sum(column.open_interest_base for column in columns)
        return sum(column.total_base for column in columns) / interest if interest else 0.0

    @strawberry.field(description="Part of the column whose entry prices are unknown, mean of both sides, 0 to 1.")
    def unplaced_share(self) -> float:
        columns = self.event.grid.columns
        total = sum(column.total_base for column in columns)
        unplaced = sum(column.long_unplaced_base + column.short_unplaced_base for column in columns) / 2
        return unplaced / total if total else 0.0


def _venue(venue: str, column: ColumnRow, whole_base: float) -> ColumnVenue:
    return ColumnVenue(
        venue=venue,
        open_interest_share=column.open_interest_base / whole_base if whole_base else 0.0,
        mark=column.mark,
        carried_open_interest=column.open_interest_ms < column.close_ms,
    )


@strawberry.type(description="A liquidation as a venue published it; a floor, for venues do not publish all.")
class RealisedLiquidation:
    cursor: str = strawberry.field(description="Give it as `after` to go on behind this one; opaque.")
    symbol: str = strawberry.field(description="venue:base-quote, for example binance:BTC-USDT.")
    time: datetime = strawberry.field(description="When it happened, as the venue says.")
    side: Side = strawberry.field(description="Side of the position that was liquidated.")
    price: float = strawberry.field(description="Quote per base.")
    base: float = strawberry.field(description="Amount, base currency.")
    notional: float = strawberry.field(description="Amount × price, quote currency.")


@strawberry.type(description="What happens, as it happens; over WebSocket, protocol graphql-transport-ws.")
class Subscription:
    @strawberry.subscription(
        description="Grid columns as they are built, beginning with the newest, or with the first after the cursor "
        f"`after`: none is lost or repeated. More than {MAX_COLUMNS_WAITING} new ones are refused (CURSOR_TOO_OLD). "
        "`rows` geometric price rows between priceLow and priceHigh, which stay as they are (default: a factor of 1.25 "
        "about the price at the stream's beginning). Venues are summed (default: all)."
    )
    async def grid_column(
        self,
        info: Info,
        pair: str,
        interval: Interval,
        after: str | None = None,
        venues: list[str] | None = None,
        price_low: float | None = None,
        price_high: float | None = None,
        rows: int = 300,
        unit: Unit = Unit.QUOTE,
    ) -> AsyncGenerator[GridColumnEvent, None]:
        pool = info.context.pool
        request = GridRequest(
            parse_pair(pair), interval, venues=venues, price_low=price_low, price_high=price_high, rows=rows, unit=unit
        )
        if after is None:
            instruments, position = await begin_columns(pool, request)
        else:
            instruments, position = await followed(pool, request), column_position(request, decode_cursor(after))
        columns = follow(
            info.context.live,
            (Channel.BUILD, [row.instrument_id for row in instruments]),
            asked_columns(request),
            position,
            lambda at: read_columns_since(pool, request, at),
            MAX_COLUMNS_WAITING,
        )
        async with aclosing(columns):
            async for event, at in columns:
                yield GridColumnEvent(event=event, cursor=encode_cursor(column_text(request, at)))

    @strawberry.subscription(
        description="Realised liquidations of all venues of a pair as they arrive, from now on, or from the cursor "
        f"`after`: none is lost or repeated. More than {MAX_LIQUIDATIONS_WAITING} new ones are refused "
        "(CURSOR_TOO_OLD). In the order they arrived, in which times may go back."
    )
    async def liquidations(
        self, info: Info, pair: str, after: str | None = None
    ) -> AsyncGenerator[RealisedLiquidation, None]:
        pool, parsed = info.context.pool, parse_pair(pair)
        instruments = await read_pair(pool, parsed)
        position = (
            await begin_liquidations(pool, parsed)
            if after is None
            else liquidation_position(parsed, decode_cursor(after))
        )
        liquidations = follow(
            info.context.live,
            (Channel.LIQUIDATION, [row.instrument_id for row in instruments]),
            ("liquidations", parsed),
            position,
            lambda at: read_liquidations_since(pool, parsed, at),
            MAX_LIQUIDATIONS_WAITING,
        )
        async with aclosing(liquidations):
            async for one, at in liquidations:
                yield RealisedLiquidation(
                    cursor=encode_cursor(liquidation_text(parsed, at)),
                    symbol=f"{one.venue}:{one.pair}",
                    time=time_of(one.ts_ms),
                    side=one.side,
                    price=one.price,
                    base=one.amount_base,
                    notional=one.amount_base * one.price,
                )
