"""How soon a new bar is a column that can be read: ``python -m bench.live [--bars N] [--history N]``.

A worker runs as a process of its own on a fresh embedded server. One 1m bar after the other is committed; the clock
runs from that commit until its column is seen, looked for every millisecond. Three times:

- ``alone``: nothing else goes on
- ``beside a rebuild``: while the worker builds a long history of another instrument again and again
- ``10 at once``: a bar of each of ten instruments together, until the last one's column is there

Every column that is waited for is checked to be of the bar that was stored.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

from bench.ways import fresh_database
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.job import Queue, Task
from liqgrid.engine.store.database import Connection
from liqgrid.engine.store.jobs import queue_job
from liqgrid.engine.store.raw import StoredInstrument
from tests.jobs.workers import bring, coin, workers_on
from tests.markets import Market, market

GOAL_MS = 250  # DESIGN.md §7, for one instrument
MINUTE_MS = 60_000
LOOK = (
    "SELECT close FROM grid_column WHERE instrument_id = $1 AND \"interval\" = '1m' "
    "AND ts = to_timestamp($2::double precision / 1000)"
)


def wait_for(connection: Connection, stored: StoredInstrument, rows: Market, t: int) -> None:
    """Return once the column of bar ``t`` is there."""
    while True:
        found = connection.execute(LOOK, [stored.instrument_id, int(rows.open_ms[t]) + MINUTE_MS]).fetchone()
        if found is not None:
            assert found[0] == rows.columns["close"][t]
            return
        time.sleep(0.001)


def seconds_of(connection: Connection, stored: list[StoredInstrument], rows: Market, t: int, folder: Path) -> float:
    """Return how long bar ``t`` of some instruments takes to be columns."""
    part = rows.rows(slice(t, t + 1))
    for one in stored:
        bring(connection, part, folder, one.instrument)
        began = time.perf_counter()
    for one in stored:
        wait_for(connection, one, rows, t)
    return time.perf_counter() - began


def rebuild_again(connection: Connection, stored: StoredInstrument) -> None:
    """Let all of an instrument be built again."""
    connection.execute("UPDATE instrument SET changed_from = 'epoch' WHERE instrument_id = $1", [stored.instrument_id])
    queue_job(connection, Queue.REBUILD, Task.BUILD, stored.instrument_id)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--bars", type=int, default=30)
    parser.add_argument("--history", type=int, default=1440, help="1m bars that are there before")
    chosen = parser.parse_args()
    rows = market(chosen.history + 3 * chosen.bars, Interval.M1, start="2024-06-20T00:00:00Z")
    took: dict[str, list[float]] = {"alone": [], "beside a rebuild": [], "10 at once": []}
    with fresh_database() as (connection, dsn, home), workers_on(dsn, home) as workers:
        before = rows.rows(slice(0, chosen.history))
        stored = [bring(connection, before, home, coin(number)) for number in range(10)]
        workers.drain()
        workers.start()
        times = iter(range(chosen.history, len(rows)))
        for _ in range(chosen.bars):
            took["alone"].append(seconds_of(connection, stored[:1], rows, next(times), home))
        for _ in range(chosen.bars):
            rebuild_again(connection, stored[1])
            took["beside a rebuild"].append(seconds_of(connection, stored[:1], rows, next(times), home))
        connection.execute("UPDATE instrument SET changed_from = NULL WHERE instrument_id > 1")
        for _ in range(chosen.bars):
            took["10 at once"].append(seconds_of(connection, stored, rows, next(times), home))
    print(f"{chosen.bars} bars after {chosen.history}\n\n{'':18}  median ms (goal {GOAL_MS})  95 %")
    for name, seconds in took.items():
        median, late = statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1]
        print(f"{name:18}  {median * 1000:20.0f}  {late * 1000:4.0f}")


if __name__ == "__main__":
    main()
