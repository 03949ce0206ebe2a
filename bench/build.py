"""What builds cost: ``python -m bench.build [--bars N] [--instruments N] [--rounds N]``.

On a fresh embedded server with its default settings:

- ``history``: a made-up year of one-minute bars to stored columns of all intervals at their default horizons, in a
  process of its own, whose largest memory is that of the build
- ``live``: so many instruments of two days each, to which one more minute comes: built and stored, one after the other,
  by one process on one core

After each the columns are counted and held to the open interest they must add up to.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.made_up import YEAR_BARS, market_rows, minutes, open_interest
from liqgrid.engine.build import HORIZONS_MS, build_instrument
from liqgrid.engine.market.bars import Bars
from liqgrid.engine.market.instrument import parse_instrument
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.rows import OpenInterestRows
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.store.database import Connection, connected
from liqgrid.engine.store.embedded import embedded_server
from liqgrid.engine.store.migrate import migrate
from liqgrid.engine.store.programs import wheel_binaries
from liqgrid.engine.store.raw import StoredInstrument, ensure_instrument, list_instruments, lock_instrument, save_rows

GOAL_HISTORY_S, GOAL_MEMORY_MB, GOAL_LIVE_S = 5.0, 500.0, 20.0  # DESIGN.md §7 and the issue
LIVE_BARS = 2 * 1440


def bring(connection: Connection, name: str, bars: Bars, samples: OpenInterestRows) -> StoredInstrument:
    """Store an instrument's bars and open interest."""
    stored = ensure_instrument(connection, parse_instrument(name))
    with connection.transaction():
        lock_instrument(connection, stored.instrument_id)
        save_rows(connection, stored.instrument_id, market_rows(bars, samples))
    return stored


def cut(bars: Bars, start: int, stop: int) -> Bars:
    """Return some of the bars."""
    return Bars(bars.interval, *(getattr(bars, name)[start:stop] for name in bars.__slots__ if name != "interval"))


def check(connection: Connection, bars: int) -> None:
    """Assert that every interval has its columns, and that their parts add up to open interest."""
    closes = (np.arange(bars) + 1) * Interval.M1.ms  # since the first open, a midnight
    found: dict[str, int] = dict(
        connection.execute('SELECT "interval", count(*) FROM grid_column GROUP BY "interval"').fetchall()
    )
    for interval in Interval:
        kept = closes[(closes % interval.ms == 0) & (closes > closes[-1] - HORIZONS_MS.get(interval, closes[-1] + 1))]
        assert found.get(str(interval), 0) == len(kept) or bars < interval.ms // Interval.M1.ms, (interval, found)
    row = connection.execute(
        "SELECT max(abs(total_base / open_interest_base - 1)), count(*) FILTER (WHERE long_first_bin = 0) "
        "FROM grid_column"
    ).fetchone()
    assert row is not None
    assert row[0] < 1e-9


def history(dsn: str) -> None:
    """Build in this process, and print seconds and megabytes."""
    with connected(dsn) as connection:
        (stored,) = list_instruments(connection)
        started = time.perf_counter()
        report = build_instrument(connection, stored, ModelParameters())
        took = time.perf_counter() - started
    assert report is not None
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"s": took, "mb": memory, "columns": sum(report.columns.values())}))


def measure_history(dsn: str, bars: Bars, rounds: int) -> None:
    """Measure whole builds of one instrument."""
    with connected(dsn) as connection:
        bring(connection, "binance:BTC-USDT", bars, open_interest(bars))
        took = []
        for _ in range(rounds + 1):  # the first one compiles
            connection.execute("TRUNCATE grid_column, predicted_liquidation, book_checkpoint, build, skill")
            connection.execute("UPDATE instrument SET changed_from = '-infinity', scored_until = NULL")
            connection.execute("CHECKPOINT")
            found = subprocess.run(
                [sys.executable, "-m", "bench.build", "--history", dsn], capture_output=True, text=True, check=True
            )
            took.append(json.loads(found.stdout))
            check(connection, len(bars))
        seconds = [one["s"] for one in took[1:]]
        memory = max(one["mb"] for one in took)
        size = connection.execute("SELECT pg_total_relation_size('grid_column') / 1e6").fetchone()
    assert size is not None
    print(
        f"history: {len(bars)} bars to {took[0]['columns']} columns, {size[0]:.0f} MB, in "
        f"{statistics.median(seconds):.1f} s (best {min(seconds):.1f}, goal {GOAL_HISTORY_S:g}), "
        f"{memory:.0f} MB of memory (goal {GOAL_MEMORY_MB:g})"
    )


def measure_live(dsn: str, instruments: int, rounds: int) -> None:
    """Measure one new minute of many instruments."""
    bars = minutes(LIVE_BARS + rounds)
    samples = open_interest(bars)
    each = np.interp(bars.close_ms, samples.ts_ms, samples.open_interest_base)
    with connected(dsn) as connection:
        several = []
        for number in range(instruments):
            now = OpenInterestRows(bars.close_ms[:LIVE_BARS], each[:LIVE_BARS])
            several.append(bring(connection, f"binance:COIN{number}-USDT", cut(bars, 0, LIVE_BARS), now))
            build_instrument(connection, several[-1], ModelParameters())
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        took = []
        for row in range(LIVE_BARS, LIVE_BARS + rounds):
            for stored in several:
                now = OpenInterestRows(bars.close_ms[row : row + 1], each[row : row + 1])
                bring(connection, str(stored.instrument), cut(bars, row, row + 1), now)
            for stored in several:
                started = time.perf_counter()
                report = build_instrument(connection, stored, ModelParameters())
                took.append(time.perf_counter() - started)
                assert report is not None
                assert report.columns[Interval.M1] == 1
            newest = connection.execute(
                'SELECT count(*) FROM grid_column WHERE "interval" = $1 '
                "AND ts = (SELECT max(ts) FROM bar) + interval '1 minute'",
                [str(Interval.M1)],
            ).fetchone()
            assert newest is not None
            assert newest[0] == instruments
    whole = instruments * statistics.mean(took)
    print(
        f"live: {instruments} instruments, one new minute each, in {whole:.1f} s (goal {GOAL_LIVE_S:g}); one takes "
        f"{1000 * statistics.median(took):.0f} ms, 99 % under {1000 * statistics.quantiles(took, n=100)[98]:.0f} ms"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--bars", type=int, default=YEAR_BARS)
    parser.add_argument("--instruments", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--history", metavar="DSN", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.history:
        history(chosen.history)
        return
    home = Path(tempfile.mkdtemp(prefix="liqgrid-bench-", dir="/tmp"))  # where the server's user can reach it
    try:
        for name in ("history", "live"):
            with embedded_server(home / name, wheel_binaries(home / "bin")) as dsn:
                migrate(dsn)
                if name == "history":
                    measure_history(dsn, minutes(chosen.bars), chosen.rounds)
                else:
                    measure_live(dsn, chosen.instruments, chosen.rounds)
    finally:
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
