"""``liqgrid up``: from files or venues to served grids, in one process tree."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from liqgrid.cli.access import check_access
from liqgrid.cli.builds import build_each
from liqgrid.cli.children import child
from liqgrid.cli.collects import backfill, plan_of, say_plan
from liqgrid.cli.database import database, describe
from liqgrid.cli.demo import DAYS, FIRST, FIRST_DAYS, Demo
from liqgrid.cli.imports import check_file, import_file
from liqgrid.cli.interrupts import INTERRUPTED
from liqgrid.cli.listen import listening
from liqgrid.cli.settings import Settings
from liqgrid.cli.text import SIMULATED_DATA, pace, say, warn
from liqgrid.engine.collect.venues import load_venue
from liqgrid.engine.market.errors import LiqgridError
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.store.database import connected
from liqgrid.engine.store.migrate import migrate
from liqgrid.engine.store.provenance import claim
from liqgrid.engine.store.raw import list_instruments

_COLLECT = ["collect", f"--backfill={DAYS}"]


def up(
    settings: Settings,
    files: list[Path],
    host: str,
    port: int,
    symbol: str | None,
    interval: Interval | None,
    open_to_all: bool | None,
    workers: int = 1,
    *,
    collects: bool,
) -> None:
    """Check, start, migrate, import, build, serve; what was started is stopped on the way out.

    An instrument that cannot be built is warned of, and the others are served. Where it ``collects``, the API serves
    at once what there is, and a venue that cannot be reached keeps nobody waiting.
    """
    checked = [check_file(path, symbol, interval) for path in files]
    plan = plan_of(settings, None, [])
    with listening(host, port) as listener, database(settings) as dsn:
        say("database", f"{migrate(dsn)}, {describe(settings)}")
        with connected(dsn) as connection:
            check_access(connection, listener, open_to_all)
            if collects:
                claim(connection, simulated=False)
            for file in checked:
                import_file(connection, file)
            build_each(connection, list_instruments(connection))
        from liqgrid.cli.serve import serve_api  # noqa: PLC0415 - slow to import, and wrong files are told of at once

        with _beside({}, collects=collects):
            if collects:
                say_plan(plan)
                say("", "`liqgrid status` says which venues answer, and how far the grids are")
            serve_api(dsn, listener, settings, open_to_all, workers)


def serve_demo(demo: Demo, listener: socket.socket, open_to_all: bool | None, workers: int = 1) -> None:
    """Serve a simulated market, collected as real ones are.

    The newest days of one pair are there before the API is: they are fetched and built here. All else follows behind,
    as jobs of the worker.
    """
    say("demo", SIMULATED_DATA)
    with database(demo.settings) as dsn:
        say("database", f"{migrate(dsn)}, {describe(demo.settings)}")
        with connected(dsn) as connection:
            check_access(connection, listener, open_to_all)
            claim(connection, simulated=True)
        _warm()
        _fetch_newest(demo, dsn)
        with connected(dsn) as connection:
            build_each(connection, list_instruments(connection))
        from liqgrid.cli.serve import serve_api  # noqa: PLC0415 - as above

        with _beside(demo.environment, collects=True):
            say("collect", f"SIMULATED exchange at {demo.url}, {pace(demo.market.speed)}")
            serve_api(dsn, listener, demo.settings, open_to_all, workers, demo.environment)


def _warm() -> None:
    """Load what the first build, the collector and the API need: seconds, while the exchange plays its history."""
    from liqgrid.api.graphql.schema import schema  # noqa: PLC0415
    from liqgrid.engine.model.warm import warm  # noqa: PLC0415

    warm()
    load_venue(FIRST.venue)
    schema()


def _fetch_newest(demo: Demo, dsn: str) -> None:
    """Fetch the newest days of the first pair; what fails is fetched again behind."""
    try:
        if backfill(plan_of(demo.settings, None, [str(FIRST)]), dsn, FIRST_DAYS) == INTERRUPTED:
            raise KeyboardInterrupt
    except LiqgridError as error:
        warn(error.message)


@contextmanager
def _beside(environment: Mapping[str, str], *, collects: bool) -> Iterator[None]:
    """Keep a worker running beside this process, and a collector where there is one."""
    with ExitStack() as ending:
        ending.enter_context(child(["worker"], environment))
        if collects:
            ending.enter_context(child(_COLLECT, environment))
        yield
