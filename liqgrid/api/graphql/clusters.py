"""A cluster as GraphQL: what it is at once, and what it is made of and where it came from only when asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import strawberry
from strawberry.dataloader import DataLoader

from liqgrid.api.composition import Part, by_age, by_instrument, by_leverage
from liqgrid.api.graphql.context import Context
from liqgrid.api.graphql.scalars import optional_time, time_of
from liqgrid.api.lineage import Lineage, trace
from liqgrid.api.profiles import Profile
from liqgrid.engine.market.instrument import Side
from liqgrid.engine.model.age import AGE_LIMITS_MS
from liqgrid.engine.model.clusters import Cluster as ModelCluster

_NOTIONAL = "Quote currency, base × the mid price of its bin."
_SHARE = "Part of the cluster's notional, 0 to 1; the parts add up to 1."


@dataclass(frozen=True, slots=True)
class ClusterReads:
    """What clusters of one answer ask for later, for all of them together."""

    profile: Profile
    leverage: DataLoader[ModelCluster, dict[float, Part]]
    age: DataLoader[ModelCluster, list[Part]]
    lineage: DataLoader[ModelCluster, Lineage]


def cluster_reads(context: Context, profile: Profile) -> ClusterReads:
    """Return loaders over a profile: whatever its clusters ask for in one go is one read."""

    async def leverage(clusters: list[ModelCluster]) -> list[dict[float, Part]]:
        return await by_leverage(context.pool, profile, clusters)

    async def age(clusters: list[ModelCluster]) -> list[list[Part]]:
        return await by_age(context.pool, profile, clusters)

    async def lineage(clusters: list[ModelCluster]) -> list[Lineage]:
        return await trace(context.pool, context.steps, profile, clusters)

    return ClusterReads(profile, DataLoader(leverage), DataLoader(age), DataLoader(lineage))


@strawberry.type(description="The part of a cluster that positions of one leverage hold.")
class LeveragePart:
    leverage: float = strawberry.field(description="Leverage class, for example 25.")
    notional: float = strawberry.field(description=_NOTIONAL)
    share: float = strawberry.field(description=_SHARE)


@strawberry.type(description="The part of a cluster that opened some time ago.")
class AgePart:
    younger_than: float | None = strawberry.field(description="Opened after this many seconds ago; null: no limit.")
    older_than: float | None = strawberry.field(description="Opened at least this many seconds ago; null: no limit.")
    notional: float = strawberry.field(description=_NOTIONAL)
    share: float = strawberry.field(description=_SHARE)


@strawberry.type(description="The part of a cluster that is one instrument's.")
class VenuePart:
    venue: str = strawberry.field(description="Venue, for example binance.")
    symbol: str = strawberry.field(description="venue:base-quote, for example binance:BTC-USDT.")
    notional: float = strawberry.field(description=_NOTIONAL)
    share: float = strawberry.field(description=_SHARE)


@strawberry.type(description="What a cluster is made of (docs/model.md, Clusters over time). Read only when asked for.")
class Composition:
    cluster: strawberry.Private[ModelCluster]
    reads: strawberry.Private[ClusterReads]

    @strawberry.field(
        description="By leverage class, lowest first, those that are there. Classes are stored per 40 basis points, in "
        "255ths."
    )
    async def leverage(self) -> list[LeveragePart]:
        parts = await self.reads.leverage.load(self.cluster)
        return [LeveragePart(leverage=leverage, **_amounts(part)) for leverage, part in parts.items()]

    @strawberry.field(
        description="By age, youngest first: under 1 day, 1 to 7, 7 to 30, over 30 days. Where the history begins "
        "later, what is placed counts as opened since."
    )
    async def age(self) -> list[AgePart]:
        parts = await self.reads.age.load(self.cluster)
        seconds = [limit_ms / 1000 for limit_ms in AGE_LIMITS_MS]
        limits = zip([*seconds, None], [None, *seconds], strict=True)
        return [
            AgePart(younger_than=younger, older_than=older, **_amounts(part))
            for (younger, older), part in zip(limits, parts, strict=True)
        ]

    @strawberry.field(description="By instrument, the one with the largest open interest first.")
    def venues(self) -> list[VenuePart]:
        return [
            VenuePart(venue=row.venue, symbol=f"{row.venue}:{row.pair}", **_amounts(part))
            for row, part in by_instrument(self.reads.profile, self.cluster)
        ]


def _amounts(part: Part) -> dict[str, float]:
    return {"notional": part.notional_quote, "share": part.share_fraction}


@strawberry.type(description="When a cluster was largest, of the columns its past was followed over.")
class ClusterPeak:
    at: datetime = strawberry.field(description="Close time of that column.")
    notional: float = strawberry.field(description="What rested in its range then, quote currency.")


@strawberry.type(description="A dense price range of one side (docs/model.md, Clusters).")
class Cluster:
    cluster: strawberry.Private[ModelCluster]
    reads: strawberry.Private[ClusterReads]
    side: Side = strawberry.field(description="Side of the positions: longs lie below the price, shorts above.")
    low: float = strawberry.field(description="Lower edge, quote per base.")
    high: float = strawberry.field(description="Upper edge, quote per base.")
    peak_price: float = strawberry.field(description="Price of the densest bin, quote per base.")
    notional: float = strawberry.field(description="What rests in the range, quote currency.")
    base: float = strawberry.field(description="What rests in the range, base currency.")
    distance: float = strawberry.field(description="Distance of the peak from the price, a fraction, not negative.")
    share: float = strawberry.field(description="Part of the whole side's notional, 0 to 1.")

    @strawberry.field(description="What it is made of.")
    def composition(self) -> Composition:
        return Composition(cluster=self.cluster, reads=self.reads)

    @strawberry.field(
        description="Name of the cluster over time: the same at later columns while it goes on, of one answer never "
        "twice (docs/model.md, Clusters over time). Follows from pair or coin, instruments, side and birth."
    )
    async def id(self) -> strawberry.ID:
        return strawberry.ID((await self.reads.lineage.load(self.cluster)).cluster_id)

    @strawberry.field(
        description="Close time of the first column it is seen in, to the hour; null if it is older than was looked "
        "for (`bornBefore`)."
    )
    async def born(self) -> datetime | None:
        return optional_time((await self.reads.lineage.load(self.cluster)).born_ms)

    @strawberry.field(description="Null, or a time it was there already, where its birth lies further back.")
    async def born_before(self) -> datetime | None:
        return optional_time((await self.reads.lineage.load(self.cluster)).born_before_ms)

    @strawberry.field(description="When it was largest since its birth.")
    async def peak(self) -> ClusterPeak:
        lineage = await self.reads.lineage.load(self.cluster)
        return ClusterPeak(at=time_of(lineage.peak_ms), notional=lineage.peak_quote)

    @strawberry.field(
        description="Part of it that the price took since its birth, 0 to 1: taken ÷ (taken + what rests), in base "
        "units; a floor."
    )
    async def swept(self) -> float:
        return (await self.reads.lineage.load(self.cluster)).swept_fraction


def to_cluster(cluster: ModelCluster, reads: ClusterReads) -> Cluster:
    """Return a cluster as GraphQL."""
    return Cluster(
        cluster=cluster,
        reads=reads,
        side=cluster.side,
        low=cluster.low,
        high=cluster.high,
        peak_price=cluster.peak_price,
        notional=cluster.notional_quote,
        base=cluster.base,
        distance=cluster.distance_fraction,
        share=cluster.share_fraction,
    )
