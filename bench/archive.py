"""What importing an archive costs, against the least it can cost: ``python -m bench.archive [--rows N] [--rounds N]``.

Made-up 1m bars go into the table ``bar`` of a fresh embedded server with its default settings, in turn:

- ``copy``: bare binary COPY of bytes that PostgreSQL itself wrote beforehand, the measure of the others
- ``zip``, ``csv``: ``import_archive`` of a klines archive, which hashes, unpacks, reads, checks and sorts it, stores
  its bars and looks for gaps
- ``unsorted``: the same of a zip whose rows stand in no order, one in a hundred twice

and, without a goal, ``trades``: as many aggregated trades put together to bars. This process is kept on one core; the
last column is what it could do with a core of its own and a server that never lets it wait. After every way the table
is compared with the rows that went in.
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.ways import fresh_database, in_turn, median_rate, share_of_copy
from liqgrid.engine.collect.archive.load import import_archive
from liqgrid.engine.collect.archive.names import Overrides, archive_of
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.store.database import Connection
from tests.collect.archives import AGG_TRADES, KLINES, kline_lines, trade_lines, write
from tests.markets import Market, market

GOAL = 200_000  # rows per second of klines on one core
COLUMNS = "open", "high", "low", "close", "volume", "buy_volume", "trades"
FIELDS = 'instrument_id, "interval", price_type, ts, open, high, low, close, volume_base, taker_buy_volume_base, trades'


def check(connection: Connection, rows: Market) -> None:
    """Assert that the table holds these rows and nothing else."""
    found = connection.execute(
        "SELECT count(*), sum(extract(epoch FROM ts)) * 1000, sum(high), sum(low), sum(close), sum(volume_base), "
        "sum(taker_buy_volume_base), sum(trades) FROM bar"
    ).fetchone()
    assert found is not None
    sums = [math.fsum(rows.columns[name]) for name in ("high", "low", "close", "volume", "buy_volume", "trades")]
    assert (found[0], int(found[1])) == (len(rows), int(rows.open_ms.sum()))
    assert all(math.isclose(a, float(b), rel_tol=1e-9) for a, b in zip(sums, found[2:], strict=True)), (found, sums)


def prepare(connection: Connection, rows: Market, home: Path) -> dict[str, Callable[[], object]]:
    """Return the ways in."""
    lines = kline_lines(rows)
    order = np.random.default_rng(1).permutation(len(lines)).tolist()
    shuffled = [lines[t] for t in order] + lines[::100]
    files = {
        "zip": write(home / "BTCUSDT-1m-2024-06.zip", lines, KLINES),
        "csv": write(home / "BTCUSDT-1m-2024-07.csv", lines),
        "unsorted": write(home / "BTCUSDT-1m-2024-08.zip", shuffled, KLINES),
    }

    def importing(path: Path) -> Callable[[], object]:
        return lambda: import_archive(connection, archive_of(path, Overrides()))

    def copy() -> None:
        with (
            connection.transaction(),
            connection.cursor() as cursor,
            cursor.copy(f"COPY bar ({FIELDS}) FROM STDIN (FORMAT binary)") as into,
        ):
            into.write(encoded)

    ways = {name: importing(path) for name, path in files.items()}
    ways["zip"]()
    with connection.cursor() as cursor, cursor.copy(f"COPY bar ({FIELDS}) TO STDOUT (FORMAT binary)") as out:
        encoded = b"".join(bytes(block) for block in out)
    return {"copy": copy, **ways}


def measure_trades(connection: Connection, count: int, home: Path) -> float:
    """Return the seconds that so many trades take; their bars must hold all of their volume."""
    random = np.random.default_rng(1)
    quantity = np.round(random.exponential(0.3, count) + 0.001, 3)
    price = np.round(65_000 * np.exp(np.cumsum(random.normal(0, 1e-5, count))), 1)
    ts_ms = 1_718_841_600_000 + np.cumsum(random.integers(0, 100, count))
    lines = trade_lines(np.arange(count), ts_ms, price, quantity, list(random.random(count) < 0.5))
    path = write(home / "ETHUSDT-aggTrades-2024-06.zip", lines, AGG_TRADES)
    del lines
    connection.execute("TRUNCATE bar, imported_file, collect_gap")
    started = time.perf_counter()
    import_archive(connection, archive_of(path, Overrides()))
    took = time.perf_counter() - started
    found = connection.execute("SELECT sum(volume_base), sum(trades) FROM bar").fetchone()
    assert found is not None
    assert math.isclose(found[0], math.fsum(quantity), rel_tol=1e-12)
    assert found[1] == 2 * count
    return took


def on_one_core() -> str:
    """Keep this process on the first of its cores, where the system can; return what came of it."""
    if not hasattr(os, "sched_setaffinity"):
        return "on any core"
    core = min(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return f"on core {core}"


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    rows = market(chosen.rows, Interval.M1).only(*COLUMNS)
    with fresh_database() as (connection, _, home):
        where = on_one_core()
        ways = prepare(connection, rows, home)
        seconds = in_turn(connection, ways, chosen.rounds, lambda: check(connection, rows))
        trades_s = measure_trades(connection, chosen.rows, home)
    print(f"{chosen.rows} bars, {chosen.rounds} rounds, {where}")
    print(f"\nway       median rows/s (goal {GOAL})  of bare COPY  rows/s of its own work")
    for name, took in seconds.items():
        share, own = share_of_copy(seconds["copy"], took), median_rate(chosen.rows, took, 1)
        print(f"{name:8} {median_rate(chosen.rows, took):28.0f}  {share:12.2f}  {own:22.0f}")
    print(f"trades   {chosen.rows / trades_s:28.0f}")
    print(f"peak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")


if __name__ == "__main__":
    main()
