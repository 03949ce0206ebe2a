"""A worker: takes jobs out of the queues and runs them in threads. Only here and in ``queue`` is procrastinate used.

Every queue has its own threads, so that what takes long in one never holds up another. A worker is woken by the
notification that a job's insertion sends. It shows a heartbeat; the jobs of one that shows none any more are taken up
again by the others.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException

from liqgrid.engine.market.errors import StoreUnavailable
from liqgrid.engine.market.job import Queue, Task
from liqgrid.engine.store.jobs import is_any_due, take_up_stalled
from liqgrid.engine.store.sessions import Sessions

_log = structlog.get_logger()
HEARTBEAT_S = 2.0
SILENT_S = 10.0  # without a heartbeat, a worker is taken for dead
# How often a queue is looked at: a notification that comes just while it is looked at is missed.
_LOOK_S = {Queue.LIVE: 0.25}
_LOOK_OTHERWISE_S = 3.0
_CONNECT_S = 10.0
_PAUSES_S = (1.0, 2.0, 5.0, 10.0, 30.0)  # before trying again when the database has gone away


@dataclass(frozen=True, slots=True)
class Work:
    """A task and the function that does it, given the job's arguments; with a cron line it is queued by the clock."""

    task: Task
    do: Callable[[dict[str, Any]], None]
    cron: str | None = None


async def run_worker(
    dsn: str, works: Sequence[Work], threads: Mapping[Queue, int], told: asyncio.Event, *, drain: bool
) -> None:
    """Run jobs until told to end, or, to drain, until none is due; jobs under way are ended first.

    A database that goes away is waited for.

    Parameters
    ----------
    dsn
        Of a migrated database.
    works
        The tasks this worker can do.
    threads
        The queues it takes jobs from, and how many of each at once.
    told
        Set to end it.
    drain
        End when no job is due.

    Raises
    ------
    StoreUnavailable
        If the database goes away while draining.
    """
    logging.getLogger("procrastinate").setLevel(logging.CRITICAL)  # what came of a job is told by who does it
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(sum(threads.values()) + 2))
    sessions = Sessions(dsn)
    failures = 0
    try:
        while not told.is_set():
            began = loop.time()
            try:
                await _run_queues(dsn, works, threads, sessions, told, drain=drain)
            except (ConnectorException, StoreUnavailable) as error:
                reason = " ".join(str(error.__cause__ or error).split())
                if drain:
                    raise StoreUnavailable(f"the database went away: {reason}") from error
                failures = 0 if loop.time() - began > _PAUSES_S[-1] else failures
                pause_s = _PAUSES_S[min(failures, len(_PAUSES_S) - 1)]
                failures += 1
                _log.warning("the database went away", reason=reason, again_in_s=pause_s)
                with suppress(TimeoutError):
                    await asyncio.wait_for(told.wait(), pause_s)
            else:
                if drain and not await asyncio.to_thread(sessions.run, lambda one: is_any_due(one, threads.keys())):
                    return
    finally:
        sessions.close()


async def _run_queues(
    dsn: str,
    works: Sequence[Work],
    threads: Mapping[Queue, int],
    sessions: Sessions,
    told: asyncio.Event,
    *,
    drain: bool,
) -> None:
    """Run a procrastinate worker for each queue until told, drained, or one of them ends by itself."""
    app = App(connector=PsycopgConnector(conninfo=dsn, min_size=1, max_size=2 * len(threads) + 2, timeout=_CONNECT_S))
    for work in works:
        _register(app, work)
    async with app.open_async():
        queues = [
            asyncio.create_task(
                app.run_worker_async(
                    queues=[str(queue)],
                    name=str(queue),
                    concurrency=count,
                    wait=not drain,
                    fetch_job_polling_interval=_LOOK_S.get(queue, _LOOK_OTHERWISE_S),
                    delete_jobs="successful",
                    install_signal_handlers=False,
                    update_heartbeat_interval=HEARTBEAT_S,
                    stalled_worker_timeout=SILENT_S,
                )
            )
            for queue, count in threads.items()
        ]
        stalled = asyncio.create_task(_look_for_stalled(sessions))
        ended = asyncio.ensure_future(
            asyncio.wait(queues, return_when=asyncio.ALL_COMPLETED if drain else asyncio.FIRST_COMPLETED)
        )
        end = asyncio.create_task(told.wait())
        try:
            await asyncio.wait([ended, stalled, end], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*queues, stalled, ended, end):
                task.cancel()  # a queue's worker ends the jobs under way first
            outcomes = await asyncio.gather(*queues, stalled, ended, end, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome
        if not drain and not told.is_set():
            raise StoreUnavailable("a queue's connection ended")


def _register(app: App, work: Work) -> None:
    name = str(work.task)

    def do(**arguments: Any) -> None:
        work.do(arguments)

    def do_by_the_clock(timestamp: int) -> None:  # noqa: ARG001 - procrastinate says when it was due
        work.do({})

    if work.cron is None:
        app.task(name=name)(do)
    else:
        app.periodic(cron=work.cron)(app.task(name=name, queue=str(Queue.UPKEEP), queueing_lock=name)(do_by_the_clock))


async def _look_for_stalled(sessions: Sessions) -> None:
    while True:
        taken = await asyncio.to_thread(sessions.run, lambda connection: take_up_stalled(connection, SILENT_S))
        if taken:
            _log.warning("jobs of a silent worker are taken up again", jobs=len(taken))
        await asyncio.sleep(HEARTBEAT_S)
