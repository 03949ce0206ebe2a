"""Profiles: one time's book of a pair over venues, with its clusters and exposure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from liqgrid.api.column_rows import ColumnRow
from liqgrid.api.database import Pool
from liqgrid.api.reads import InstrumentRow, largest_first, read_columns, read_newest_close, read_pair
from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.axis import mid_prices
from liqgrid.engine.market.errors import BadRequest, NotBuilt
from liqgrid.engine.market.instrument import SIDES, Coin, Pair, Side
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.model.clusters import Cluster, locate_clusters

MAX_CLUSTERS = 200
MAX_BANDS = 20
DEFAULT_BANDS = (0.01, 0.02, 0.05, 0.1)
# The nearest cluster is looked for among this many largest of its side, so that a crumb beside the price is not it.
_NOTABLE = 10


@dataclass(frozen=True, slots=True)
class Profile:
    """The book of a pair, or of all pairs of a coin, at ``close_ms``, summed over venues.

    ``base`` (2, P) base units, row 0 long and 1 short, from bin ``first_bin``; ``total_base`` of either side;
    ``total_quote`` (2,), with what is unplaced or lies outside the bins. ``price`` is that of the venue with the
    largest open interest.
    """

    pair: Pair | Coin
    interval: Interval
    instruments: list[InstrumentRow]
    columns: list[ColumnRow]
    close_ms: int
    price: float
    first_bin: int
    base: F64
    total_base: float
    total_quote: F64


async def load_profile(
    pool: Pool, pair: Pair | Coin, interval: Interval, at_ms: int | None, venues: Sequence[str] | None
) -> Profile:
    """Return the newest profile at or before ``at_ms``, the newest of all if None.

    Raises
    ------
    UnknownPair, BadRequest, NotBuilt
        Each says what to ask instead.
    """
    instruments = await read_pair(pool, pair, venues)
    close_ms = await read_newest_close(pool, instruments, interval, at_ms)
    columns = await read_columns(pool, instruments, interval, close_ms, close_ms)
    if not columns:
        raise NotBuilt(f"the newest column of {pair} was just replaced by a newer build; ask again", pair=str(pair))
    return sum_columns(pair, interval, largest_first(instruments, columns), columns)


def sum_columns(
    pair: Pair | Coin, interval: Interval, instruments: list[InstrumentRow], columns: list[ColumnRow]
) -> Profile:
    """Return the profile of columns of one time, at least one; the first of the instruments has one."""
    first_bin = min(span.first_bin for column in columns for span in column.spans)
    stop_bin = max(span.stop_bin for column in columns for span in column.spans)
    base = np.zeros((2, stop_bin - first_bin))  # (2, P)
    unbinned_quote = np.zeros(2)
    for column in columns:
        for row, side in enumerate(column.sides):
            start = side.first_bin - first_bin
            base[row, start : start + len(side.base)] += side.base
            unbinned_quote[row] += side.unbinned_quote
    leading = next(column for column in columns if column.instrument_id == instruments[0].instrument_id)
    return Profile(
        pair=pair,
        interval=interval,
        instruments=instruments,
        columns=columns,
        close_ms=leading.close_ms,
        price=leading.price,
        first_bin=first_bin,
        base=base,
        total_base=sum(column.total_base for column in columns),
        total_quote=base @ mid_prices(first_bin, base.shape[1]) + unbinned_quote,
    )


def all_clusters(profile: Profile, side: Side) -> list[Cluster]:
    """Return the clusters of one side, largest first."""
    return locate_clusters(
        side, profile.first_bin, profile.base[side.row], profile.price, float(profile.total_quote[side.row])
    )


def clusters_within(profile: Profile, side: Side, within_fraction: float) -> list[Cluster]:
    """Return the clusters of one side whose peak is within a distance of the price, largest first."""
    return [cluster for cluster in all_clusters(profile, side) if cluster.distance_fraction <= within_fraction]


def top_clusters(profile: Profile, side: Side | None, within_fraction: float, limit: int) -> list[Cluster]:
    """Return the largest clusters of one side, or of both, within a distance of the price.

    Raises
    ------
    BadRequest
        If the distance or the limit is out of range.
    """
    check_distance("within", within_fraction)
    if not 1 <= limit <= MAX_CLUSTERS:
        raise BadRequest(f"limit was {limit}; it must be 1 to {MAX_CLUSTERS}", limit=limit)
    found = [
        cluster for one in ([side] if side else SIDES) for cluster in clusters_within(profile, one, within_fraction)
    ]
    return sorted(found, key=lambda cluster: (-cluster.notional_quote, cluster.distance_fraction))[:limit]


def nearest(clusters: list[Cluster]) -> Cluster | None:
    """Return the cluster nearest to the price among the ten largest; ``clusters`` are one side's, largest first."""
    return min(clusters[:_NOTABLE], key=lambda cluster: cluster.distance_fraction, default=None)


def check_distance(name: str, fraction: float) -> None:
    """Raise unless a distance from the price is usable: up to 1, where a column ends."""
    if not 0 < fraction <= 1:
        raise BadRequest(f"{name} was {fraction!r}; it is a fraction of the price, above 0 and up to 1")


def check_bands(bands: Sequence[float] | None) -> list[float]:
    """Return the bands asked for, ascending, or the default ones.

    Raises
    ------
    BadRequest
        If there are none, too many, or one is out of range.
    """
    if bands is None:
        return list(DEFAULT_BANDS)
    if not 1 <= len(bands) <= MAX_BANDS:
        raise BadRequest(f"bands had {len(bands)} values; give 1 to {MAX_BANDS}")
    for band in bands:
        check_distance("a band", band)
    return sorted(set(bands))
