"""Margin tiers as they change: a new dated set where a venue's differs from the one in force."""

from __future__ import annotations

from functools import partial

from liqgrid.engine.collect.exchange import ask
from liqgrid.engine.collect.feed import Feed, stored
from liqgrid.engine.market.tiers import TierSet, in_force
from liqgrid.engine.store.database import Connection
from liqgrid.engine.store.raw import load_tiers, lock_instrument, save_tiers

# Caps counted in contracts move with the price; only a move of this size is another set.
_CAP_MOVE_FRACTION = 0.2


async def keep_tiers(feed: Feed, price: float, now_ms: int) -> None:
    """Ask for the tiers of now and store them if they are new; nothing where a venue tells them for a key only.

    Raises
    ------
    VenueUnreachable
        If the venue does not answer.
    """
    if feed.venue.fetch_tiers is None:
        return
    found = await ask(feed.exchange, partial(feed.venue.fetch_tiers, feed.exchange, feed.contract, price, now_ms))

    def keep(connection: Connection) -> None:
        lock_instrument(connection, feed.instrument_id)
        known = load_tiers(connection, feed.instrument_id)
        if not known or _differ(in_force(known, now_ms), found):
            save_tiers(connection, feed.instrument_id, [found])

    await stored(feed.sessions, keep)


def _differ(old: TierSet, new: TierSet) -> bool:
    if len(old.tiers) != len(new.tiers):
        return True
    return any(
        (one.maintenance_margin_rate, one.max_leverage) != (other.maintenance_margin_rate, other.max_leverage)
        or abs(one.cap_quote - other.cap_quote) > _CAP_MOVE_FRACTION * one.cap_quote
        for one, other in zip(old.tiers, new.tiers, strict=True)
    )
