"""Workers as processes, and what a test asks the database about them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from liqgrid.engine.market.instrument import Instrument, Pair
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.store.database import Connection
from liqgrid.engine.store.raw import StoredInstrument, ensure_instrument, lock_instrument, save_rows
from tests.markets import BITCOIN, Market, market
from tests.waiting import wait_until

PATIENCE_S = 60


@dataclass
class Workers:
    """Starts ``liqgrid worker`` on a database, and ends what it started."""

    dsn: str
    home: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def environment(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("LIQGRID_", "PG"))}
        return {**clean, "LIQGRID_HOME": str(self.home), "LIQGRID_DSN": self.dsn}

    def start(self, *arguments: str, program: str | None = None) -> subprocess.Popen[str]:
        """Start a worker and wait until it says that it takes jobs; ``program`` replaces ``liqgrid`` itself."""
        command = ["-m", "liqgrid"] if program is None else ["-c", program]
        process = subprocess.Popen(
            [sys.executable, *command, "worker", *arguments],
            env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        self.started.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("worker     takes jobs from"), line + self.end(process, kill=True)
        return process

    def end(self, process: subprocess.Popen[str], *, kill: bool = False) -> str:
        """End a worker; return what it logged."""
        if kill:
            process.kill()
        else:
            process.terminate()
        self.started.remove(process)
        return process.communicate(timeout=PATIENCE_S)[1]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a verb."""
        return subprocess.run(
            [sys.executable, "-m", "liqgrid", *arguments],
            env=self.environment(), capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip

    def drain(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a worker until no job is due."""
        return self.run("worker", "--drain", *arguments)


@contextmanager
def workers_on(dsn: str, home: Path) -> Iterator[Workers]:
    made = Workers(dsn, home)
    try:
        yield made
    finally:
        for process in list(made.started):
            made.end(process, kill=True)


def bring(connection: Connection, rows: Market, folder: Path, instrument: Instrument = BITCOIN) -> StoredInstrument:
    """Store a market's rows as a collector does: one transaction, under the instrument's lock."""
    content = rows.market_rows(folder / f"{instrument.pair.base}.csv")
    with connection.transaction():
        stored = ensure_instrument(connection, instrument)
        lock_instrument(connection, stored.instrument_id)
        save_rows(connection, stored.instrument_id, content)
    return stored


def jobs(connection: Connection) -> list[tuple[Any, ...]]:
    """Queue, task, status and instrument of every job there is, oldest first."""
    return connection.execute(
        "SELECT queue_name, task_name, status::text, (args->>'instrument_id')::integer FROM procrastinate_jobs "
        "ORDER BY id"
    ).fetchall()


def builds(connection: Connection) -> list[tuple[Any, ...]]:
    """Instrument and watermark (epoch ms) of every build."""
    return connection.execute(
        "SELECT instrument_id, (extract(epoch FROM watermark) * 1000)::bigint FROM build ORDER BY build_id"
    ).fetchall()


def wait_until_built(connection: Connection, stored: StoredInstrument, close_ms: int) -> None:
    """Return once the column of a 1m bar that closed then can be read."""
    look = (
        "SELECT 1 FROM grid_column WHERE instrument_id = $1 AND \"interval\" = '1m' "
        "AND ts = to_timestamp($2::double precision / 1000)"
    )
    wait_until(lambda: connection.execute(look, [stored.instrument_id, close_ms]).fetchone())


def minutes(count: int, seed: int = 1) -> Market:
    """A market of 1m bars that begins at midnight."""
    return market(count, Interval.M1, seed=seed, start="2024-06-20T00:00:00Z")


def coin(number: int) -> Instrument:
    """One of the coins whose margin tiers are published."""
    return Instrument("binance", Pair(COINS[number], "USDT"))


COINS = ("BTC", "ETH", "SOL", "XRP", "DOGE", "BNB", "ADA", "LTC", "LINK", "AVAX")
