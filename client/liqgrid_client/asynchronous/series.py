"""Series: a method for each."""

from __future__ import annotations

from typing import TypeVar

from liqgrid_client import documents
from liqgrid_client.asynchronous.pages import AsyncPages
from liqgrid_client.asynchronous.transport import AsyncTransport
from liqgrid_client.joining import MAX_PAGE
from liqgrid_client.questions import one, question
from liqgrid_client.tables import SeriesTable
from liqgrid_client.types import (
    BarSeries,
    FundingRateSeries,
    Interval,
    LiquidationBarSeries,
    LiquidationSeries,
    LongShortRatioSeries,
    OpenInterestSeries,
)
from liqgrid_client.wire import Time

S = TypeVar("S", bound=SeriesTable)


class AsyncSeries:
    """What a server has over time, of one instrument, in pages of arrays.

    Everywhere ``venue`` is by default the one with the largest open interest.
    """

    _transport: AsyncTransport

    def bars(
        self,
        pair: str,
        interval: Interval,
        *,
        venue: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
        first: int = MAX_PAGE,
        after: str | None = None,
    ) -> AsyncPages[BarSeries]:
        """Return the closed bars that open in [start, end), in pages of ``first``.

        Put together from finer ones where the interval is not stored. ``venue``: default the one with the largest
        open interest, of those whose bars go on.
        """
        return self._pages(
            documents.BARS, BarSeries, after, pair=pair, interval=interval, venue=venue, start=start, end=end,
            first=first,
        )  # fmt: skip

    def open_interest(
        self,
        pair: str,
        *,
        venue: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
        first: int = MAX_PAGE,
        after: str | None = None,
    ) -> AsyncPages[OpenInterestSeries]:
        """Return the open interest samples in [start, end), in pages of ``first``."""
        return self._pages(
            documents.OPEN_INTEREST, OpenInterestSeries, after, pair=pair, venue=venue, start=start, end=end,
            first=first,
        )  # fmt: skip

    def funding_rates(
        self,
        pair: str,
        *,
        venue: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
        first: int = MAX_PAGE,
        after: str | None = None,
    ) -> AsyncPages[FundingRateSeries]:
        """Return the funding rates paid in [start, end), in pages of ``first``."""
        return self._pages(
            documents.FUNDING_RATES, FundingRateSeries, after, pair=pair, venue=venue, start=start, end=end,
            first=first,
        )  # fmt: skip

    def long_short_ratios(
        self,
        pair: str,
        *,
        venue: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
        first: int = MAX_PAGE,
        after: str | None = None,
    ) -> AsyncPages[LongShortRatioSeries]:
        """Return the long/short ratios whose period ends in [start, end), in pages of ``first``."""
        return self._pages(
            documents.LONG_SHORT_RATIOS, LongShortRatioSeries, after, pair=pair, venue=venue, start=start, end=end,
            first=first,
        )  # fmt: skip

    def liquidations(
        self,
        pair: str,
        *,
        venue: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
        first: int = MAX_PAGE,
        after: str | None = None,
    ) -> AsyncPages[LiquidationSeries]:
        """Return the single realised liquidations in [start, end), in pages of ``first``: a floor."""
        return self._pages(
            documents.LIQUIDATIONS, LiquidationSeries, after, pair=pair, venue=venue, start=start, end=end,
            first=first,
        )  # fmt: skip

    def liquidation_bars(
        self,
        pair: str,
        interval: Interval,
        *,
        venue: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
        first: int = MAX_PAGE,
        after: str | None = None,
    ) -> AsyncPages[LiquidationBarSeries]:
        """Return the realised liquidations summed over intervals that open in [start, end), in pages of ``first``."""
        return self._pages(
            documents.LIQUIDATION_BARS, LiquidationBarSeries, after, pair=pair, interval=interval, venue=venue,
            start=start, end=end, first=first,
        )  # fmt: skip

    def _pages(self, document: str, kind: type[S], after: str | None, **arguments: object) -> AsyncPages[S]:
        async def read(cursor: str | None, symbol: str | None) -> S:
            # The first page says of which instrument the series is: another may lead by the time of the next.
            venue, _, pair = (symbol or "").partition(":")
            named = {**arguments, "venue": venue, "pair": pair} if symbol else arguments
            return await self._transport.ask(question(document, one(kind), after=cursor, **named))

        return AsyncPages(read, after)
