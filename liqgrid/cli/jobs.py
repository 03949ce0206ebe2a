"""What jobs do: the tasks of a worker, put together from the engine's parts.

A task that fails is written down (``status`` shows it) and, where that can help, queued again after a while: a database
that went away, a venue that did not answer, and what nobody expected. Rows that cannot be built wait for other rows.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from tenacity import Retrying, retry_if_exception_type, sleep_using_event, stop_when_event_set, wait_exponential

from liqgrid.cli.config import load_config
from liqgrid.cli.settings import Settings
from liqgrid.engine.build import HORIZONS_MS, build_instrument
from liqgrid.engine.market.errors import BadData, ErrorCode, LiqgridError, StoreUnavailable
from liqgrid.engine.market.job import Queue, Task
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.store.database import Connection
from liqgrid.engine.store.jobs import (
    delete_failure,
    delete_finished_jobs,
    queue_job,
    save_failure,
    save_retry,
)
from liqgrid.engine.store.raw import StoredInstrument, list_instruments
from liqgrid.engine.store.retention import delete_columns_beyond, delete_raw_before
from liqgrid.engine.store.sessions import Sessions
from liqgrid.engine.store.worker import Work

T = TypeVar("T")
_log = structlog.get_logger()
THREADS = {Queue.LIVE: 2, Queue.REBUILD: 1, Queue.BACKFILL: 2, Queue.UPKEEP: 1}
_MOST_ATTEMPTS = 10
_LONGEST_PAUSE_S = 300.0
_FAILED_JOBS_KEPT_HOURS = 7 * 24
_LONGEST_WAIT_S = 5.0  # for a database that went away
_DAILY = "17 3 * * *"
_DAY_MS = 86_400_000

_ALL = "all"


class Stopped(Exception):
    """The worker is told to end; the job goes back into its queue."""


def works(settings: Settings, sessions: Sessions, dsn: str, stopping: threading.Event) -> list[Work]:
    """Return the tasks a worker does, on the database of ``sessions``, until it is told to end."""

    def check() -> None:
        if stopping.is_set():
            raise Stopped

    patient = Patient(sessions, stopping)

    def build(arguments: dict[str, Any]) -> None:
        stored = _named(patient, arguments)

        def do() -> None:
            # What is stored while a build goes on is built before the next job has to be waited for.
            while sessions.run(lambda one: _build(one, stored, check, late=False)):
                check()

        _run(_Job(patient, Task.BUILD, Queue.LIVE, stored, arguments), do)

    def rebuild(arguments: dict[str, Any]) -> None:
        stored = _named(patient, arguments)
        # Once: while a past arrives there is always more, and other instruments wait.
        _run(
            _Job(patient, Task.REBUILD, Queue.REBUILD, stored, arguments),
            lambda: sessions.run(lambda one: _build(one, stored, check, late=True)),
        )

    def backfill(arguments: dict[str, Any]) -> None:
        stored = _named(patient, arguments)
        days = float(arguments["days"])
        _run(
            _Job(patient, Task.BACKFILL, Queue.BACKFILL, stored, arguments),
            lambda: _backfill(settings, dsn, stored, days, stopping),
        )

    def retain(arguments: dict[str, Any]) -> None:
        _run(
            _Job(patient, Task.RETENTION, Queue.UPKEEP, None, arguments),
            lambda: sessions.run(lambda one: _retain(one, settings)),
        )

    return [
        Work(Task.BUILD, build),
        Work(Task.REBUILD, rebuild),
        Work(Task.BACKFILL, backfill),
        Work(Task.RETENTION, retain, _DAILY),
    ]


def pause_s(attempts: int) -> float:
    """Return how long to wait before trying again what has failed so often in a row: 2, 4, 8 … seconds."""
    return min(2.0**attempts, _LONGEST_PAUSE_S)


@dataclass(frozen=True, slots=True)
class Patient:
    """Work on a database that is waited for when it goes away, until the worker is told to end."""

    sessions: Sessions
    stopping: threading.Event

    def run(self, work: Callable[[Connection], T]) -> T:
        """Do a piece of work in one transaction; it must not mind having been done already."""
        trying = Retrying(
            retry=retry_if_exception_type(StoreUnavailable),
            wait=wait_exponential(0.1, _LONGEST_WAIT_S),
            stop=stop_when_event_set(self.stopping),
            sleep=sleep_using_event(self.stopping),
            reraise=True,
        )
        result: T = trying(self.sessions.run, work)
        return result


@dataclass(frozen=True, slots=True)
class _Job:
    """A job under way; ``queue`` is where it waits when it is to be tried again, ``stored`` None where it is of all."""

    database: Patient
    task: Task
    queue: Queue
    stored: StoredInstrument | None
    arguments: dict[str, Any]

    @property
    def subject(self) -> str:
        return _ALL if self.stored is None else str(self.stored.instrument)

    def again(self, connection: Connection, delay_s: float = 0.0) -> None:
        if self.stored is not None:  # the clock queues the others
            others = {name: value for name, value in self.arguments.items() if name != "instrument_id"}
            queue_job(connection, self.queue, self.task, self.stored.instrument_id, others, delay_s)


def _run(job: _Job, do: Callable[[], object]) -> None:
    """Do a job and write down what came of it."""
    began = time.monotonic()
    try:
        do()
    except Stopped:
        job.database.run(job.again)
        _log.info(f"{job.task} stopped, to be taken up again", subject=job.subject)
    except Exception as error:
        _write_down(job, error)
        raise
    else:
        job.database.run(lambda one: delete_failure(one, job.task, job.subject))
        _log.info(str(job.task), subject=job.subject, seconds=round(time.monotonic() - began, 3))


def _write_down(job: _Job, error: Exception) -> None:
    expected = isinstance(error, LiqgridError)
    code = str(error.code if isinstance(error, LiqgridError) else ErrorCode.INTERNAL)
    message = error.message if isinstance(error, LiqgridError) else f"{type(error).__name__}: {error}"

    def save(connection: Connection) -> tuple[int, bool]:
        attempts = save_failure(connection, job.task, job.subject, code, message)
        retried = not isinstance(error, BadData) and attempts < _MOST_ATTEMPTS and job.stored is not None
        if retried:
            job.again(connection, pause_s(attempts))
            save_retry(connection, job.task, job.subject, pause_s(attempts))
        return attempts, retried

    attempts, retried = job.database.run(save)
    if expected and attempts & (attempts - 1):  # what fails with every new bar is told less and less often
        return
    tell = _log.warning if expected else _log.exception
    tell(
        f"{job.task} failed", subject=job.subject, code=code, reason=message, attempts=attempts,
        again_in_s=pause_s(attempts) if retried else None,
    )  # fmt: skip


def _named(database: Patient, arguments: dict[str, Any]) -> StoredInstrument:
    instrument_id = int(arguments["instrument_id"])
    for one in database.run(list_instruments):
        if one.instrument_id == instrument_id:
            return one
    raise BadData(f"a job names instrument {instrument_id}, which is not stored")


def _build(connection: Connection, stored: StoredInstrument, check: Callable[[], None], *, late: bool) -> bool:
    """Build what is stored; return whether there was anything to build."""
    done = build_instrument(connection, stored, ModelParameters(), lambda _done, _total: check(), late=late)
    return done is not None


def _backfill(settings: Settings, dsn: str, stored: StoredInstrument, days: float, stopping: threading.Event) -> None:
    from liqgrid.engine.collect.backfill import backfill  # noqa: PLC0415 - ccxt is slow to import

    plan = load_config(settings.home).plan([stored.instrument])

    async def run() -> None:
        fetching = asyncio.ensure_future(backfill(plan, dsn, days))
        while not fetching.done() and not stopping.is_set():
            await asyncio.wait([fetching], timeout=0.5)
        if not fetching.done():
            fetching.cancel()
            with suppress(asyncio.CancelledError):
                await fetching
            raise Stopped
        if failures := fetching.result().failures:
            name, reason = next(iter(failures.items()))
            raise LiqgridError(f"{name}: {reason}" + (f", and {len(failures) - 1} more" if len(failures) > 1 else ""))

    asyncio.run(run())


def _retain(connection: Connection, settings: Settings) -> None:
    columns = delete_columns_beyond(connection, HORIZONS_MS)
    jobs = delete_finished_jobs(connection, _FAILED_JOBS_KEPT_HOURS)
    raw: dict[str, int] = {}
    if settings.keep_raw_days is not None:
        raw = delete_raw_before(connection, round(time.time() * 1000) - settings.keep_raw_days * _DAY_MS)
    _log.info("retention", columns=columns, jobs=jobs, **raw)
