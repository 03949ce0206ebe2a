"""Series of one instrument as GraphQL: a page of packed columns, ascending in time."""

from __future__ import annotations

from typing import Any

import strawberry

from liqgrid.api.graphql.catalog import PageInfo, encode_cursor
from liqgrid.api.graphql.scalars import PackedArray, packed
from liqgrid.api.reads import InstrumentRow
from liqgrid.api.series import SeriesPage
from liqgrid.engine.market.interval import Interval


@strawberry.interface(description="A page of a series of one instrument, ascending.")
class Series:
    symbol: str = strawberry.field(description="venue:base-quote.")
    times: PackedArray = strawberry.field(description="int64 [N]: epoch milliseconds, ascending.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")


@strawberry.type(description="Closed bars, stamped with their open.")
class BarSeries(Series):
    interval: Interval = strawberry.field(description="Length of a bar.")
    open: PackedArray = strawberry.field(description="float64 [N], quote per base.")
    high: PackedArray = strawberry.field(description="float64 [N], quote per base.")
    low: PackedArray = strawberry.field(description="float64 [N], quote per base.")
    close: PackedArray = strawberry.field(description="float64 [N], quote per base.")
    volume: PackedArray = strawberry.field(description="float64 [N], base units; NaN where unknown.")


@strawberry.type(description="Open interest samples, stamped with when they were true.")
class OpenInterestSeries(Series):
    open_interest: PackedArray = strawberry.field(description="float64 [N]: one side, base units.")


@strawberry.type(description="Funding rates, stamped with when they were paid.")
class FundingRateSeries(Series):
    rate: PackedArray = strawberry.field(description="float64 [N]: fraction of notional; above 0 longs pay shorts.")


@strawberry.type(description="Ratios of accounts net long to accounts net short, stamped with the end of their period.")
class LongShortRatioSeries(Series):
    ratio: PackedArray = strawberry.field(description="float64 [N]: accounts net long / accounts net short.")
    long: PackedArray = strawberry.field(description="float64 [N]: part of accounts net long, 0 to 1; NaN if unknown.")
    short: PackedArray = strawberry.field(
        description="float64 [N]: part of accounts net short, 0 to 1; NaN if unknown."
    )


@strawberry.type(
    description="Single realised liquidations, as the venue published them: a floor, for venues do not publish all."
)
class LiquidationSeries(Series):
    price: PackedArray = strawberry.field(description="float64 [N], quote per base.")
    long: PackedArray = strawberry.field(description="float64 [N]: longs, base units; 0 where a short was liquidated.")
    short: PackedArray = strawberry.field(description="float64 [N]: shorts, base units; 0 where a long was liquidated.")
    live_cursor: str = strawberry.field(
        description="Give it as `after` to the subscription `liquidations` of this pair, to go on from here: whatever "
        "arrived after the page was read comes there."
    )


@strawberry.type(
    description="Realised liquidations summed over intervals, stamped with their open; only those something is stored "
    "of. Of several sources (single ones, sums of finer intervals) the largest counts, for each may lack some."
)
class LiquidationBarSeries(Series):
    interval: Interval = strawberry.field(description="Length of the intervals.")
    long: PackedArray = strawberry.field(description="float64 [N]: longs, base units.")
    short: PackedArray = strawberry.field(description="float64 [N]: shorts, base units.")
    long_notional: PackedArray = strawberry.field(
        description="float64 [N]: longs, quote currency; sums that came without prices at their bar's close."
    )
    short_notional: PackedArray = strawberry.field(description="float64 [N]: shorts, quote currency, likewise.")


def common(row: InstrumentRow, page: SeriesPage) -> dict[str, Any]:
    """Return what every page of a series has."""
    end = None if page.end is None else encode_cursor(page.end)
    return {
        "symbol": f"{row.venue}:{row.pair}",
        "times": packed(page.times_ms),
        "page_info": PageInfo(has_next_page=page.has_next, end_cursor=end),
    }
