"""Clusters: contiguous price ranges around the local maxima of one side of a grid column.

The notional per bin is smoothed with a triangle; its local maxima are peaks. Neighbouring peaks are one cluster
unless the valley between them is clearly lower than both. A cluster reaches from its peak outwards to where the
smoothed notional falls under a quarter of the peak, and never past a valley (docs/model.md, "Clusters").
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.axis import bin_of, edges, mid_prices
from liqgrid.engine.market.instrument import Side

SMOOTHING_BINS = 3  # the triangle reaches 3 bins (15 basis points) to each side
VALLEY_FRACTION = 0.75  # a valley under this fraction of the lower peak divides two clusters
EDGE_FRACTION = 0.25  # a cluster ends where it falls under this fraction of its peak


@dataclass(frozen=True, slots=True)
class Cluster:
    """A dense price range of one side.

    It covers bins ``first_bin`` … ``stop_bin`` (half-open); ``low`` and ``high`` are their outer edges, ``peak_price``
    the mid price of ``peak_bin``, where the smoothed notional is highest, quote per base;
    ``notional_quote`` and ``base`` what rests in the range; ``distance_fraction`` of the peak from the price, >= 0;
    ``share_fraction`` of the whole side's notional.
    """

    side: Side
    first_bin: int
    stop_bin: int
    peak_bin: int
    low: float
    high: float
    peak_price: float
    notional_quote: float
    base: float
    distance_fraction: float
    share_fraction: float


def locate_clusters(side: Side, first_bin: int, base: F64, price: float, side_notional_quote: float) -> list[Cluster]:
    """Return the clusters of one side, largest notional first.

    Parameters
    ----------
    side
        Side of the positions.
    first_bin
        Bin of ``base[0]``.
    base
        (P,) base units per bin.
    price
        Price of the column, quote per base.
    side_notional_quote
        The whole side's notional, of which ``share_fraction`` is a part.
    """
    if not base.any():
        return []
    # Empty bins around the span, so that where stored bytes were trimmed does not show.
    first_bin, base = first_bin - SMOOTHING_BINS, np.pad(base, SMOOTHING_BINS)
    notional = base * mid_prices(first_bin, len(base))  # (P,)
    density = smoothed(notional)  # (P,)
    peaks, valleys = _divide(density)
    heights: list[float] = density.tolist()
    price_edges, mids = edges(first_bin, len(base)), mid_prices(first_bin, len(base))
    bounds = [0, *valleys, len(base)]
    # Smoothing spreads a side a little; no range reaches the price's own bin, where the side has nothing.
    price_bin = bin_of(price) - first_bin
    nearest_low, nearest_high = (0, price_bin) if side is Side.LONG else (price_bin + 1, len(base))
    clusters = []
    for peak, start, stop in zip(peaks, bounds[:-1], bounds[1:], strict=True):
        low, high = _reach(heights, peak, max(start, nearest_low), min(stop, nearest_high))
        notional_quote, distance_fraction = float(notional[low:high].sum()), abs(float(mids[peak]) / price - 1)
        clusters.append(
            Cluster(
                side=side,
                first_bin=first_bin + low,
                stop_bin=first_bin + high,
                peak_bin=first_bin + peak,
                low=float(price_edges[low]),
                high=float(price_edges[high]),
                peak_price=float(mids[peak]),
                notional_quote=notional_quote,
                base=float(base[low:high].sum()),
                distance_fraction=distance_fraction,
                share_fraction=notional_quote / side_notional_quote,
            )
        )
    return sorted(clusters, key=lambda cluster: (-cluster.notional_quote, cluster.distance_fraction))


def smoothed(values: F64) -> F64:
    """Return ``values`` smoothed with a triangle of half-width SMOOTHING_BINS, same shape; beyond them all is 0."""
    rise = np.arange(1, SMOOTHING_BINS + 2, dtype=np.float64)
    kernel = np.concatenate([rise, rise[-2::-1]])
    same: F64 = np.convolve(values, kernel / kernel.sum())[SMOOTHING_BINS : SMOOTHING_BINS + len(values)]
    return same


def _divide(density: F64) -> tuple[list[int], list[int]]:
    """Return peaks, and the valleys between them (one fewer); peaks without a clear valley between are one."""
    padded = np.concatenate([[-1.0], density, [-1.0]])
    climbs = padded[1:-1] > padded[:-2]
    falls = padded[1:-1] >= padded[2:]
    peaks: list[int] = np.flatnonzero(climbs & falls & (density > 0)).tolist()
    # Lists from here on: there are dozens of peaks a few bins apart, and a history asks for hundreds of columns.
    heights: list[float] = density.tolist()
    valleys = [heights.index(min(heights[a + 1 : b]), a + 1, b) for a, b in pairwise(peaks)]
    depths = [
        heights[valley] / min(heights[a], heights[b]) for valley, (a, b) in zip(valleys, pairwise(peaks), strict=True)
    ]
    while depths and max(depths) >= VALLEY_FRACTION:
        shallowest = depths.index(max(depths))
        lower = shallowest if heights[peaks[shallowest]] < heights[peaks[shallowest + 1]] else shallowest + 1
        del valleys[shallowest], depths[shallowest], peaks[lower]
        # The valley beyond the peak that went now lies beside the one that stayed.
        beyond = lower - 1 if lower == shallowest else shallowest
        if 0 <= beyond < len(depths):
            depths[beyond] = heights[valleys[beyond]] / min(heights[peaks[beyond]], heights[peaks[beyond + 1]])
    return peaks, valleys


def _reach(heights: list[float], peak: int, start: int, stop: int) -> tuple[int, int]:
    """Return the half-open range of bins around ``peak``, within ``start`` … ``stop``, over the edge fraction."""
    edge = EDGE_FRACTION * heights[peak]
    low, high = min(peak, stop), max(peak + 1, start)
    while low > start and heights[low - 1] >= edge:
        low -= 1
    while high < stop and heights[high] >= edge:
        high += 1
    return max(low, start), min(high, stop)
