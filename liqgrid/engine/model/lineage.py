"""Lineage: which cluster of an earlier column a cluster continues (docs/model.md, "Clusters over time")."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

from liqgrid.engine.market.instrument import SIDES, Side
from liqgrid.engine.model.clusters import Cluster


@dataclass(frozen=True, slots=True)
class Life:
    """What is known of a cluster's past, going back from a column.

    ``cluster`` is what it was at ``since_ms``, the oldest column looked at so far; ``peak_quote`` the most notional it
    had, at ``peak_ms``; ``swept_base`` what the liquidating price took of it.
    """

    cluster: Cluster
    since_ms: int
    peak_ms: int
    peak_quote: float
    swept_base: float = 0.0

    def back(self, earlier: Cluster, at_ms: int, swept_base: float) -> Life:
        """Return the life with what it was at an earlier column; ``swept_base`` was taken of it between the two."""
        higher = earlier.notional_quote >= self.peak_quote  # of equal ones the earlier, where it was first that large
        return replace(
            self,
            cluster=earlier,
            since_ms=at_ms,
            peak_ms=at_ms if higher else self.peak_ms,
            peak_quote=earlier.notional_quote if higher else self.peak_quote,
            swept_base=self.swept_base + swept_base,
        )


def begin_life(cluster: Cluster, at_ms: int) -> Life:
    """Return the life of a cluster of which nothing but the present is known."""
    return Life(cluster, at_ms, at_ms, cluster.notional_quote)


def continued(later: Sequence[Cluster], earlier: Sequence[Cluster]) -> dict[Cluster, Cluster]:
    """Return which clusters of an earlier column those of a later one continue; the others are new.

    A cluster continues the one whose range holds its peak, or whose peak lies in its range, of the same side; of
    several the one with the most notional. An earlier one goes on as one cluster: the one with the most notional of
    those that claim it. Of equal notionals the one with the lower peak counts as the larger, whatever the order of the
    arguments. Clusters of one column and side do not overlap.
    """
    links: dict[Cluster, Cluster] = {}
    for side in SIDES:
        claimed: set[int] = set()  # peaks of what goes on
        there = sorted((one for one in earlier if one.side is side), key=lambda one: one.peak_bin)
        peaks = [one.peak_bin for one in there]
        for cluster in sorted((one for one in later if one.side is side), key=_largest_first):
            start, stop = bisect_left(peaks, cluster.first_bin), bisect_left(peaks, cluster.stop_bin)
            beside = (*there[max(start - 1, 0) : start], *there[stop : stop + 1])
            kin = [*there[start:stop], *(one for one in beside if one.first_bin <= cluster.peak_bin < one.stop_bin)]
            ancestor = min(kin, key=_largest_first, default=None)
            if ancestor is not None and ancestor.peak_bin not in claimed:
                claimed.add(ancestor.peak_bin)
                links[cluster] = ancestor
    return links


def _largest_first(cluster: Cluster) -> tuple[float, int]:
    return -cluster.notional_quote, cluster.peak_bin


def lineage_id(what: str, symbols: Sequence[str], side: Side, born_ms: int, peak_bin: int) -> str:
    """Return the name of a cluster of a pair or coin, over these instruments, by its birth.

    A ``c`` and 16 hexadecimal digits; the letter keeps tables from taking it for a number.
    """
    text = "|".join((what, *sorted(symbols), side, str(born_ms), str(peak_bin)))
    return f"c{hashlib.sha256(text.encode()).hexdigest()[:16]}"
