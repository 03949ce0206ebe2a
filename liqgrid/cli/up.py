"""``liqgrid up``: from files to served grids in one process."""

from __future__ import annotations

from pathlib import Path

from liqgrid.cli.access import check_access
from liqgrid.cli.builds import build_each
from liqgrid.cli.database import database, describe
from liqgrid.cli.imports import check_file, import_file
from liqgrid.cli.listen import listening
from liqgrid.cli.settings import Settings
from liqgrid.cli.text import say
from liqgrid.cli.worker import worker_process
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.store.database import connected
from liqgrid.engine.store.migrate import migrate
from liqgrid.engine.store.raw import list_instruments


def up(
    settings: Settings,
    files: list[Path],
    host: str,
    port: int,
    symbol: str | None,
    interval: Interval | None,
    open_to_all: bool | None,
) -> None:
    """Check, start, migrate, import, build, serve; what was started is stopped on the way out.

    An instrument that cannot be built is warned of, and the others are served.
    """
    checked = [check_file(path, symbol, interval) for path in files]
    with listening(host, port) as listener, database(settings) as dsn:
        say("database", f"{migrate(dsn)}, {describe(settings)}")
        with connected(dsn) as connection:
            check_access(connection, listener, open_to_all)
            for file in checked:
                import_file(connection, file)
            build_each(connection, list_instruments(connection))
        from liqgrid.cli.serve import serve_api  # noqa: PLC0415 - slow to import, and wrong files are told of at once

        with worker_process():
            serve_api(dsn, listener, settings, open_to_all)
