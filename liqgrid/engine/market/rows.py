"""Raw rows of one instrument on their way into the store: what a source gave, checked, in base units and UTC."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from liqgrid.engine.market.arrays import F64, I64
from liqgrid.engine.market.bars import Bars
from liqgrid.engine.market.instrument import Instrument, PriceType, Side


@dataclass(frozen=True, slots=True)
class BarRows:
    """Bars with what the source knows of takers; (T,) each, NaN where unknown.

    Bars of the mark price have no volume, so everything but their prices is NaN.
    """

    bars: Bars
    taker_buy_volume_base: F64
    trades: F64
    taker_buy_trades: F64
    price_type: PriceType = PriceType.LAST


def mark_bar_rows(bars: Bars) -> BarRows:
    """Return rows of mark-price bars; what only trades have is unknown."""
    unknown = np.full(len(bars), np.nan)
    return BarRows(replace(bars, volume_base=unknown), unknown, unknown, unknown, PriceType.MARK)


@dataclass(frozen=True, slots=True)
class OpenInterestRows:
    """Open interest samples, (N,): ``ts_ms`` when it was true, base units of one side, > 0."""

    ts_ms: I64
    open_interest_base: F64


@dataclass(frozen=True, slots=True)
class LongShortRatioRows:
    """Account ratios, (N,): ``ts_ms`` the end of the period they speak of; fractions NaN where unknown."""

    ts_ms: I64
    ratio: F64
    long_fraction: F64
    short_fraction: F64


@dataclass(frozen=True, slots=True)
class FundingRateRows:
    """Funding paid, (N,): ``ts_ms`` when; fraction of notional, > 0 where longs pay shorts."""

    ts_ms: I64
    rate_fraction: F64


@dataclass(frozen=True, slots=True)
class Liquidation:
    """One realised liquidation as a venue published it.

    ``key`` tells it from others of the same millisecond: the venue's id, or a hash of the content. ``side`` is that of
    the position. ``raw`` is what the venue sent, as JSON.
    """

    ts_ms: int
    key: str
    side: Side
    price: float
    amount_base: float
    raw: str


@dataclass(frozen=True, slots=True)
class LiquidationBarRows:
    """Realised liquidations summed over bars, (N,): ``open_ms`` of the bar, base units by side of the position."""

    open_ms: I64
    long_base: F64
    short_base: F64


@dataclass(frozen=True, slots=True)
class MarketRows:
    """Rows of one instrument over one stretch of time, ascending; parts a source does not have are empty."""

    instrument: Instrument
    bars: BarRows
    open_interest: OpenInterestRows
    long_short_ratio: LongShortRatioRows
    liquidation_bars: LiquidationBarRows
