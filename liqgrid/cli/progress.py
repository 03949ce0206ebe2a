"""Progress of long work: a bar on a terminal, ``key=value`` lines elsewhere; both on standard error."""

# ruff: noqa: PLC0415 - only one of the two displays is needed

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SECONDS_BETWEEN_LINES = 5.0

# Called with how much is done, and how much there is in all where that is known.
Report = Callable[[int, int | None], None]


@contextmanager
def progress(work: str, unit: str = "") -> Iterator[Report]:
    """Show that some work goes on, until the block is left.

    Parameters
    ----------
    work
        What is done, such as "importing BTCUSDT_1h.csv".
    unit
        What is counted, such as "bars"; empty where nothing is.

    Yields
    ------
    Report
    """
    with _bar(work, unit) if sys.stderr.isatty() else _lines(work, unit) as report:
        yield report


@contextmanager
def _bar(work: str, unit: str) -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[count]}")]
    times = [TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()]
    with Progress(*columns, *times, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(work, total=None, count="")

        def report(done: int, total: int | None) -> None:
            count = f"{done:,} {unit}" if total is None else f"{done:,} of {total:,} {unit}"
            shown.update(task, completed=done, total=total, count=count)

        yield report


@contextmanager
def _lines(work: str, unit: str) -> Iterator[Report]:
    import structlog

    from liqgrid.cli.logs import configure_logs

    configure_logs()
    log = structlog.get_logger()
    started = said = time.monotonic()
    counted: dict[str, int] = {}

    def report(done: int, total: int | None) -> None:
        nonlocal said
        counted[unit] = done
        if time.monotonic() - said >= _SECONDS_BETWEEN_LINES:
            said = time.monotonic()
            log.info(work, state="under way", **counted, **({} if total is None else {"total": total}))

    yield report
    log.info(work, state="done", **counted, seconds=round(time.monotonic() - started, 3))
