"""Clusters and exposure as GraphQL: answers about one moment."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import strawberry

from liqgrid.api.graphql.clusters import Cluster, ClusterReads, cluster_reads, to_cluster
from liqgrid.api.graphql.context import Context, Info
from liqgrid.api.graphql.coverage import Coverage, ModelInfo, coverage_of, model_info
from liqgrid.api.graphql.scalars import PackedArray, packed, time_of
from liqgrid.api.profiles import Profile, clusters_within, nearest
from liqgrid.engine.market.instrument import SIDES, Side
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.model.clusters import Cluster as ModelCluster
from liqgrid.engine.model.exposure import cumulative_curve, measure_bands


@strawberry.interface(description="An answer about one moment.")
class Moment:
    profile: strawberry.Private[Profile]

    @strawberry.field(description="Pair, for example BTC-USDT, or coin, for example BTC.")
    def pair(self) -> str:
        return str(self.profile.pair)

    @strawberry.field(description="Interval of the column the answer is made of.")
    def interval(self) -> Interval:
        return self.profile.interval

    @strawberry.field(description="Close time of that column; nothing stamped later is in the answer.")
    def as_of(self) -> datetime:
        return time_of(self.profile.close_ms)

    @strawberry.field(description="Price then, quote per base, that of the instrument with the largest open interest.")
    def price(self) -> float:
        return self.profile.price

    @strawberry.field(description="Quote currency of all notionals; USD for a coin, whose dollar quotes count as one.")
    def unit(self) -> str:
        return self.profile.pair.quote

    @strawberry.field(description="What made the answer.")
    async def model(self, info: Info) -> ModelInfo:
        return await model_info(info.context.pool, self.profile.columns)

    @strawberry.field(description="What the answer covers and lacks.")
    async def coverage(self, info: Info) -> Coverage:
        profile = self.profile
        return await coverage_of(info.context.pool, profile.instruments, profile.columns, profile.interval)


@strawberry.type(description="The densest price ranges at one moment, largest notional first.")
class Clusters(Moment):
    clusters: list[Cluster] = strawberry.field(description="Largest notional first.")


@strawberry.type(
    description="Cumulative notional of one side from the price outwards: what a move to there liquidates."
)
class Curve:
    prices: PackedArray = strawberry.field(description="float64 [N], quote per base, moving away from the price.")
    notional: PackedArray = strawberry.field(description="float64 [N], quote currency liquidated on the way there.")


@strawberry.type(description="Both sides' notional within a distance of the price.")
class Band:
    within: float = strawberry.field(description="Distance from the price, a fraction.")
    long: float = strawberry.field(description="Longs liquidated by a fall of that much, quote currency.")
    short: float = strawberry.field(description="Shorts liquidated by a rise of that much, quote currency.")
    imbalance: float = strawberry.field(description="(long - short) / (long + short), -1 to 1; 0 where both are 0.")
    heavier: Side | None = strawberry.field(description="Side with more notional within the band; null if equal.")


@strawberry.type(description="One side of the book at one moment.")
class SideExposure:
    side: Side = strawberry.field(description="Side of the positions.")
    notional: float = strawberry.field(description="The whole side, quote currency, wherever it would be liquidated.")
    base: float = strawberry.field(description="The whole side, base currency; equal for both sides.")
    nearest: Cluster | None = strawberry.field(
        description="The nearest of the side's ten largest clusters within the widest band; null if there is none."
    )
    max_pain_price: float | None = strawberry.field(
        description="Peak price of the side's largest cluster within the widest band; null if there is none."
    )
    curve: Curve = strawberry.field(description="Cumulative notional out to the widest band.")


@strawberry.type(description="How much of each side would be liquidated, how near, and which side is heavier.")
class Exposure(Moment):
    long: SideExposure = strawberry.field(description="Longs, liquidated by falling prices.")
    short: SideExposure = strawberry.field(description="Shorts, liquidated by rising prices.")
    bands: list[Band] = strawberry.field(description="Both sides within each distance, nearest first.")
    heavier: Side | None = strawberry.field(description="Side with more notional within the widest band.")


def to_clusters(context: Context, profile: Profile, found: list[ModelCluster]) -> Clusters:
    """Return clusters as GraphQL."""
    reads = cluster_reads(context, profile)
    return Clusters(profile=profile, clusters=[to_cluster(cluster, reads) for cluster in found])


def to_exposure(context: Context, profile: Profile, within_fractions: list[float]) -> Exposure:
    """Return the exposure of a profile for ascending distances, at least one."""
    bands = measure_bands(profile.first_bin, profile.base[0], profile.base[1], profile.price, within_fractions)
    reads = cluster_reads(context, profile)
    long, short = (_side_exposure(reads, profile, side, within_fractions[-1]) for side in SIDES)
    return Exposure(
        profile=profile,
        long=long,
        short=short,
        bands=[
            Band(
                within=band.within_fraction,
                long=band.long_quote,
                short=band.short_quote,
                imbalance=band.imbalance,
                heavier=band.heavier,
            )
            for band in bands
        ],
        heavier=bands[-1].heavier,
    )


def _side_exposure(reads: ClusterReads, profile: Profile, side: Side, within_fraction: float) -> SideExposure:
    clusters = clusters_within(profile, side, within_fraction)
    near = nearest(clusters)
    curve = cumulative_curve(side, profile.first_bin, profile.base[side.row], profile.price, within_fraction)
    return SideExposure(
        side=side,
        notional=float(profile.total_quote[side.row]),
        base=profile.total_base,
        nearest=None if near is None else to_cluster(near, reads),
        max_pain_price=clusters[0].peak_price if clusters else None,
        curve=Curve(prices=packed(curve.price), notional=packed(np.asarray(curve.notional_quote))),
    )
