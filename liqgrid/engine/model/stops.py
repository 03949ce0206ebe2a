"""Stop zones: price ranges near the price that are clear of dense clusters, and what is liquidated on the way there.

The stop of a long lies below the price, where falling prices liquidate longs; that of a short above, among the shorts.
A bin is clear where the smoothed notional of its side is under half of the mean around the price, and it lies in no
dense cluster's range (docs/model.md, "Stop zones").
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from liqgrid.engine.market.arrays import F64, I64, Bool
from liqgrid.engine.market.axis import COLUMN_FACTOR, LOG_GROWTH, bin_of, edges, mid_prices
from liqgrid.engine.market.instrument import Side
from liqgrid.engine.model.clusters import SMOOTHING_BINS, Cluster, locate_clusters, smoothed

CLEAR_FRACTION = 0.5  # a bin is clear where its smoothed notional is under this fraction of the window's mean
_TOLERANCE_BINS = 1e-9  # rounding of log(), as in the price axis


@dataclass(frozen=True, slots=True)
class StopZone:
    """A clear price range on the side of the price where stops of ``side`` lie.

    ``low`` and ``high`` are bin edges, quote per base; ``distance_fraction`` of the edge nearer to the price, >= 0;
    ``notional_quote`` what rests in the zone, ``density_ratio`` that per bin over the mean per bin around the price;
    ``before_quote`` what a travel from the price to the nearer edge liquidates; ``before`` and ``beyond`` the dense
    clusters next to it, towards the price and away from it, None where there is none.
    """

    side: Side
    low: float
    high: float
    distance_fraction: float
    notional_quote: float
    density_ratio: float
    before_quote: float
    before: Cluster | None
    beyond: Cluster | None


def locate_stop_zones(
    side: Side, first_bin: int, base: F64, price: float, within_fraction: float, least_width_fraction: float
) -> list[StopZone]:
    """Return the zones of one side, nearest first; none where the side holds nothing within the distance.

    Parameters
    ----------
    side
        Side of the position whose stop it is.
    first_bin
        Bin of ``base[0]``.
    base
        (P,) base units per bin of that side.
    price
        Price of the column, quote per base.
    within_fraction
        How far from the price a zone may reach, a fraction of it, above 0 and up to 1.
    least_width_fraction
        How wide a zone must be, a fraction of the price.
    """
    low_bin, stop_bin = _window(side, price, within_fraction)
    notional = base * mid_prices(first_bin, len(base))  # (P,)
    margin = SMOOTHING_BINS
    around = _placed(notional, first_bin, low_bin - margin, stop_bin + margin)  # (W + 6,)
    inside, density = around[margin:-margin], smoothed(around)[margin:-margin]  # (W,)
    if not inside.any():
        return []
    mean = float(density.mean())
    clear = density < CLEAR_FRACTION * mean  # (W,)
    clusters = _dense_clusters(side, first_bin, base, price, CLEAR_FRACTION * mean)
    for begin, end, _ in clusters:
        clear[max(begin - low_bin, 0) : max(end - low_bin, 0)] = False
    zones = []
    for start, end in _runs(clear):
        low, high = (float(edge) for edge in edges(low_bin + start, end - start)[[0, -1]])
        if high - low < least_width_fraction * price:
            continue
        amount = float(inside[start:end].sum())
        nearer, further = _neighbours(side, clusters, low_bin + start, low_bin + end)
        zones.append(
            StopZone(
                side=side,
                low=low,
                high=high,
                distance_fraction=abs((high if side is Side.LONG else low) / price - 1),
                notional_quote=amount,
                density_ratio=amount / (end - start) / mean,
                before_quote=_before(side, notional, low_bin + start - first_bin, low_bin + end - first_bin),
                before=nearer,
                beyond=further,
            )
        )
    return sorted(zones, key=lambda zone: zone.distance_fraction)


def _window(side: Side, price: float, within_fraction: float) -> tuple[int, int]:
    """Return the bins [low, stop) that lie wholly between the price's own and the distance, or where columns end."""
    if side is Side.LONG:
        lowest = max(price * (1 - within_fraction), price / COLUMN_FACTOR)
        return math.ceil(math.log(lowest) / LOG_GROWTH - _TOLERANCE_BINS), bin_of(price)
    highest = price * (1 + within_fraction)  # at most twice the price, where columns end too
    return bin_of(price) + 1, math.floor(math.log(highest) / LOG_GROWTH + _TOLERANCE_BINS)


def _placed(values: F64, first_bin: int, low_bin: int, stop_bin: int) -> F64:
    """Return the values of bins [low, stop), 0 where ``values`` has none."""
    placed = np.zeros(max(stop_bin - low_bin, 0))
    begin, end = max(first_bin, low_bin), min(first_bin + len(values), stop_bin)
    if begin < end:
        placed[begin - low_bin : end - low_bin] = values[begin - first_bin : end - first_bin]
    return placed


def _dense_clusters(
    side: Side, first_bin: int, base: F64, price: float, least_density: float
) -> list[tuple[int, int, Cluster]]:
    """Return the clusters whose peak is at or over a density, with their bins [low, stop), ascending in price."""
    notional = base * mid_prices(first_bin, len(base))  # (P,)
    found = []
    for cluster in locate_clusters(side, first_bin, base, price, float(notional.sum())):
        peak = bin_of(cluster.peak_price)
        around = _placed(notional, first_bin, peak - SMOOTHING_BINS, peak + SMOOTHING_BINS + 1)
        if smoothed(around)[SMOOTHING_BINS] >= least_density:
            found.append((bin_of(cluster.low), bin_of(cluster.high), cluster))
    return sorted(found, key=lambda one: one[0])


def _runs(clear: Bool) -> list[tuple[int, int]]:
    """Return the maximal stretches [start, stop) of true values."""
    turns: I64 = np.flatnonzero(np.diff(np.concatenate([[False], clear, [False]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in turns.reshape(-1, 2)]


def _before(side: Side, notional: F64, start: int, stop: int) -> float:
    """Return what lies nearer to the price than a zone of bins [start, stop), counted from that of notional[0]."""
    return float(notional[max(stop, 0) :].sum() if side is Side.LONG else notional[: max(start, 0)].sum())


def _neighbours(
    side: Side, clusters: list[tuple[int, int, Cluster]], start: int, stop: int
) -> tuple[Cluster | None, Cluster | None]:
    """Return the clusters next to a zone of bins [start, stop), towards the price and away from it."""
    below = [cluster for _, end, cluster in clusters if end <= start]
    above = [cluster for begin, _, cluster in clusters if begin >= stop]
    under, over = (below[-1] if below else None), (above[0] if above else None)
    return (over, under) if side is Side.LONG else (under, over)
