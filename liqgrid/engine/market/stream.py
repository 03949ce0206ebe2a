"""Streams: the kinds of raw rows that are collected for an instrument."""

from __future__ import annotations

from enum import StrEnum

from liqgrid.engine.market.instrument import PriceType


class Stream(StrEnum):
    """A kind of raw rows; the value names it in cursors and gaps."""

    BAR_LAST = "bar:last"
    BAR_MARK = "bar:mark"
    OPEN_INTEREST = "open_interest"
    FUNDING_RATE = "funding_rate"
    LONG_SHORT_RATIO = "long_short_ratio"
    LIQUIDATION = "liquidation"
    LIQUIDATION_BAR = "liquidation_bar"
    LEVERAGE_TIER = "leverage_tier"

    @property
    def price_type(self) -> PriceType:
        """Which price the bars of this stream are made of."""
        return PriceType.MARK if self is Stream.BAR_MARK else PriceType.LAST
