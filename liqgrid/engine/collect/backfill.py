"""Backfill: the past of instruments, newest first, as deep as asked for and as each venue allows.

Every window is committed with its cursor, so whatever ends it, the next run goes on from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import structlog

from liqgrid.engine.collect.exchange import opened
from liqgrid.engine.collect.feed import Feed, cursor_of, fetch_window, make_feeds, newest_open
from liqgrid.engine.collect.keep import OnRows, no_hook
from liqgrid.engine.collect.plan import CollectPlan, VenuePlan
from liqgrid.engine.collect.venues import load_venue
from liqgrid.engine.collect.venues.venue import DAY_MS, Rows, Source
from liqgrid.engine.collect.windows import backward, count, forward, newest_end, oldest_start
from liqgrid.engine.market.errors import VenueUnreachable
from liqgrid.engine.market.rows import BarRows, LiquidationBarRows
from liqgrid.engine.market.stream import Stream
from liqgrid.engine.store.progress import Span
from liqgrid.engine.store.sessions import Sessions

_log = structlog.get_logger()
_AT_ONCE = 4  # streams of a venue; its rate limit is what they wait for
_ENOUGH_EMPTY = 3  # empty windows in a row, going back: the instrument did not exist yet


@dataclass
class BackfillReport:
    """What a backfill did: requests answered and rows that were new; what failed, by instrument or venue, and why."""

    requests: int = 0
    rows: int = 0
    failures: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Task:
    """A stream of an instrument: what lies after its cursor, and what before."""

    feed: Feed
    stream: Stream
    source: Source
    later: Span
    earlier: Span

    @property
    def requests(self) -> int:
        return count(self.later, self.source) + count(self.earlier, self.source)


class _Counter:
    """Counts requests over all venues."""

    def __init__(self, on_progress: Callable[[int, int], None]) -> None:
        self.done = self.total = 0
        self._on_progress = on_progress

    def add(self, done: int = 0, total: int = 0) -> None:
        self.done += done
        self.total += total
        self._on_progress(self.done, self.total)


async def backfill(
    plan: CollectPlan,
    dsn: str,
    days: float,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    on_rows: OnRows = no_hook,
) -> BackfillReport:
    """Fetch what is not yet stored of the last ``days`` days; return what came of it.

    Parameters
    ----------
    plan
        Venues, pairs, streams.
    dsn
        Of a migrated database.
    days
        How far back from now.
    on_progress
        Called with the requests done and those there are in all.
    on_rows
        As of ``collect``.
    """
    sessions = Sessions(dsn)
    report, counter = BackfillReport(), _Counter(on_progress)
    try:
        async with asyncio.TaskGroup() as group:
            for venue_plan in plan.venues:
                group.create_task(_backfill_venue(venue_plan, sessions, days, report, counter, on_rows))
    finally:
        sessions.close()
    return report


async def _backfill_venue(
    venue_plan: VenuePlan, sessions: Sessions, days: float, report: BackfillReport, counter: _Counter, on_rows: OnRows
) -> None:
    venue = await asyncio.to_thread(load_venue, venue_plan.name)
    try:
        async with opened(venue, venue_plan) as exchange:
            feeds, missing = await make_feeds(venue, exchange, venue_plan, sessions, on_rows)
            report.failures |= missing
            tasks = [task for feed in feeds for task in await _tasks(feed, venue_plan, days)]
            counter.add(total=sum(task.requests for task in tasks))
            at_once = asyncio.Semaphore(_AT_ONCE)
            async with asyncio.TaskGroup() as group:
                for task in tasks:
                    group.create_task(_run(task, at_once, report, counter))
    except VenueUnreachable as error:
        _log.warning("venue cannot be reached", venue=venue.name, reason=error.message)
        report.failures[venue.name] = error.message


async def _tasks(feed: Feed, venue_plan: VenuePlan, days: float) -> list[_Task]:
    venue_ms, _ = await newest_open(feed)
    tasks = []
    for stream, source in feed.streams(venue_plan.streams):
        end_ms = newest_end(source, venue_ms)
        start_ms = oldest_start(source, round(venue_ms - days * DAY_MS), venue_ms)
        collected = await cursor_of(feed, stream, end_ms)
        later = Span(max(collected.end_ms, oldest_start(source, 0, venue_ms)), end_ms)
        tasks.append(_Task(feed, stream, source, later, Span(start_ms, collected.start_ms)))
    return tasks


async def _run(task: _Task, at_once: asyncio.Semaphore, report: BackfillReport, counter: _Counter) -> None:
    async with at_once:
        done = 0
        try:
            for window in forward(task.later, task.source):
                await _fetch(task, window, report)
                counter.add(done=1)
                done += 1
            empty = 0
            for window in backward(task.earlier, task.source):
                rows = await _fetch(task, window, report)
                counter.add(done=1)
                done += 1
                empty = empty + 1 if not _length(rows) else 0
                if empty == _ENOUGH_EMPTY:
                    break
        except VenueUnreachable as error:
            name = f"{task.feed.contract.instrument} {task.stream}"
            _log.warning("backfill failed", instrument=name, reason=error.message)
            report.failures[name] = error.message
        finally:
            counter.add(done=task.requests - done)


async def _fetch(task: _Task, window: Span, report: BackfillReport) -> Rows:
    rows, written = await fetch_window(task.feed, task.stream, task.source, window)
    report.requests += 1
    report.rows += written
    return rows


def _length(rows: Rows) -> int:
    if isinstance(rows, BarRows):
        return len(rows.bars)
    return int(np.size(rows.open_ms if isinstance(rows, LiquidationBarRows) else rows.ts_ms))
