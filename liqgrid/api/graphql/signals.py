"""Signals as GraphQL: what levels, funding and open interest say together."""

from __future__ import annotations

import strawberry

from liqgrid.api.graphql.clusters import Cluster, cluster_reads, to_cluster
from liqgrid.api.graphql.context import Context
from liqgrid.api.graphql.levels import Moment
from liqgrid.api.moments import load_funding, load_open_interest
from liqgrid.api.profiles import Profile, clusters_within
from liqgrid.engine.market.instrument import SIDES, Side
from liqgrid.engine.model import signals
from liqgrid.engine.model.exposure import measure_bands

strawberry.enum(signals.Trend, description="Where a number went within its window; FLAT under its step.")


@strawberry.type(description="Which side has more notional within 5 % of the price.")
class HeavierSignal:
    side: Side | None = strawberry.field(description="Side from 55 % of both on; null below, or where both are empty.")
    within: float = strawberry.field(description="Distance from the price, a fraction: 0.05.")
    long: float = strawberry.field(description="Longs liquidated by a fall of that much, quote currency.")
    short: float = strawberry.field(description="Shorts liquidated by a rise of that much, quote currency.")
    imbalance: float = strawberry.field(description="(long - short) / (long + short), -1 to 1; 0 where both are 0.")


@strawberry.type(description="Funding of the venue with the largest open interest; above 0 longs pay shorts.")
class FundingSignal:
    rate: float = strawberry.field(description="Newest rate of the last 24 hours, a fraction of notional.")
    day: float = strawberry.field(description="Sum of the rates paid in the last 24 hours, a fraction of notional.")
    change: float | None = strawberry.field(
        description="`day` less the sum of the 24 hours before, a fraction of notional; null where those are unknown."
    )
    trend: signals.Trend | None = strawberry.field(description="Of `change`; FLAT under 0.0001.")
    paying: Side | None = strawberry.field(
        description="Side that pays for being many: LONG where `day` is over 0.0003, SHORT where below 0, else null."
    )


@strawberry.type(description="Open interest of the venue with the largest.")
class OpenInterestSignal:
    base: float = strawberry.field(description="Newest sample of the last hour, one side, base currency.")
    change: float | None = strawberry.field(
        description="Change against 24 hours before, a fraction of that; null where it is unknown."
    )
    trend: signals.Trend | None = strawberry.field(description="Of `change`; FLAT under 0.02.")


@strawberry.type(
    description="A side that is heavier, has funding to match, and grows with open interest: the positions a move "
    "against them would close by force. A description of the moment, no forecast."
)
class Squeeze:
    side: Side = strawberry.field(description="SHORT: a rise would liquidate them; LONG: a fall would.")
    notional: float = strawberry.field(description="That side within 5 % of the price, quote currency.")
    funding: float = strawberry.field(
        description="Funding of the last 24 hours, a fraction: below 0.0001 for SHORT, over 0.0003 for LONG."
    )
    open_interest_change: float = strawberry.field(description="In 24 hours, a fraction: at least 0.02.")


@strawberry.type(
    description="What levels, funding and open interest say together at one moment (docs/model.md, Signals). "
    "Descriptions, no advice; null where an input is missing."
)
class Signals(Moment):
    heavier: HeavierSignal = strawberry.field(description="The heavier side, with its numbers.")
    magnets: list[Cluster] = strawberry.field(
        description="The largest cluster of each side within 5 % of the price, nearest first; at most one a side."
    )
    funding: FundingSignal | None = strawberry.field(
        description="Funding and its trend; null where none is known of the last 24 hours."
    )
    open_interest: OpenInterestSignal | None = strawberry.field(
        description="Open interest and its trend; null where no sample of the last hour is known."
    )
    agree: bool | None = strawberry.field(
        description="Whether the heavier side is the one that pays funding while open interest rises; null where "
        "funding, or open interest of either time, is unknown."
    )
    squeeze: Squeeze | None = strawberry.field(description="Null where there is none, or an input is missing.")


async def load_signals(context: Context, profile: Profile) -> Signals:
    """Return the signals of a profile."""
    pool, reads = context.pool, cluster_reads(context, profile)
    (band,) = measure_bands(
        profile.first_bin, profile.base[0], profile.base[1], profile.price, [signals.WITHIN_FRACTION]
    )
    funding, interest = await load_funding(pool, profile), await load_open_interest(pool, profile)
    squeezed = signals.squeezed_side(band, funding, interest)
    magnets = [found[0] for side in SIDES if (found := clusters_within(profile, side, signals.WITHIN_FRACTION))]
    return Signals(
        profile=profile,
        heavier=HeavierSignal(
            side=signals.heavier_side(band),
            within=band.within_fraction,
            long=band.long_quote,
            short=band.short_quote,
            imbalance=band.imbalance,
        ),
        magnets=[to_cluster(one, reads) for one in sorted(magnets, key=lambda one: one.distance_fraction)],
        funding=None if funding is None else _funding(funding),
        open_interest=None
        if interest is None
        else OpenInterestSignal(base=interest.base, change=interest.change_fraction, trend=interest.trend),
        agree=signals.agree(band, funding, interest),
        squeeze=None
        if squeezed is None or funding is None or interest is None or interest.change_fraction is None
        else Squeeze(
            side=squeezed,
            notional=band.long_quote if squeezed is Side.LONG else band.short_quote,
            funding=funding.day_fraction,
            open_interest_change=interest.change_fraction,
        ),
    )


def _funding(funding: signals.Funding) -> FundingSignal:
    return FundingSignal(
        rate=funding.rate_fraction,
        day=funding.day_fraction,
        change=funding.change_fraction,
        trend=funding.trend,
        paying=funding.paying,
    )
