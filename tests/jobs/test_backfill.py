"""Backfills as jobs: of the local exchange through the real client, and of a venue that does not answer."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from liqgrid.engine.sim.clock import RunningClock
from liqgrid.engine.sim.faults import Faults
from liqgrid.engine.sim.limits import WeightLimit
from liqgrid.engine.sim.parameters import symbol_parameters
from liqgrid.engine.sim.server import running_exchange
from liqgrid.engine.sim.tape import new_market, play_until
from liqgrid.engine.store.database import Connection
from tests.jobs.workers import Workers, bring, jobs, minutes, wait_until_built
from tests.waiting import wait_until

ORIGIN_MS = 1_760_054_400_000  # a midnight
HOUR_MS = 3_600_000
ROWS = minutes(100)


@contextmanager
def local_exchange(hours: int) -> Iterator[str]:
    """A local exchange in a thread of its own that has traded BTC for some hours; its address."""
    market = new_market(seed=7, origin_ms=ORIGIN_MS, symbols=[symbol_parameters("BTC")])
    now_ms = ORIGIN_MS + hours * HOUR_MS
    play_until(market, now_ms)
    address: list[str] = []
    loop = asyncio.new_event_loop()
    ready, end = threading.Event(), asyncio.Event()

    async def run() -> None:
        clock = RunningClock(now_ms, 1.0)
        async with running_exchange(market, clock, Faults(), WeightLimit(limit=10_000_000)) as local:
            address.append(local.url)
            ready.set()
            await end.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    try:
        assert ready.wait(30)
        yield address[0]
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()
        loop.close()


def point_at(workers: Workers, url: str) -> None:
    """Let the workers take ``url`` for the venue."""
    (workers.home / "config.toml").write_text(
        f'[venue.binance]\nbase_url = "{url}"\noptions = {{ maxRetriesOnFailure = 0 }}\n'
    )


def test_a_backfill_runs_as_a_job_and_is_built(connection: Connection, workers: Workers) -> None:
    with local_exchange(hours=6) as url:
        point_at(workers, url)
        queued = workers.run("backfill", "binance:BTC-USDT", "--days", "0.2", "--as-jobs")
        assert (queued.returncode, queued.stdout) == (0, "backfill   binance:BTC-USDT: queued\n"), queued.stderr
        again = workers.run("backfill", "binance:BTC-USDT", "--days", "0.2", "--as-jobs")
        assert again.stdout == "backfill   binance:BTC-USDT: one waits already\n"
        assert [job[:3] for job in jobs(connection)] == [("backfill", "backfill", "todo")]
        done = workers.drain()
    assert done.returncode == 0, done.stderr
    assert "event=backfill subject=binance:BTC-USDT" in done.stderr
    assert connection.execute("SELECT count(*) FROM job_failure").fetchone() == (0,), done.stderr
    row = connection.execute("SELECT count(*) FROM bar WHERE price_type = 'last' AND \"interval\" = '1m'").fetchone()
    assert row is not None
    assert row[0] >= 280, "0.2 days are 288 minutes"
    columns = connection.execute("SELECT count(*) FROM grid_column WHERE \"interval\" = '1m'").fetchone()
    assert columns is not None
    assert columns[0] >= 200, "those before the first open interest have none"


def test_a_venue_that_does_not_answer_is_shown_and_holds_nobody_up(
    connection: Connection, workers: Workers, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    point_at(workers, f"http://127.0.0.1:{port}")
    stored = bring(connection, ROWS.rows(slice(0, 60)), tmp_path)
    workers.drain()
    workers.run("backfill", "binance:BTC-USDT", "--as-jobs")
    worker = workers.start()
    for t in range(60, 63):
        bring(connection, ROWS.rows(slice(t, t + 1)), tmp_path)
        wait_until_built(connection, stored, int(ROWS.open_ms[t]) + 60_000)
    wait_until(lambda: connection.execute("SELECT 1 FROM job_failure WHERE retry_at IS NOT NULL").fetchone())
    (failure,) = json.loads(workers.run("status", "--json").stdout)["jobs"]["failures"]
    assert (failure["task"], failure["subject"]) == ("backfill", "binance:BTC-USDT")
    assert "binance" in failure["message"]
    log = workers.end(worker)
    assert 'event="backfill failed" subject=binance:BTC-USDT' in log
    assert "Traceback" not in log
    waiting = connection.execute("SELECT args->>'days' FROM procrastinate_jobs WHERE status = 'todo'").fetchall()
    assert [float(days) for (days,) in waiting] == [30]
