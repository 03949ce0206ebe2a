"""What if: cascades and stop zones of one profile, for GraphQL and REST alike."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from liqgrid.api.database import Pool
from liqgrid.api.profiles import Profile, check_distance
from liqgrid.engine.market.axis import MAX_PRICE, MIN_PRICE
from liqgrid.engine.market.errors import BadRequest, NotBuilt, RangeTooLarge
from liqgrid.engine.market.instrument import SIDES, Side
from liqgrid.engine.model.cascade import Cascade, run_cascade
from liqgrid.engine.model.impact import Impact, MarketDay, VenueBars, measure_day, window_bars
from liqgrid.engine.model.stops import StopZone, locate_stop_zones
from liqgrid.sql import queries

MAX_LEGS = 1000
MAX_ZONES = 200
MAX_IMPACT = 10.0
_SQL = queries("api")


@dataclass(frozen=True, slots=True)
class ProfileCascade:
    """A cascade of a profile's book, the coefficient it was asked for with, and the day measured, None if unknown."""

    profile: Profile
    cascade: Cascade
    impact: float
    day: MarketDay | None

    def share_fraction(self, side: Side) -> float:
        """Return the part of the whole side that is liquidated, 0 to 1."""
        return self._part(side, float(self.cascade.notional_quote[side.row]))

    def unbinned_fraction(self, side: Side) -> float:
        """Return the part of the whole side that no travel can pass: what is unplaced or outside."""
        whole = float(self.profile.total_quote[side.row])
        return self._part(side, whole - float(self.cascade.placed_quote[side.row]))

    def _part(self, side: Side, notional_quote: float) -> float:
        whole = float(self.profile.total_quote[side.row])
        return min(max(notional_quote / whole, 0.0), 1.0) if whole > 0 else 0.0


def check_path(price_to: float | None, path: Sequence[float] | None) -> list[float]:
    """Return the targets of a travel, given as one price or as a path.

    Raises
    ------
    BadRequest
        If both or neither are given, there is no target, or one is no price.
    RangeTooLarge
        If there are too many.
    """
    if (price_to is None) == (path is None):
        raise BadRequest("give priceTo or path, one of them")
    targets = [*([] if price_to is None else [price_to]), *(path or [])]
    if not targets:
        raise BadRequest("path was empty; give the prices to travel to, in order")
    if len(targets) > MAX_LEGS:
        raise RangeTooLarge(
            f"path had {len(targets)} prices; at most {MAX_LEGS} are answered: leave out those on the way to the next",
            legs=len(targets),
        )
    for target in targets:
        if not MIN_PRICE <= target <= MAX_PRICE:
            raise BadRequest(f"a price to travel to was {target!r}; it must be within {MIN_PRICE:g} and {MAX_PRICE:g}")
    return targets


def check_impact(coefficient: float) -> None:
    """Raise unless an impact coefficient is usable."""
    if not 0 <= coefficient <= MAX_IMPACT:
        raise BadRequest(f"impact was {coefficient!r}; it must be 0 to {MAX_IMPACT:g}")


async def load_cascade(pool: Pool, profile: Profile, path: Sequence[float], coefficient: float) -> ProfileCascade:
    """Return the cascade of checked targets, with impact if the (checked) coefficient is over 0.

    Raises
    ------
    NotBuilt
        If there is to be impact, and the columns before do not tell volatility and volume.
    """
    day = await load_day(pool, profile)
    if coefficient > 0 and day is None:
        raise NotBuilt(
            f"impact needs the volatility and volume of a day, and the {profile.interval} columns of {profile.pair} up "
            "to that time are too few, or their volume is unknown: ask with impact 0, another interval or later",
            pair=str(profile.pair),
            interval=str(profile.interval),
        )
    impact = Impact(coefficient, day) if coefficient > 0 and day is not None else None
    # In a thread, so that a path of many legs keeps nobody else waiting.
    cascade = await asyncio.to_thread(run_cascade, profile.first_bin, profile.base, profile.price, path, impact)
    return ProfileCascade(profile, cascade, coefficient, day)


async def load_day(pool: Pool, profile: Profile) -> MarketDay | None:
    """Return volatility and volume of the day up to a profile, of the venues in it, None where they are not known."""
    present = {column.instrument_id for column in profile.columns}
    ids = [row.instrument_id for row in profile.instruments if row.instrument_id in present]
    since_ms = profile.close_ms - window_bars(profile.interval) * profile.interval.ms
    rows = await pool.fetch(_SQL["column_bars"], ids, str(profile.interval), since_ms, profile.close_ms)
    bars = {
        row["instrument_id"]: VenueBars(
            *(np.array(row[name], dtype=np.float64) for name in ("open", "close", "volume_base"))
        )
        for row in rows
    }
    # Every one of them has at least the profile's own column.
    return measure_day(profile.interval, [bars[instrument_id] for instrument_id in ids])


def stop_zones(
    profile: Profile, side: Side | None, within_fraction: float, least_width_fraction: float, limit: int
) -> list[StopZone]:
    """Return the zones of one side, or of both, nearest first.

    Raises
    ------
    BadRequest
        If a distance or the limit is out of range.
    """
    check_distance("within", within_fraction)
    check_distance("minWidth", least_width_fraction)
    if not 1 <= limit <= MAX_ZONES:
        raise BadRequest(f"limit was {limit}; it must be 1 to {MAX_ZONES}", limit=limit)
    found = [
        zone
        for one in ([side] if side else SIDES)
        for zone in locate_stop_zones(
            one, profile.first_bin, profile.base[one.row], profile.price, within_fraction, least_width_fraction
        )
    ]
    return sorted(found, key=lambda zone: zone.distance_fraction)[:limit]
