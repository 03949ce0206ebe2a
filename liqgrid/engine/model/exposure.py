"""Exposure: how much of each side would be liquidated, how near, and which side is heavier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.axis import edges, mid_prices
from liqgrid.engine.market.instrument import Side


@dataclass(frozen=True, slots=True)
class Band:
    """Notional within a distance of the price; ``imbalance`` is (long − short)/(long + short), 0 when both are 0."""

    within_fraction: float
    long_quote: float
    short_quote: float

    @property
    def imbalance(self) -> float:
        """Return how one-sided the band is, in [-1, 1]; > 0 when longs are heavier."""
        both = self.long_quote + self.short_quote
        return (self.long_quote - self.short_quote) / both if both > 0 else 0.0

    @property
    def heavier(self) -> Side | None:
        """Return the side with more notional within the band; None when they are equal."""
        if self.long_quote == self.short_quote:
            return None
        return Side.LONG if self.long_quote > self.short_quote else Side.SHORT


@dataclass(frozen=True, slots=True)
class Curve:
    """Cumulative notional of one side, from the price outwards.

    ``price`` (N,) quote per base, moving away from the price; ``notional_quote`` (N,) what is liquidated when the
    price travels there.
    """

    price: F64
    notional_quote: F64


def measure_bands(
    first_bin: int, long_base: F64, short_base: F64, price: float, within_fractions: list[float]
) -> list[Band]:
    """Return the notional of both sides within each distance of the price; a bin counts where its mid price lies.

    ``long_base`` and ``short_base`` have shape (P,), base units, from bin ``first_bin``.
    """
    mids = mid_prices(first_bin, len(long_base))  # (P,)
    distance = np.abs(mids / price - 1)  # (P,)
    return [
        Band(
            within_fraction=within,
            long_quote=float((long_base * mids)[distance <= within].sum()),
            short_quote=float((short_base * mids)[distance <= within].sum()),
        )
        for within in within_fractions
    ]


def cumulative_curve(side: Side, first_bin: int, base: F64, price: float, within_fraction: float) -> Curve:
    """Return the cumulative notional of one side out to a distance from the price.

    ``base`` (P,) base units from bin ``first_bin``. Each point is the far edge of a bin: what rests up to there.
    """
    mids, bin_edges = mid_prices(first_bin, len(base)), edges(first_bin, len(base))
    near = np.abs(mids / price - 1) <= within_fraction  # (P,)
    beyond = mids < price if side is Side.LONG else mids > price  # (P,)
    chosen = np.flatnonzero(near & beyond)
    if side is Side.LONG:
        chosen = chosen[::-1]
    far_edge = bin_edges[chosen] if side is Side.LONG else bin_edges[chosen + 1]
    return Curve(price=far_edge, notional_quote=np.cumsum((base * mids)[chosen]))
