"""The root of the schema: one resolver for each question."""

from __future__ import annotations

from datetime import datetime

import strawberry

from liqgrid.api.graphql.cascade import Cascade, StopZones, to_cascade, to_stop_zones
from liqgrid.api.graphql.catalog import (
    PageInfo,
    Pair,
    PairConnection,
    PairEdge,
    Skill,
    Status,
    decode_cursor,
    encode_cursor,
    load_pairs,
    load_status,
    to_skill,
)
from liqgrid.api.graphql.context import Info
from liqgrid.api.graphql.grid import Grid
from liqgrid.api.graphql.levels import Clusters, Exposure, to_clusters, to_exposure
from liqgrid.api.graphql.scalars import milliseconds
from liqgrid.api.graphql.series import SeriesQueries, check_first
from liqgrid.api.grids import GridRequest, Unit, load_grid
from liqgrid.api.profiles import check_bands, load_profile, top_clusters
from liqgrid.api.reads import read_pair, read_pair_page, read_skills
from liqgrid.api.what_if import check_impact, check_path, load_cascade, stop_zones
from liqgrid.engine.market.instrument import Side, parse_pair, parse_pair_or_coin
from liqgrid.engine.market.interval import Interval

MAX_PAIRS = 200


@strawberry.type(description="Modelled liquidation levels of perpetual futures, and the market data they rest on.")
class Query(SeriesQueries):
    @strawberry.field(description="Stored pairs by name, paged.")
    async def pairs(
        self, info: Info, venue: str | None = None, coin: str | None = None, first: int = 50, after: str | None = None
    ) -> PairConnection:
        check_first(first, MAX_PAIRS)
        position = None if after is None else decode_cursor(after)
        symbols = await read_pair_page(info.context.pool, venue, coin, position, first + 1)
        found = await load_pairs(info.context.pool, symbols[:first], venue)
        edges = [PairEdge(node=pair, cursor=encode_cursor(pair.symbol)) for pair in found]
        return PairConnection(
            edges=edges,
            page_info=PageInfo(has_next_page=len(symbols) > first, end_cursor=edges[-1].cursor if edges else None),
        )

    @strawberry.field(description="One pair, null if it is not stored.")
    async def pair(self, info: Info, symbol: str) -> Pair | None:
        found = await load_pairs(info.context.pool, [str(parse_pair(symbol))])
        return found[0] if found else None

    @strawberry.field(
        description="The heatmap of a pair (BTC-USDT), or of a coin (BTC): all its dollar pairs added. Columns that "
        "close in [start, end), or the `last` (288) of them before `end`; `rows` "
        "geometric price rows between priceLow and priceHigh (default: 10 % beyond the range of the bars). Venues are "
        "summed (default: all)."
    )
    async def grid(
        self,
        info: Info,
        pair: str,
        interval: Interval,
        start: datetime | None = None,
        end: datetime | None = None,
        last: int | None = None,
        venues: list[str] | None = None,
        price_low: float | None = None,
        price_high: float | None = None,
        rows: int = 300,
        unit: Unit = Unit.QUOTE,
    ) -> Grid:
        request = GridRequest(
            parse_pair_or_coin(pair), interval, milliseconds(start), milliseconds(end), last, venues, price_low,
            price_high, rows, unit,
        )  # fmt: skip
        return Grid(data=await load_grid(info.context.pool, request, info.context.budget))

    @strawberry.field(
        description="The densest price ranges whose peak is `within` a fraction of the price, largest notional first, "
        "of the newest column at or before `at`. Of a pair, or of a coin: all its dollar pairs added."
    )
    async def top_clusters(
        self,
        info: Info,
        pair: str,
        interval: Interval,
        at: datetime | None = None,
        venues: list[str] | None = None,
        side: Side | None = None,
        within: float = 0.1,
        limit: int = 10,
    ) -> Clusters:
        profile = await load_profile(info.context.pool, parse_pair_or_coin(pair), interval, milliseconds(at), venues)
        return to_clusters(info.context, profile, top_clusters(profile, side, within, limit))

    @strawberry.field(
        description="Both sides' notional within `bands` (fractions of the price; default 0.01, 0.02, 0.05, 0.1), "
        "which side is heavier, and what is nearest, of the newest column at or before `at`. Of a pair or a coin."
    )
    async def exposure(
        self,
        info: Info,
        pair: str,
        interval: Interval,
        at: datetime | None = None,
        venues: list[str] | None = None,
        bands: list[float] | None = None,
    ) -> Exposure:
        within_fractions = check_bands(bands)
        profile = await load_profile(info.context.pool, parse_pair_or_coin(pair), interval, milliseconds(at), venues)
        return to_exposure(info.context, profile, within_fractions)

    @strawberry.field(
        description="What the price liquidates on its way from `price` to `priceTo`, or along the prices of `path` "
        "(give one of them), by the newest column at or before `at`. `impact` is the coefficient, 0 to 10, by which "
        "liquidations move the price on (square-root law; default 0, not at all)."
    )
    async def cascade(
        self,
        info: Info,
        pair: str,
        interval: Interval,
        at: datetime | None = None,
        venues: list[str] | None = None,
        price_to: float | None = None,
        path: list[float] | None = None,
        impact: float = 0,
    ) -> Cascade:
        targets = check_path(price_to, path)
        check_impact(impact)
        profile = await load_profile(info.context.pool, parse_pair_or_coin(pair), interval, milliseconds(at), venues)
        return to_cascade(await load_cascade(info.context.pool, profile, targets, impact))

    @strawberry.field(
        description="Price ranges that lie `within` a fraction of the price, are at least `minWidth` of it wide, and "
        "are clear of dense clusters of the side whose stops lie there: nearest first, of the newest column at or "
        "before `at`."
    )
    async def stop_zones(
        self,
        info: Info,
        pair: str,
        interval: Interval,
        at: datetime | None = None,
        venues: list[str] | None = None,
        side: Side | None = None,
        within: float = 0.1,
        min_width: float = 0.002,
        limit: int = 10,
    ) -> StopZones:
        profile = await load_profile(info.context.pool, parse_pair_or_coin(pair), interval, milliseconds(at), venues)
        return to_stop_zones(profile, stop_zones(profile, side, within, min_width, limit))

    @strawberry.field(description="Published skill of the pair's instruments; empty where nothing realised is stored.")
    async def skill(self, info: Info, pair: str) -> list[Skill]:
        parsed = parse_pair(pair)
        await read_pair(info.context.pool, parsed)
        return [to_skill(pair, row) for row in await read_skills(info.context.pool, parsed)]

    @strawberry.field(description="The server and what it holds.")
    async def status(self, info: Info) -> Status:
        return await load_status(info.context.pool)
