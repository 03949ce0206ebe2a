"""A day of trouble, kills at random, and forty instruments: long tests of ``liqgrid collect`` as a process."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import pytest

from liqgrid.engine.sim.clock import RunningClock
from liqgrid.engine.sim.faults import Faults
from liqgrid.engine.sim.limits import WeightLimit
from liqgrid.engine.sim.server import LocalExchange, running_exchange
from liqgrid.engine.sim.tape import Market
from liqgrid.engine.store.database import connected
from liqgrid.engine.store.embedded import embedded_server
from liqgrid.engine.store.migrate import migrate
from liqgrid.engine.store.programs import wheel_binaries
from tests.collect.exchange import (
    BOTH,
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    ORIGIN_MS,
    make_market,
    stored_bars,
    stored_gaps,
    truth,
)

pytestmark = pytest.mark.soak
CONFIG = """
[collect]
venues = ["binance"]
pairs = [{pairs}]
stall_s = {stall_s}
sample_s = {sample_s}

[venue.binance]
base_url = "{url}"
options = {{ maxRetriesOnFailure = 0 }}
"""


def say(figures: str) -> None:
    """Show what was measured, with pytest -s."""
    sys.stdout.write(f"\n{figures}\n")


class Collector:
    """``liqgrid collect`` as a process that can be killed and started again."""

    def __init__(self, home: Path, dsn: str, url: str, coins: Sequence[str], stall_s: float, sample_s: float) -> None:
        self.home, self.dsn = home, dsn
        pairs = ", ".join(f'"{coin}-USDT"' for coin in coins)
        text = CONFIG.format(pairs=pairs, url=url, stall_s=stall_s, sample_s=sample_s)
        (home / "config.toml").write_text(text, "utf-8")
        self.log = home / "collect.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {**os.environ, "LIQGRID_DSN": self.dsn, "LIQGRID_HOME": str(self.home)}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "liqgrid", "collect"], env=environment, stdout=log, stderr=log
            )

    def kill(self, number: signal.Signals = signal.SIGKILL) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(30)

    def has_ended(self) -> bool:
        assert self.process is not None
        return self.process.poll() is not None

    def resident_mb(self) -> float:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text("utf-8")[-3000:]
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text("ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def cpu_s(self) -> float:
        assert self.process is not None
        fields = Path(f"/proc/{self.process.pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that the database's user can enter."""
    folder = Path(tempfile.mkdtemp(prefix="liqgrid-soak-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@asynccontextmanager
async def exchange(market: Market, speed: float, faults: Faults, start_ms: int) -> AsyncIterator[LocalExchange]:
    async with running_exchange(market, RunningClock(start_ms, speed), faults, WeightLimit(limit=10_000_000)) as local:
        yield local


async def wait_for(condition: Callable[[], bool], what: str, patience_s: float = 120) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        await asyncio.sleep(0.2)


def missing_minutes(dsn: str, coin: str, stream: str) -> list[int]:
    with connected(dsn) as connection:
        gaps = stored_gaps(connection, coin, stream)
    return [ms for start_ms, end_ms in gaps for ms in range(start_ms, end_ms, MINUTE_MS)]


def check_bars(dsn: str, market: Market, coin: str, lost: Callable[[int], bool], until_ms: int) -> int:
    """Compare what is stored with what the market made, both prices; return how many bars that is."""
    count = 0
    with connected(dsn) as connection:
        for price_type in BOTH:
            stored = stored_bars(connection, coin, price_type)
            wanted = truth(market, coin, price_type, stored[0][0], until_ms)
            assert [row for row in stored if row[0] < until_ms] == [row for row in wanted if not lost(row[0])]
            count += len(wanted)
    return count


def test_a_day_with_every_fault_switched_on(migrated_dsn: str, home: Path) -> None:
    coins, speed, start_ms = ("BTC", "ETH"), 480.0, ORIGIN_MS + 6 * HOUR_MS
    faults = Faults(
        too_many_requests=0.01, banned=0.002, server_error=0.02, cut_response=0.02, cut_socket=0.001, stall=0.0005,
        duplicate=0.05, reorder=0.05, malformed=0.01, late_bar=0.01, lost_bar=0.005, clock_skew_ms=-45_000,
    )  # fmt: skip

    async def run() -> None:
        market = make_market(coins, start_ms)
        resident: list[float] = []
        async with exchange(market, speed, faults, start_ms) as local:
            collector = Collector(home, migrated_dsn, local.url, coins, stall_s=2, sample_s=1)
            collector.start()
            try:
                await wait_for(lambda: reaches(migrated_dsn, "bar:last", start_ms), "the first bars")
                until_ms = local.exchange.now_ms() // MINUTE_MS * MINUTE_MS + DAY_MS
                while local.exchange.now_ms() < until_ms:
                    await asyncio.sleep(HOUR_MS / speed / 1000)
                    resident.append(collector.resident_mb())
                struck = dict(faults.counts)
                for name in ("too_many_requests", "banned", "server_error", "cut_response", "cut_socket", "stall"):
                    setattr(faults, name, 0.0)
                lost = {
                    coin: [
                        ms for ms in range(start_ms, until_ms, MINUTE_MS)
                        if faults.hides(f"{coin}USDT", ms, until_ms + DAY_MS)
                    ]
                    for coin in coins
                }  # fmt: skip
                await wait_for(lambda: all_reach(migrated_dsn, len(coins), until_ms), "the end of the day")
                for coin in coins:
                    for stream in ("bar:last", "bar:mark"):
                        await wait_for(
                            lambda coin=coin, stream=stream: {  # type: ignore[misc]
                                ms for ms in missing_minutes(migrated_dsn, coin, stream) if ms < until_ms
                            } <= set(lost[coin]),
                            f"only what is lost for good is missing of {coin} {stream}",
                        )  # fmt: skip
                assert collector.kill(signal.SIGTERM) == 0
            finally:
                collector.kill()
        bars = sum(
            check_bars(migrated_dsn, market, coin, lambda ms, coin=coin: ms in lost[coin], until_ms)  # type: ignore[misc]
            for coin in coins
        )
        first_hour, last = resident[0], max(resident[-3:])
        say(f"{bars} bars, faults {struck}; resident by the hour {[round(one, 1) for one in resident]} MB")
        assert all(struck.get(name) for name in ("cut_socket", "stall", "malformed", "lost_bar", "late_bar", "banned"))
        assert last < 1.05 * first_hour

    asyncio.run(run())


def test_twenty_kills_of_collector_and_database(home: Path) -> None:
    coins, speed, start_ms = ("BTC",), 60.0, ORIGIN_MS + 6 * HOUR_MS
    chance = random.Random(20)
    binaries = wheel_binaries(home / "bin")

    async def run() -> None:
        market = make_market(coins, start_ms)
        with ExitStack() as servers:
            dsn = servers.enter_context(embedded_server(home / "postgres", binaries))
            migrate(dsn)
            async with exchange(market, speed, Faults(), start_ms) as local:
                collector = Collector(home, dsn, local.url, coins, stall_s=3, sample_s=1)
                collector.start()
                killed = {"collector": 0, "database": 0}
                try:
                    for number in range(20):
                        await asyncio.sleep(chance.uniform(3.0, 6.0))  # it takes two seconds or so to be collecting
                        if number % 2:
                            postmaster = int((home / "postgres" / "postmaster.pid").read_text().split()[0])
                            os.kill(postmaster, signal.SIGKILL)
                            server = embedded_server(home / "postgres", binaries)
                            await asyncio.to_thread(servers.enter_context, server)
                            killed["database"] += 1
                        else:
                            collector.kill()
                            collector.start()
                            killed["collector"] += 1
                        if collector.has_ended():  # it was starting when the database went away
                            collector.start()
                    until_ms = local.exchange.now_ms() // MINUTE_MS * MINUTE_MS
                    if collector.has_ended():
                        collector.start()
                    for stream in ("bar:last", "bar:mark"):
                        await wait_for(lambda of=stream: reaches(dsn, of, until_ms), "the end")  # type: ignore[misc]
                        await wait_for(lambda of=stream: missing_minutes(dsn, "BTC", of) == [], "no gaps")  # type: ignore[misc]
                    assert collector.kill(signal.SIGTERM) == 0
                finally:
                    collector.kill()
            bars = check_bars(dsn, market, "BTC", lambda _: False, until_ms)
            say(f"{bars} bars equal to the market's after {killed}")

    asyncio.run(run())


def reaches(dsn: str, stream: str, until_ms: int) -> bool:
    """Whether a stream's cursor has come so far."""
    with connected(dsn) as connection:
        row = connection.execute(
            "SELECT max(extract(epoch FROM ts) * 1000) FROM collect_cursor WHERE stream = $1", [stream]
        ).fetchone()
    return row is not None and row[0] is not None and row[0] >= until_ms


def test_forty_instruments_in_one_process(migrated_dsn: str, home: Path) -> None:
    coins = [f"C{number:02d}" for number in range(40)]
    start_ms = ORIGIN_MS + 6 * HOUR_MS

    async def run() -> None:
        market = make_market(coins, start_ms)
        # Binance's own limit: 2400 a minute
        async with running_exchange(market, RunningClock(start_ms, 1.0), Faults(), WeightLimit(limit=2400)) as local:
            collector = Collector(home, migrated_dsn, local.url, coins, stall_s=45, sample_s=60)
            collector.start()
            try:
                await asyncio.sleep(20)
                began_s, cpu_before_s = time.monotonic(), collector.cpu_s()
                await wait_for(lambda: all_reach(migrated_dsn, 40, start_ms + 3 * MINUTE_MS), "three minutes", 260)
                resident_mb, took_s = collector.resident_mb(), time.monotonic() - began_s
                share = (collector.cpu_s() - cpu_before_s) / took_s
                say(f"40 instruments: {resident_mb:.0f} MB resident, {share:.0%} of a core")
                assert resident_mb <= 400
                assert share <= 0.8
                assert "429" not in collector.log.read_text("utf-8")
            finally:
                collector.kill()

    asyncio.run(run())


def all_reach(dsn: str, instruments: int, until_ms: int) -> bool:
    with connected(dsn) as connection:
        row = connection.execute(
            "SELECT count(*) FROM collect_cursor WHERE stream IN ('bar:last', 'bar:mark') "
            "AND ts >= to_timestamp($1::double precision / 1000)",
            [until_ms],
        ).fetchone()
    return row == (2 * instruments,)
