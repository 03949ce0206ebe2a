"""Cascades and stop zones as GraphQL: what if the price goes there, and where a sweep would stop short."""

from __future__ import annotations

import numpy as np
import strawberry

from liqgrid.api.graphql.levels import Moment
from liqgrid.api.graphql.scalars import PackedArray, packed
from liqgrid.api.profiles import Profile
from liqgrid.api.what_if import ProfileCascade
from liqgrid.engine.market.instrument import SIDES, Side
from liqgrid.engine.model.cascade import Legs, Steps
from liqgrid.engine.model.clusters import Cluster
from liqgrid.engine.model.stops import StopZone as ModelZone


@strawberry.type(description="What a cascade liquidates of one side: a floor, for what is in no bin cannot be passed.")
class CascadeSide:
    side: Side = strawberry.field(description="Side of the positions.")
    notional: float = strawberry.field(description="Liquidated, quote currency.")
    base: float = strawberry.field(description="Liquidated, base currency.")
    share: float = strawberry.field(description="Part of the whole side's notional that is liquidated, 0 to 1.")
    unbinned_share: float = strawberry.field(
        description="Part of the whole side's notional that no travel passes, 0 to 1: its entry prices are unknown, or "
        "it lies beyond a factor of two from the price. What of it would be liquidated is not in `notional`."
    )


@strawberry.type(description="What is liquidated, bin by bin in order of travel; bins that hold nothing are left out.")
class CascadeSteps:
    steps: strawberry.Private[Steps]

    @strawberry.field(description="int64 [N]: index of the leg, from 0, ascending.")
    def leg(self) -> PackedArray:
        return packed(self.steps.leg)

    @strawberry.field(description="int64 [N]: 0 LONG, 1 SHORT.")
    def side(self) -> PackedArray:
        return packed(self.steps.side_row)

    @strawberry.field(description="float64 [N]: mid price of the bin, quote per base.")
    def price(self) -> PackedArray:
        return packed(self.steps.price)

    @strawberry.field(description="float64 [N]: liquidated there, base currency.")
    def base(self) -> PackedArray:
        return packed(self.steps.base)

    @strawberry.field(description="float64 [N]: liquidated there, quote currency.")
    def notional(self) -> PackedArray:
        return packed(self.steps.notional_quote)

    @strawberry.field(description="float64 [N]: liquidated by then, both sides and all legs, quote currency.")
    def cumulative(self) -> PackedArray:
        return packed(np.cumsum(self.steps.notional_quote))


@strawberry.type(description="The legs of a travel, one for each target, in order.")
class CascadeLegs:
    legs: strawberry.Private[Legs]

    @strawberry.field(description="float64 [L]: where the leg starts, quote per base: where the one before ended.")
    def start(self) -> PackedArray:
        return packed(self.legs.start)

    @strawberry.field(description="float64 [L]: the price aimed at, as it was asked for.")
    def target(self) -> PackedArray:
        return packed(self.legs.target)

    @strawberry.field(description="float64 [L]: where the leg ends: the target, moved on by impact.")
    def end(self) -> PackedArray:
        return packed(self.legs.end)

    @strawberry.field(description="int64 [L]: 0 LONG for a fall, 1 SHORT for a rise, -1 if the target is the last one.")
    def side(self) -> PackedArray:
        return packed(self.legs.side_row)

    @strawberry.field(description="float64 [L]: liquidated on the leg, base currency.")
    def base(self) -> PackedArray:
        return packed(self.legs.base)

    @strawberry.field(description="float64 [L]: liquidated on the leg, quote currency.")
    def notional(self) -> PackedArray:
        return packed(self.legs.notional_quote)

    @strawberry.field(description="float64 [L]: the part of `notional` beyond the target, quote currency.")
    def overshoot(self) -> PackedArray:
        return packed(self.legs.overshoot_quote)

    @strawberry.field(
        description="int64 [L]: 1 where impact would have gone on beyond a factor of two from `price`, where columns "
        "end, and the leg ends there; else 0."
    )
    def at_column_end(self) -> PackedArray:
        return packed(self.legs.at_column_end)


@strawberry.type(
    description="What a price liquidates that travels from `price` along given targets; nothing opens or closes "
    "meanwhile, and nothing is liquidated twice (docs/model.md, What if)."
)
class Cascade(Moment):
    answer: strawberry.Private[ProfileCascade]
    long: CascadeSide = strawberry.field(description="Longs, liquidated by falls.")
    short: CascadeSide = strawberry.field(description="Shorts, liquidated by rises.")

    @strawberry.field(description="Where the price ends, quote per base: the last target, moved on by impact.")
    def end_price(self) -> float:
        return self.answer.cascade.end_price

    @strawberry.field(
        description="Notional, quote currency, that the same travel without impact would not have liquidated."
    )
    def triggered(self) -> float:
        return self.answer.cascade.triggered_quote

    @strawberry.field(description="Coefficient Y of the square-root law, as it was asked for; 0 is no impact.")
    def impact(self) -> float:
        return self.answer.impact

    @strawberry.field(
        description="Standard deviation of a day's log return up to `asOf`, a fraction; null where it is not known."
    )
    def daily_volatility(self) -> float | None:
        return None if self.answer.day is None else self.answer.day.volatility

    @strawberry.field(description="Volume of a day up to `asOf`, quote currency; null where it is not known.")
    def daily_volume(self) -> float | None:
        return None if self.answer.day is None else self.answer.day.volume_quote

    @strawberry.field(description="How many columns both rest on, of the venue with the fewest; 0 where not known.")
    def daily_columns(self) -> int:
        return 0 if self.answer.day is None else self.answer.day.bars

    @strawberry.field(description="What is liquidated, bin by bin in order of travel.")
    def steps(self) -> CascadeSteps:
        return CascadeSteps(steps=self.answer.cascade.steps)

    @strawberry.field(description="One leg for each target.")
    def legs(self) -> CascadeLegs:
        return CascadeLegs(legs=self.answer.cascade.legs)


@strawberry.type(description="A dense cluster beside a stop zone.")
class ZoneCluster:
    low: float = strawberry.field(description="Lower edge, quote per base.")
    high: float = strawberry.field(description="Upper edge, quote per base.")
    peak_price: float = strawberry.field(description="Price of the densest bin, quote per base.")
    notional: float = strawberry.field(description="What rests in the range, quote currency.")


@strawberry.type(description="A price range clear of dense clusters (docs/model.md, Stop zones).")
class StopZone:
    side: Side = strawberry.field(
        description="Side of the position whose stop lies there: below the price for LONG, above for SHORT."
    )
    low: float = strawberry.field(description="Lower edge, quote per base.")
    high: float = strawberry.field(description="Upper edge, quote per base.")
    distance: float = strawberry.field(description="Distance of the nearer edge from the price, a fraction.")
    notional: float = strawberry.field(description="What rests in the zone, quote currency.")
    density: float = strawberry.field(
        description="Notional per bin in the zone ÷ the mean per bin of that side within the distance asked for."
    )
    before: float = strawberry.field(
        description="Quote currency liquidated between the price and the nearer edge: what a sweep takes first."
    )
    cluster_before: ZoneCluster | None = strawberry.field(
        description="The next dense cluster towards the price; null if there is none."
    )
    cluster_beyond: ZoneCluster | None = strawberry.field(
        description="The next dense cluster away from the price, which may lie further out than `within`; null if none."
    )


@strawberry.type(description="Price ranges near the price that are clear of dense clusters, at one moment.")
class StopZones(Moment):
    zones: list[StopZone] = strawberry.field(description="Nearest first.")


def to_cascade(answer: ProfileCascade) -> Cascade:
    """Return a cascade as GraphQL."""
    done = answer.cascade
    long, short = (
        CascadeSide(
            side=side,
            notional=float(done.notional_quote[side.row]),
            base=float(done.base[side.row]),
            share=answer.share_fraction(side),
            unbinned_share=answer.unbinned_fraction(side),
        )
        for side in SIDES
    )
    return Cascade(profile=answer.profile, answer=answer, long=long, short=short)


def to_stop_zones(profile: Profile, found: list[ModelZone]) -> StopZones:
    """Return stop zones as GraphQL."""
    zones = [
        StopZone(
            side=zone.side,
            low=zone.low,
            high=zone.high,
            distance=zone.distance_fraction,
            notional=zone.notional_quote,
            density=zone.density_ratio,
            before=zone.before_quote,
            cluster_before=_zone_cluster(zone.before),
            cluster_beyond=_zone_cluster(zone.beyond),
        )
        for zone in found
    ]
    return StopZones(profile=profile, zones=zones)


def _zone_cluster(cluster: Cluster | None) -> ZoneCluster | None:
    if cluster is None:
        return None
    return ZoneCluster(
        low=cluster.low, high=cluster.high, peak_price=cluster.peak_price, notional=cluster.notional_quote
    )
