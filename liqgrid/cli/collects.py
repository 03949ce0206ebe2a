"""``liqgrid collect`` and ``liqgrid backfill``: until told to end, or done."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from liqgrid.cli.config import load_config
from liqgrid.cli.interrupts import INTERRUPTED
from liqgrid.cli.logs import configure_logs
from liqgrid.cli.progress import progress
from liqgrid.cli.settings import Settings
from liqgrid.cli.text import say, warn
from liqgrid.engine.collect.plan import CollectPlan
from liqgrid.engine.market.errors import LiqgridError
from liqgrid.engine.market.instrument import parse_instrument
from liqgrid.engine.market.job import Queue, Task
from liqgrid.engine.store.database import connected
from liqgrid.engine.store.jobs import queue_job
from liqgrid.engine.store.raw import ensure_instrument

T = TypeVar("T")


def run_until_told(work: Coroutine[Any, Any, T]) -> T | None:
    """Run until it is done or a signal comes; then let it end in its own way, and return None.

    Raises
    ------
    LiqgridError
        If one ended it, alone or in a group.
    """

    async def run() -> T | None:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        told = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        for number in told:
            loop.add_signal_handler(number, task.cancel)
        try:
            return await task
        except asyncio.CancelledError:
            return None
        except BaseExceptionGroup as group:
            expected = first_expected(group)
            if expected is None:
                raise
            raise expected from group
        finally:
            for number, handler in told.items():  # asyncio would leave what Python does by default
                loop.remove_signal_handler(number)
                signal.signal(number, handler)

    return asyncio.run(run())


def first_expected(group: BaseExceptionGroup[BaseException]) -> LiqgridError | None:
    """Return an error with words for people, of those that ended several tasks."""
    for error in group.exceptions:
        found = first_expected(error) if isinstance(error, BaseExceptionGroup) else error
        if isinstance(found, LiqgridError):
            return found
    return None


def plan_of(settings: Settings, given: Path | None, instruments: list[str]) -> CollectPlan:
    """Return what the configuration says is collected, or of the instruments named."""
    return load_config(settings.home, given).plan([parse_instrument(one) for one in instruments] or None)


def backfill(plan: CollectPlan, dsn: str, days: float) -> int:
    """Fetch the past and say what came of it; return the exit code.

    Raises
    ------
    LiqgridError
        If anything failed; what came before is stored.
    """
    from liqgrid.engine.collect.backfill import backfill as fetch  # noqa: PLC0415 - slow to import

    configure_logs()
    names = ", ".join(f"{venue.name} ({len(venue.pairs)})" for venue in plan.venues)
    with progress(f"backfilling {names}", "requests") as report:
        done = run_until_told(fetch(plan, dsn, days, report))
    if done is None:
        warn("interrupted; what came is stored, and the same command goes on from there")
        return INTERRUPTED
    say("backfill", f"{done.requests} requests, {done.rows} new rows")
    for name, reason in done.failures.items():
        warn(f"{name}: {reason}")
    if done.failures:
        raise LiqgridError(f"{len(done.failures)} of the streams could not be filled; the same command tries again")
    return 0


def queue_backfills(plan: CollectPlan, dsn: str, days: float) -> None:
    """Queue a backfill of every instrument for the workers, and say which are queued."""
    with connected(dsn) as connection:
        for instrument in (one for venue in plan.venues for one in venue.instruments):
            with connection.transaction():
                stored = ensure_instrument(connection, instrument)
                new = queue_job(connection, Queue.BACKFILL, Task.BACKFILL, stored.instrument_id, {"days": days})
            say("backfill", f"{instrument}: {'queued' if new else 'one waits already'}")


def collect(plan: CollectPlan, dsn: str, backfill_days: float | None = None) -> None:
    """Collect until told to end, and let the workers fetch so many days of the past."""
    from liqgrid.engine.collect.collector import collect as keep  # noqa: PLC0415 - slow to import

    configure_logs()
    say_plan(plan)
    say("", "Ctrl-C ends it; what is stored stays whole.")
    run_until_told(keep(plan, dsn, backfill_days=backfill_days))


def say_plan(plan: CollectPlan) -> None:
    """Say of which venues what is collected."""
    for venue in plan.venues:
        say("collect", f"{venue.name}: {', '.join(map(str, venue.pairs))}")
