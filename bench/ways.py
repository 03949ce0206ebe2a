"""What benchmarks of ingest share: a fresh database, and several ways into it measured in turn."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from liqgrid.engine.store.database import Connection, connected
from liqgrid.engine.store.embedded import embedded_server
from liqgrid.engine.store.migrate import migrate
from liqgrid.engine.store.programs import wheel_binaries

# Seconds of a way in each round: on the clock, and those of them that this process worked.
Seconds = list[tuple[float, float]]


@contextmanager
def fresh_database() -> Iterator[tuple[Connection, str, Path]]:
    """Yield a connection to a migrated database with default settings, its DSN, and a folder for files."""
    home = Path(tempfile.mkdtemp(prefix="liqgrid-bench-", dir="/tmp"))  # where the server's user can reach it
    try:
        with embedded_server(home / "postgres", wheel_binaries(home / "bin")) as dsn:
            migrate(dsn)
            with connected(dsn) as connection:
                yield connection, dsn, home
    finally:
        shutil.rmtree(home)


def in_turn(
    connection: Connection, ways: Mapping[str, Callable[[], object]], rounds: int, check: Callable[[], None]
) -> dict[str, Seconds]:
    """Return the seconds each way takes into empty tables; after each, ``check`` holds the table against the rows."""
    seconds: dict[str, Seconds] = {name: [] for name in ways}
    for done in range(rounds):
        for name in sorted(ways, reverse=bool(done % 2)):
            connection.execute("TRUNCATE bar, imported_file, collect_gap")
            connection.execute("CHECKPOINT")
            started, worked = time.perf_counter(), time.process_time()
            ways[name]()
            seconds[name].append((time.perf_counter() - started, time.process_time() - worked))
            check()
    return seconds


def share_of_copy(copy: Seconds, own: Seconds) -> float:
    """Return the median of each round's own ratio to bare COPY, so that a slow while is slow for both."""
    return statistics.median(bare / took for (bare, _), (took, _) in zip(copy, own, strict=True))


def median_rate(rows: int, own: Seconds, column: int = 0) -> float:
    """Return rows per second: on the clock, or with ``column`` 1 of this process's own work."""
    return rows / statistics.median(one[column] for one in own)
