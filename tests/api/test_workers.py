"""Several processes behind one port: one answer, one limit, one end; and one that dies is replaced."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from liqgrid.api.live.changes import Changes
from liqgrid.api.rates import SlidingWindow
from liqgrid.api.shared import shared_file, shared_memory
from liqgrid.engine.market.api_key import Scope
from liqgrid.engine.store.keys import create_key
from tests.api.growing import Venue
from tests.api.served import Api
from tests.api.sockets import subscribed
from tests.api.stored import ms_of
from tests.waiting import wait_until

PATIENCE_S = 60
NEWEST = '{ grid(pair: "BTC-USDT", interval: M15, last: 1, rows: 5) { asOf } }'
WATCH = 'subscription { gridColumn(pair: "BTC-USDT", interval: M15, rows: 5) { closeTime } }'


@dataclass
class Served:
    """A server of several processes."""

    process: subprocess.Popen[str]
    url: str
    log: Path

    def workers(self) -> set[int]:
        """The processes that serve."""
        found = set()
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    parent = re.search(r"PPid:\s+(\d+)", (folder / "status").read_text())
                    command = (folder / "cmdline").read_bytes()
                except OSError:  # it has ended meanwhile
                    continue
                if parent and int(parent[1]) == self.process.pid and b"--listener" in command:
                    found.add(int(folder.name))
        return found

    def sockets(self) -> Counter[int]:
        """How many sockets each worker has open."""
        count: Counter[int] = Counter()
        for worker in self.workers():
            for link in Path(f"/proc/{worker}/fd").iterdir():
                try:
                    count[worker] += str(link.readlink()).startswith("socket:")
                except OSError:
                    continue
        return count

    def ask(self, query: str, **headers: str) -> httpx.Response:
        """Ask over a connection of its own."""
        return httpx.post(f"{self.url}/graphql", json={"query": query}, headers=headers, trust_env=False, timeout=30)


@contextmanager
def serving_by(dsn: str, folder: Path, *options: str) -> Iterator[Served]:
    log = folder / "log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "liqgrid", "serve", "--port", "0", *options],
            env={**os.environ, "LIQGRID_DSN": dsn}, stdout=subprocess.PIPE, stderr=errors, text=True,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            found = next((one for line in process.stdout if (one := re.search(r"(http://\S+)/graphql", line))), None)
            assert found is not None, log.read_text()
            yield Served(process, found[1], log)
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE_S)


def test_two_processes_answer_as_one(venue: Venue, tmp_path: Path) -> None:
    key = create_key(venue.connection, "few", (Scope.READ,), 12, 60_000)

    async def follow(served: Served) -> None:
        api = Api(venue.dsn, httpx.Client(base_url=served.url, trust_env=False))
        async with subscribed(api, WATCH) as stream:
            await stream.next()
            for _ in range(5):
                for _ in range(4):  # so that both keep an answer
                    served.ask(NEWEST)
                venue.grow()
                assert ms_of((await stream.next())["closeTime"]) == venue.newest_ms
                for _ in range(6):
                    assert ms_of(served.ask(NEWEST).json()["data"]["grid"]["asOf"]) == venue.newest_ms

    with serving_by(venue.dsn, tmp_path, "--workers", "2") as served:
        workers = served.workers()
        assert len(workers) == 2
        asyncio.run(follow(served))

        statuses = [served.ask(NEWEST, **{"x-api-key": key}).status_code for _ in range(20)]
        assert statuses == [200] * 12 + [429] * 8, "one limit for both"

        with ExitStack() as held:
            before = served.sockets()
            for _ in range(40):
                client = held.enter_context(httpx.Client(base_url=served.url, trust_env=False, timeout=30))
                assert client.get("/health").status_code == 200
            taken = served.sockets() - before
            assert set(taken) == workers, "both take connections"

        killed = min(workers)
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: "ended by itself" in served.log.read_text())
        for _ in range(10):
            assert served.ask(NEWEST).status_code == 200, "the other goes on"
        fresh = wait_until(lambda: served.workers() - workers)
        wait_until(lambda: served.sockets()[min(fresh)] > 3)  # it has its connections to the database
        assert len(served.workers()) == 2

        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(PATIENCE_S) == 0
        assert not any(Path(f"/proc/{worker}").exists() for worker in workers | fresh)
        assert served.log.read_text().count("ended by itself") == 1


def test_workers_end_when_what_started_them_is_gone(venue: Venue, tmp_path: Path) -> None:
    with serving_by(venue.dsn, tmp_path, "--workers", "2") as served:
        workers = served.workers()
        served.process.kill()
        wait_until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))


def test_what_processes_count_together_is_what_one_counts() -> None:
    """Each of three takes a third of what one sliding window is asked; every answer is the same."""
    with shared_file() as file:
        parts = [shared_memory(file) for _ in range(3)]
        alone = SlidingWindow()
        for step in range(3000):
            client, amount, now_s = f"client {step % 7}", 1 + step % 5, 1000 + step * 0.05
            meters = parts[step % 3].meters
            assert meters.cost.take(client, amount, 60, now_s) == alone.take(client, amount, 60, now_s)
        for number in range(30_000):  # more than there is room for: the silent go, and nothing fails
            parts[0].meters.requests.take(f"stranger {number}", 1, 5, 2000.0)
        one, other = Changes(parts[0].changes_page), Changes(parts[1].changes_page)
        other.heard(other.now())
        begun_ns = other.now()
        one.note("grid_column")
        assert not other.none_since(begun_ns, ["grid_column"])


def test_processes_that_count_at_once_grant_no_more_than_the_limit(tmp_path: Path) -> None:
    program = """
import sys
from liqgrid.api.shared import shared_memory
meters = shared_memory(int(sys.argv[1])).meters
print("ready", flush=True)
input()
print(sum(meters.requests.take("one", 1, 5000, 100.0).wait_s is None for _ in range(4000)))
"""
    with shared_file() as file:
        command = [sys.executable, "-c", program, str(file)]
        pipe = subprocess.PIPE
        with ExitStack() as ending:
            running = [
                ending.enter_context(subprocess.Popen(command, pass_fds=[file], stdin=pipe, stdout=pipe, text=True))
                for _ in range(3)
            ]
            for one in running:
                assert one.stdout is not None
                assert one.stdout.readline() == "ready\n"
            for one in running:
                assert one.stdin is not None
                one.stdin.write("go\n")
                one.stdin.flush()
            granted = [int(one.communicate(timeout=PATIENCE_S)[0]) for one in running]
    assert sum(granted) == 5000
    assert sum(count > 0 for count in granted) > 1
