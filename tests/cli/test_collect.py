"""``liqgrid backfill`` and ``liqgrid collect`` as processes, from the local exchange: progress, signals, status."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from liqgrid.cli.collects import run_until_told
from liqgrid.engine.market.errors import SchemaTooNew
from liqgrid.engine.market.instrument import PriceType
from liqgrid.engine.sim.clock import RunningClock
from liqgrid.engine.sim.faults import Faults
from liqgrid.engine.sim.limits import WeightLimit
from liqgrid.engine.sim.server import running_exchange
from liqgrid.engine.store.database import Connection
from tests.cli.conftest import PATIENCE_S, Liqgrid
from tests.collect.exchange import DAY_MS, MINUTE_MS, ORIGIN_MS, make_market, stored_bars


@contextmanager
def serving(speed: float, weight: int = 1_000_000) -> Iterator[str]:
    """Serve a market from a thread of its own; yield the address."""
    started, stop = threading.Event(), threading.Event()
    url = ""

    async def serve() -> None:
        nonlocal url
        now_ms = ORIGIN_MS + 2 * DAY_MS
        market = make_market(["BTC"], now_ms)
        async with running_exchange(market, RunningClock(now_ms, speed), Faults(), WeightLimit(limit=weight)) as local:
            url = local.url
            started.set()
            while not stop.is_set():  # noqa: ASYNC110 - set by another thread
                await asyncio.sleep(0.02)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert started.wait(PATIENCE_S)
        yield url
    finally:
        stop.set()
        thread.join()


@pytest.fixture
def configured(liqgrid: Liqgrid) -> Liqgrid:
    liqgrid.home.mkdir()
    return liqgrid


def configure(liqgrid: Liqgrid, url: str) -> None:
    text = f'[collect]\nvenues = ["binance"]\npairs = ["BTC-USDT"]\nsample_s = 1\n[venue.binance]\nbase_url = "{url}"\n'
    Path(liqgrid.home, "config.toml").write_text(text, "utf-8")


def test_backfill_goes_on_where_it_was_interrupted(
    configured: Liqgrid, migrated_dsn: str, connection: Connection
) -> None:
    with serving(speed=1) as url:
        configure(configured, url)
        running = configured.start("backfill", "--days", "2", LIQGRID_DSN=migrated_dsn)
        deadline = time.monotonic() + PATIENCE_S
        while not stored_bars(connection, "BTC", PriceType.LAST) and time.monotonic() < deadline:
            time.sleep(0.02)
        code, errors = running.end(signal.SIGTERM)
        first = len(stored_bars(connection, "BTC", PriceType.LAST))
        assert first % 1000 == 0
        if first < 2000:  # a quick machine may have been done
            assert (code, "interrupted; what came is stored" in errors) == (130, True)
        done = configured.run("backfill", "--days", "2", LIQGRID_DSN=migrated_dsn)
        assert done.returncode == 0, done.stderr
        assert "state=done" in done.stderr
        again = configured.run("backfill", "--days", "2", LIQGRID_DSN=migrated_dsn)
    bars = stored_bars(connection, "BTC", PriceType.LAST)
    assert [row[0] for row in bars] == list(range(bars[0][0], bars[-1][0] + 1, MINUTE_MS))
    assert bars[-1][0] - bars[0][0] >= 2 * DAY_MS - 10 * MINUTE_MS  # the market's clock went on between the two runs
    assert "requests, " in again.stdout


def test_collect_ends_cleanly_and_status_shows_the_venue(configured: Liqgrid, migrated_dsn: str) -> None:
    with serving(speed=60) as url:
        configure(configured, url)
        running = configured.start("collect", LIQGRID_DSN=migrated_dsn)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            told = json.loads(configured.run("status", "--json", LIQGRID_DSN=migrated_dsn).stdout)
            if told["instruments"] and told["instruments"][0]["last_bar"]:
                break
        code, errors = running.end(signal.SIGTERM)
    assert code == 0, errors
    assert "Traceback" not in errors
    assert [(one["venue"], one["reachable"]) for one in told["venues"]] == [("binance", True)]
    shown = configured.run("status", LIQGRID_DSN=migrated_dsn).stdout
    assert "binance: reached since" in shown


@pytest.mark.parametrize("deep", [False, True])
def test_an_expected_error_of_a_task_is_told_without_a_traceback(deep: bool) -> None:
    error = SchemaTooNew("install a newer liqgrid")

    async def fail() -> None:
        group = ExceptionGroup("tasks", [error])
        raise ExceptionGroup("venues", [group]) if deep else group

    with pytest.raises(SchemaTooNew, match="install a newer liqgrid"):
        run_until_told(fail())


def test_an_unexpected_error_of_a_task_is_not_hidden() -> None:
    async def fail() -> None:
        raise ExceptionGroup("tasks", [ZeroDivisionError()])

    with pytest.raises(ExceptionGroup):
        run_until_told(fail())
