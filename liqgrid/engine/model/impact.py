"""Price impact: how far an order of a given size moves the price, by the square-root law.

``ln(price after / price before) = ± Y · σ · sqrt(Q / V)``: σ the daily volatility, V the daily volume, Q what is
traded, Y a coefficient of order one (Tóth et al., "Anomalous price impact and the critical nature of liquidity in
financial markets", Physical Review X 1, 021006, 2011; Almgren et al., "Direct estimation of equity market impact",
Risk 18, 2005, found an exponent of 3/5 in its place). See docs/model.md, "What if".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.interval import Interval

# A day is measured over the last 24 hours, or over this many bars where that is longer.
LEAST_WINDOW_BARS = 24
# Fewer bars than this part of the window are too few to speak of a day.
LEAST_KNOWN_FRACTION = 0.5


@dataclass(frozen=True, slots=True)
class VenueBars:
    """Bars of one venue in the window, (N,) each: prices quote per base, volume in base units, NaN where unknown."""

    open: F64
    close: F64
    volume_base: F64


@dataclass(frozen=True, slots=True)
class MarketDay:
    """How much a market moves and trades in a day.

    ``volatility`` is the standard deviation of a day's log return, a fraction; ``volume_quote`` what all venues trade,
    > 0; ``bars`` how many the venue with the fewest has.
    """

    volatility: float
    volume_quote: float
    bars: int


@dataclass(frozen=True, slots=True)
class Impact:
    """The square-root law of one market with its coefficient, >= 0."""

    coefficient: float
    day: MarketDay

    def log_move(self, traded_quote: float) -> float:
        """Return how far ``traded_quote`` moves the price, in log price, >= 0."""
        return self.coefficient * self.day.volatility * math.sqrt(traded_quote / self.day.volume_quote)


def window_bars(interval: Interval) -> int:
    """Return over how many bars a day is measured."""
    return max(Interval.D1.ms // interval.ms, LEAST_WINDOW_BARS)


def measure_day(interval: Interval, venues: Sequence[VenueBars]) -> MarketDay | None:
    """Return volatility of the first venue and volume of all, None where one has too few bars or nothing is traded.

    Only bars of known volume count. Volatility is the root of the summed squares of ln(close / open), brought to a day;
    volume is Σ volume × close, brought to a day for each venue.

    Parameters
    ----------
    interval
        Of the bars.
    venues
        At least one; the first is the one whose price is shown.
    """
    volatilities, volumes_quote, counts = [], [], []
    for bars in venues:
        known = np.isfinite(bars.volume_base)  # (N,)
        count = int(known.sum())
        if count < LEAST_KNOWN_FRACTION * window_bars(interval):
            return None
        days = count * interval.ms / Interval.D1.ms
        returns = np.log(bars.close[known] / bars.open[known])
        volatilities.append(math.sqrt(float(returns @ returns) / days))
        volumes_quote.append(float(bars.volume_base[known] @ bars.close[known]) / days)
        counts.append(count)
    volume_quote = sum(volumes_quote)
    return MarketDay(volatilities[0], volume_quote, min(counts)) if volume_quote > 0 else None
