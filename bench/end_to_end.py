"""How soon a closed bar is a column over GraphQL: ``python -m bench.end_to_end [--bars N] [--speed X] [--at-once]``.

``liqgrid up --demo`` runs in a home of its own: exchange, collector, worker and API, each a process. The clock starts
when this process hears from the exchange, over a subscription of its own, that a bar of BTCUSDT closed; it stops when a
GraphQL query for the newest 1m column answers with that bar's close. It is asked again 5 ms after each answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

GOAL_MS = 1000
_BETWEEN_S = 0.005
_PATIENCE_S = 600
QUERY = '{ grid(pair: "BTC-USDT", interval: M1, last: 1, rows: 10) { asOf } }'
SUBSCRIBE = {"method": "SUBSCRIBE", "params": ["btcusdt@kline_1m"], "id": 1}


@contextmanager
def demo(home: Path, speed: float) -> Iterator[tuple[str, str]]:
    """Run the demo; yield the addresses of its exchange and of its API."""
    environment = {**os.environ, "LIQGRID_HOME": str(home), "LIQGRID_DSN": ""}
    command = [sys.executable, "-m", "liqgrid", "up", "--demo", "--port", "0", "--speed", str(speed)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            exchange = ""
            for line in process.stdout:
                if found := re.search(r"exchange at (http://[\d.]+:\d+)", line):
                    exchange = found[1]
                if found := re.search(r"(http://[\d.]+:\d+)/graphql", line):
                    yield exchange, found[1]
                    return
            raise SystemExit("the demo ended")
        finally:
            process.terminate()
            process.communicate(timeout=60)


def wait_for_the_past(home: Path) -> None:
    """Return when all of the history has been fetched and built, which delays bars of the same instrument."""
    command = [sys.executable, "-m", "liqgrid", "status", "--json"]
    environment = {**os.environ, "LIQGRID_HOME": str(home / "demo"), "LIQGRID_DSN": ""}
    ends = time.monotonic() + _PATIENCE_S
    while time.monotonic() < ends:
        said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        told = json.loads(said)
        busy = {"backfill", "rebuild"} & told["jobs"]["queues"].keys()
        hours = [one["columns"].get("1h", 0) for one in told["instruments"]]
        if not busy and len(hours) == 4 and min(hours) > 600:
            return
        time.sleep(2)
    raise SystemExit(f"the past is not there after {_PATIENCE_S} s")


async def newest_ms(session: aiohttp.ClientSession, api: str) -> int:
    """Return the close of the newest column, epoch ms."""
    async with session.post(f"{api}/graphql", json={"query": QUERY}) as response:
        answer = await response.json()
    return round(datetime.fromisoformat(answer["data"]["grid"]["asOf"]).astimezone(UTC).timestamp() * 1000)


async def measure(exchange: str, api: str, bars: int, skipped: int) -> list[float]:
    """Return how long each bar took, seconds; the first ones are left out."""
    took: list[float] = []
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{exchange}/ws") as socket:
        await socket.send_json(SUBSCRIBE)
        while len(took) < bars + skipped:
            kline = (await socket.receive_json()).get("k")
            if kline is None or not kline["x"]:
                continue
            heard, close_ms = time.perf_counter(), kline["t"] + 60_000
            while True:
                if await newest_ms(session, api) >= close_ms:
                    break
                await asyncio.sleep(_BETWEEN_S)
            took.append(time.perf_counter() - heard)
    return took[skipped:]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--bars", type=int, default=30)
    parser.add_argument("--speed", type=float, default=20.0)
    parser.add_argument("--at-once", action="store_true", help="do not wait until the past has been built")
    parser.add_argument("--most", type=float, help="fail if the median is over this many ms")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="liqgrid bench ", dir="/tmp") as folder:
        Path(folder).chmod(0o755)  # so that the user who runs PostgreSQL for root can enter
        with demo(Path(folder), chosen.speed) as (exchange, api):
            if not chosen.at_once:
                wait_for_the_past(Path(folder))
            took = asyncio.run(measure(exchange, api, chosen.bars, skipped=2))
    median, late = statistics.median(took) * 1000, statistics.quantiles(took, n=20)[-1] * 1000
    load, worst = os.getloadavg()[0], max(took) * 1000
    print(f"{chosen.bars} bars: median {median:.0f} ms (goal {GOAL_MS}), 95 % {late:.0f} ms, worst {worst:.0f} ms")
    print(f"load of this machine: {load:.1f} on {os.cpu_count()} cores")
    if chosen.most is not None and median > chosen.most:
        raise SystemExit(f"median is over {chosen.most:.0f} ms")


if __name__ == "__main__":
    main()
