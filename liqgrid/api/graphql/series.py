"""Questions for series of one instrument, paged by key."""

from __future__ import annotations

import re
from datetime import datetime

import strawberry

from liqgrid.api.database import Pool
from liqgrid.api.graphql.catalog import decode_cursor, encode_cursor
from liqgrid.api.graphql.context import Info
from liqgrid.api.graphql.scalars import milliseconds, packed
from liqgrid.api.graphql.series_types import (
    BarSeries,
    FundingRateSeries,
    LiquidationBarSeries,
    LiquidationSeries,
    LongShortRatioSeries,
    OpenInterestSeries,
    common,
)
from liqgrid.api.live.liquidations import begin_liquidations, liquidation_text
from liqgrid.api.reads import InstrumentRow, leading, read_pair
from liqgrid.api.series import (
    LiquidationPosition,
    read_bars,
    read_funding_rates,
    read_liquidation_bars,
    read_liquidations,
    read_long_short_ratios,
    read_open_interest,
)
from liqgrid.engine.market.errors import BadRequest
from liqgrid.engine.market.instrument import parse_pair, parse_pair_or_coin
from liqgrid.engine.market.interval import Interval

MAX_SERIES = 10_000
_END_OF_TIME_MS = 253_402_300_799_000  # the last second of the year 9999
_TIME = re.compile(r"[0-9]{1,15}")
_TIME_AND_KEY = re.compile(r"([0-9]{1,18}):(.{1,200})", re.DOTALL)


@strawberry.type
class SeriesQueries:
    @strawberry.field(
        description="Closed bars that open in [start, end), paged; put together from finer bars where the interval is "
        "not stored. Of a pair, or of a coin (all its dollar pairs); `venue`: default the one with the largest open "
        "interest, of those whose bars go on."
    )
    async def bars(
        self,
        info: Info,
        pair: str,
        interval: Interval,
        venue: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        first: int = 1000,
        after: str | None = None,
    ) -> BarSeries:
        row, (from_ms, to_ms) = await _asked(info.context.pool, pair, venue, start, end, first, _cursor_ms(after))
        page = await read_bars(info.context.pool, row, interval, from_ms, to_ms, first)
        return BarSeries(
            **common(row, page),
            interval=interval,
            open=packed(page.columns["open"]),
            high=packed(page.columns["high"]),
            low=packed(page.columns["low"]),
            close=packed(page.columns["close"]),
            volume=packed(page.columns["volume_base"]),
        )

    @strawberry.field(
        description="Open interest samples in [start, end), paged. `venue`: default the one with the largest."
    )
    async def open_interest(
        self,
        info: Info,
        pair: str,
        venue: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        first: int = 1000,
        after: str | None = None,
    ) -> OpenInterestSeries:
        row, (from_ms, to_ms) = await _asked(info.context.pool, pair, venue, start, end, first, _cursor_ms(after))
        page = await read_open_interest(info.context.pool, row, from_ms, to_ms, first)
        return OpenInterestSeries(**common(row, page), open_interest=packed(page.columns["open_interest_base"]))

    @strawberry.field(
        description="Funding rates paid in [start, end), paged. `venue`: default the one with the largest open "
        "interest."
    )
    async def funding_rates(
        self,
        info: Info,
        pair: str,
        venue: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        first: int = 1000,
        after: str | None = None,
    ) -> FundingRateSeries:
        row, (from_ms, to_ms) = await _asked(info.context.pool, pair, venue, start, end, first, _cursor_ms(after))
        page = await read_funding_rates(info.context.pool, row, from_ms, to_ms, first)
        return FundingRateSeries(**common(row, page), rate=packed(page.columns["rate_fraction"]))

    @strawberry.field(
        description="Long/short ratios whose period ends in [start, end), paged. `venue`: default the one with the "
        "largest open interest."
    )
    async def long_short_ratios(
        self,
        info: Info,
        pair: str,
        venue: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        first: int = 1000,
        after: str | None = None,
    ) -> LongShortRatioSeries:
        row, (from_ms, to_ms) = await _asked(info.context.pool, pair, venue, start, end, first, _cursor_ms(after))
        page = await read_long_short_ratios(info.context.pool, row, from_ms, to_ms, first)
        return LongShortRatioSeries(
            **common(row, page),
            ratio=packed(page.columns["ratio"]),
            long=packed(page.columns["long_fraction"]),
            short=packed(page.columns["short_fraction"]),
        )

    @strawberry.field(
        description="Single realised liquidations in [start, end), paged. `venue`: default the one with the largest "
        "open interest."
    )
    async def liquidations(
        self,
        info: Info,
        pair: str,
        venue: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        first: int = 1000,
        after: str | None = None,
    ) -> LiquidationSeries:
        position = _liquidation_position(after)
        row, (from_ms, to_ms) = await _asked(info.context.pool, pair, venue, start, end, first, None)
        pair_of_row = parse_pair(row.pair)
        arrivals = await begin_liquidations(info.context.pool, pair_of_row)  # first, so that nothing falls in between
        page = await read_liquidations(info.context.pool, row, from_ms, to_ms, position, first)
        return LiquidationSeries(
            **common(row, page),
            price=packed(page.columns["price"]),
            long=packed(page.columns["long_base"]),
            short=packed(page.columns["short_base"]),
            live_cursor=encode_cursor(liquidation_text(pair_of_row, arrivals)),
        )

    @strawberry.field(
        description="Realised liquidations summed over intervals that open in [start, end), paged. `venue`: default "
        "the one with the largest open interest."
    )
    async def liquidation_bars(
        self,
        info: Info,
        pair: str,
        interval: Interval,
        venue: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        first: int = 1000,
        after: str | None = None,
    ) -> LiquidationBarSeries:
        row, (from_ms, to_ms) = await _asked(info.context.pool, pair, venue, start, end, first, _cursor_ms(after))
        page = await read_liquidation_bars(info.context.pool, row, interval, from_ms, to_ms, first)
        return LiquidationBarSeries(
            **common(row, page),
            interval=interval,
            long=packed(page.columns["long_base"]),
            short=packed(page.columns["short_base"]),
            long_notional=packed(page.columns["long_quote"]),
            short_notional=packed(page.columns["short_quote"]),
        )


def check_first(first: int, most: int) -> None:
    """Raise unless a page of that length is served."""
    if not 1 <= first <= most:
        raise BadRequest(f"first was {first}; it must be 1 to {most}", first=first)


async def _asked(
    pool: Pool,
    pair: str,
    venue: str | None,
    start: datetime | None,
    end: datetime | None,
    first: int,
    after_ms: int | None,
) -> tuple[InstrumentRow, tuple[int, int]]:
    """Return the instrument asked for, by default the leading one, and [from, to) of a page."""
    check_first(first, MAX_SERIES)
    row = leading(await read_pair(pool, parse_pair_or_coin(pair), None if venue is None else [venue]))
    start_ms, end_ms = milliseconds(start), milliseconds(end)
    from_ms = max(0 if start_ms is None else start_ms, 0 if after_ms is None else after_ms + 1)
    to_ms = _END_OF_TIME_MS if end_ms is None else end_ms
    if start_ms is not None and start_ms >= to_ms:
        raise BadRequest("start must be before end", start_ms=start_ms, end_ms=to_ms)
    return row, (min(from_ms, _END_OF_TIME_MS), to_ms)


def _cursor_ms(cursor: str | None) -> int | None:
    """Return the time, epoch ms, that a cursor stands for."""
    if cursor is None:
        return None
    position = decode_cursor(cursor)
    if not _TIME.fullmatch(position):
        raise BadRequest(f"after was {cursor[:60]!r}; give the cursor that ended a page of this series")
    return int(position)


def _liquidation_position(cursor: str | None) -> LiquidationPosition:
    if cursor is None:
        return LiquidationPosition()
    match = _TIME_AND_KEY.fullmatch(decode_cursor(cursor))
    if match is None:
        raise BadRequest(f"after was {cursor[:60]!r}; give the cursor that ended a page of this series")
    return LiquidationPosition(int(match[1]), match[2])
