"""Collection of all venues by one process, each on its own: one that cannot be reached keeps nobody waiting."""

from __future__ import annotations

import asyncio
from functools import partial

import structlog

from liqgrid.engine.collect.exchange import opened
from liqgrid.engine.collect.feed import Feed, make_feeds, stored
from liqgrid.engine.collect.keep import OnRows, no_hook
from liqgrid.engine.collect.live import run_session
from liqgrid.engine.collect.plan import CollectPlan, VenuePlan
from liqgrid.engine.collect.venues import load_venue
from liqgrid.engine.market.errors import BadSetting, VenueUnreachable
from liqgrid.engine.market.job import Queue, Task
from liqgrid.engine.store.database import Connection
from liqgrid.engine.store.jobs import queue_job
from liqgrid.engine.store.progress import save_venue_status
from liqgrid.engine.store.sessions import Sessions

_log = structlog.get_logger()
_LONGEST_PAUSE_S = 300.0


async def collect(plan: CollectPlan, dsn: str, on_rows: OnRows = no_hook, backfill_days: float | None = None) -> None:
    """Collect until cancelled; what is committed then is whole.

    Parameters
    ----------
    plan
        Venues, pairs, streams.
    dsn
        Of a migrated database; while it is gone it is waited for.
    on_rows
        Called with the connection and the instrument inside each transaction that wrote rows a grid is made of.
    backfill_days
        Let the workers fetch so much of the past of a venue's instruments, once it is reached.

    Raises
    ------
    BadSetting
        If no venue has any of its pairs.
    ExceptionGroup
        Of what nobody expected.
    """
    sessions = Sessions(dsn)
    try:
        async with asyncio.TaskGroup() as group:
            for venue_plan in plan.venues:
                group.create_task(_collect_venue(plan, venue_plan, sessions, on_rows, backfill_days))
    finally:
        sessions.close()
    raise BadSetting("there is nothing to collect: no venue has any of its pairs; see `liqgrid config`")


async def _collect_venue(
    plan: CollectPlan, venue_plan: VenuePlan, sessions: Sessions, on_rows: OnRows, backfill_days: float | None
) -> None:
    venue = await asyncio.to_thread(load_venue, venue_plan.name)  # importing ccxt takes most of a second
    failures = 0
    while True:
        try:
            async with opened(venue, venue_plan) as exchange:
                feeds, missing = await make_feeds(venue, exchange, venue_plan, sessions, on_rows)
                if not feeds:
                    await stored(
                        sessions, partial(save_venue_status, venue=venue.name, reason="; ".join(missing.values()))
                    )
                    return
                await stored(sessions, partial(save_venue_status, venue=venue.name, reason=None))
                _log.info("collecting", venue=venue.name, instruments=len(feeds))
                if backfill_days is not None:
                    await stored(sessions, partial(_queue_backfills, feeds=feeds, days=backfill_days))
                    backfill_days = None
                failures = 0
                await run_session(feeds, plan, venue_plan)
        except VenueUnreachable as error:
            failures += 1
            pause_s = min(2.0 * 2 ** min(failures, 10), _LONGEST_PAUSE_S)
            _log.warning("venue cannot be reached", venue=venue.name, reason=error.message, again_in_s=pause_s)
            await stored(sessions, partial(save_venue_status, venue=venue.name, reason=error.message))
            await asyncio.sleep(pause_s)


def _queue_backfills(connection: Connection, feeds: list[Feed], days: float) -> None:
    for feed in feeds:
        queue_job(connection, Queue.BACKFILL, Task.BACKFILL, feed.instrument_id, {"days": days})
