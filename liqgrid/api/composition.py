"""Composition: what the clusters of a profile are made of, by leverage class, by age and by instrument."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from liqgrid.api.cluster_reads import Earlier, EarlierSide, read_earlier, read_shares
from liqgrid.api.column_rows import ColumnSide
from liqgrid.api.database import Pool
from liqgrid.api.profiles import Profile
from liqgrid.api.reads import InstrumentRow
from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.axis import mid_prices
from liqgrid.engine.model.age import AGE_LIMITS_MS, split_by_age, still_there
from liqgrid.engine.model.clusters import Cluster
from liqgrid.engine.model.composition import notional_by_class


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a cluster: its notional, quote currency, and what fraction of the cluster's that is."""

    notional_quote: float
    share_fraction: float


def _parts(notional_quote: Sequence[float]) -> list[Part]:
    whole = sum(notional_quote)
    return [Part(one, one / whole if whole > 0 else 0.0) for one in notional_quote]


async def by_leverage(pool: Pool, profile: Profile, clusters: Sequence[Cluster]) -> list[dict[float, Part]]:
    """Return of each cluster its parts by leverage, lowest first, those that are there; venues may differ in classes.

    Raises
    ------
    NotBuilt
        If a newer build replaced a column meanwhile.
    """
    shares = await read_shares(pool, profile.columns, profile.interval)
    answers = []
    for cluster in clusters:
        held: dict[float, float] = {}
        for column in profile.columns:
            of = shares[column.instrument_id]
            side = column.sides[cluster.side.row]
            notional = notional_by_class(
                cluster.side, column.price, of.parts[cluster.side.row], cluster.first_bin, within(side, cluster)
            )
            for leverage, one in zip(of.leverages, notional.tolist(), strict=True):
                if one > 0:
                    held[leverage] = held.get(leverage, 0.0) + one
        answers.append(dict(zip(sorted(held), _parts([held[leverage] for leverage in sorted(held)]), strict=True)))
    return answers


async def by_age(pool: Pool, profile: Profile, clusters: Sequence[Cluster]) -> list[list[Part]]:
    """Return of each cluster its parts by age, youngest first: one more than AGE_LIMITS_MS."""
    ids = [column.instrument_id for column in profile.columns]
    before_ms = [profile.close_ms - limit_ms for limit_ms in AGE_LIMITS_MS]
    earlier = await read_earlier(pool, ids, profile.interval, before_ms, profile.close_ms)
    answers = []
    for cluster in clusters:
        notional = np.zeros(len(AGE_LIMITS_MS) + 1)
        mids = mid_prices(cluster.first_bin, cluster.stop_bin - cluster.first_bin)
        for column in profile.columns:
            side = column.sides[cluster.side.row]
            older = [_older(side, earlier.get((column.instrument_id, ms)), cluster) for ms in before_ms]
            notional += split_by_age(within(side, cluster), older) @ mids
        answers.append(_parts(notional.tolist()))
    return answers


def by_instrument(profile: Profile, cluster: Cluster) -> list[tuple[InstrumentRow, Part]]:
    """Return the parts of a cluster by instrument, those of the profile's columns, largest open interest first."""
    columns = {column.instrument_id: column for column in profile.columns}
    there = [row for row in profile.instruments if row.instrument_id in columns]
    mids = mid_prices(cluster.first_bin, cluster.stop_bin - cluster.first_bin)
    notional = [float(within(columns[row.instrument_id].sides[cluster.side.row], cluster) @ mids) for row in there]
    return list(zip(there, _parts(notional), strict=True))


def within(side: ColumnSide | EarlierSide, cluster: Cluster) -> F64:
    """Return what a side of a column holds in the range of a cluster, base units per bin."""
    base = np.zeros(cluster.stop_bin - cluster.first_bin)
    start, stop = max(side.first_bin, cluster.first_bin), min(side.first_bin + len(side.base), cluster.stop_bin)
    if start < stop:
        base[start - cluster.first_bin : stop - cluster.first_bin] = side.base[
            start - side.first_bin : stop - side.first_bin
        ]
    return base


def _older(now: ColumnSide, earlier: Earlier | None, cluster: Cluster) -> F64:
    """Return what of a cluster is left of an earlier column; nothing where the history begins later."""
    if earlier is None:
        return np.zeros(cluster.stop_bin - cluster.first_bin)
    then, reached = earlier.sides[cluster.side.row], earlier.reached
    return still_there(
        cluster.side, cluster.first_bin, within(then, cluster), now.log_kept - then.log_kept, reached.lowest,
        reached.highest,
    )  # fmt: skip
