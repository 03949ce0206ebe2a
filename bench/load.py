"""Many clients at once: ``python -m bench.load [--clients N] [--seconds N] [--workers N]``.

``liqgrid serve`` on a fresh database (``bench.api``); clients ask grids, clusters, exposure and series over GraphQL and
REST, each a question of its list after the other, and half of the grids with a price nobody asked for before. Meanwhile
a table that answers rest on changes twice a second, so that what is kept is made again. There must be no error, 99 % of
the answers within 20 times the median, and what the server holds may not grow in the second
half of the time (in the first it fills what it may keep).
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import random
import re
import statistics
import time
from collections import Counter
from pathlib import Path

import httpx
import psycopg

from bench.api import market_served

MOST_TIMES = 20
GROWTH_MB = 32  # what malloc may still move
_CHANGE_EVERY_S = 0.5
OF = 'pair: "BTC-USDT", interval: M5'
GRAPHQL = {
    "grid": "query($low: Float) { grid(OF, last: 288, priceLow: $low) { asOf times priceEdges long short } }",
    "clusters": "{ topClusters(OF) { asOf clusters { low high notional composition { leverage { share } } } } }",
    "exposure": "{ exposure(OF) { bands { within long short } percentiles { long } coverage { staleSeconds } } }",
    "bars": '{ bars(pair: "BTC-USDT", interval: H1, first: 500) { times close } }',
}
REST = {
    "rest grid": "/v1/grids/BTC-USDT?interval=1h&last=48&rows=100",
    "rest clusters": "/v1/clusters/BTC-USDT?interval=5m",
    "rest bars": "/v1/bars/BTC-USDT.csv?interval=1h&first=500",
}


async def client(address: str, number: int, ends_s: float, took: dict[str, list[float]], errors: Counter[str]) -> None:
    """Ask one question after the other until the time is over."""
    chance = random.Random(number)
    names = [*GRAPHQL, *REST]
    async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=60) as session:
        for name in itertools.islice(itertools.cycle(names), number % len(names), None):
            if time.perf_counter() > ends_s:
                return
            began = time.perf_counter()
            if name in REST:
                answer = await session.get(REST[name])
            else:
                low = chance.uniform(9000, 11000) if name == "grid" and chance.random() < 0.5 else 10_000
                variables = {"low": low} if name == "grid" else {}
                query = GRAPHQL[name].replace("OF", OF)
                answer = await session.post("/graphql", json={"query": query, "variables": variables})
            took[name].append(time.perf_counter() - began)
            if answer.status_code != 200 or b'"errors"' in answer.content[-2000:]:
                errors[f"{name}: {answer.status_code} {answer.text[-300:]}"] += 1


async def change(dsn: str, ends_s: float) -> None:
    """Have every kept answer made again, now and then."""
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        while time.perf_counter() < ends_s:
            await connection.execute("UPDATE grid_column SET mark = mark WHERE false")
            await asyncio.sleep(_CHANGE_EVERY_S)


async def memory(processes: list[int], ends_s: float, seen: list[float]) -> None:
    """Note what the server's processes hold, MB, every second."""
    while time.perf_counter() < ends_s:
        seen.append(sum(map(resident_mb, processes)))
        await asyncio.sleep(1)


def resident_mb(process: int) -> float:
    """Return what a process holds in memory; 0 if it has ended."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def family(root: int) -> list[int]:
    """Return a process and those it started."""
    folders = [folder for folder in Path("/proc").iterdir() if folder.name.isdigit()]
    return [root, *(int(one.name) for one in folders if f"PPid:\t{root}\n" in (one / "status").read_text())]


async def load(address: str, dsn: str, root: int, chosen: argparse.Namespace) -> None:
    """Run clients, and print what came of it."""
    took: dict[str, list[float]] = {name: [] for name in (*GRAPHQL, *REST)}
    errors: Counter[str] = Counter()
    held: list[float] = []
    ends_s = time.perf_counter() + chosen.seconds
    await asyncio.gather(
        change(dsn, ends_s),
        memory(family(root), ends_s, held),
        *(client(address, number, ends_s, took, errors) for number in range(chosen.clients)),
    )
    everything = [one for some in took.values() for one in some]
    print(f"{chosen.clients} clients, {chosen.seconds} s, {chosen.workers} processes: {len(everything)} answers")
    for name, some in {"all": everything, **took}.items():
        late = statistics.quantiles(some, n=100)[-1]
        print(f"  {name:14} median {statistics.median(some) * 1000:6.1f} ms  99 % {late * 1000:6.1f} ms")
    half = max(len(held) // 2, 1)
    grown = statistics.median(held[-half // 2 :]) - statistics.median(held[half : half + half // 2 or None])
    print(f"  memory {held[0]:.0f} MB at first, {held[-1]:.0f} MB at last, {grown:+.0f} MB in the second half")
    print(f"  errors: {sum(errors.values())}; load of this machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for text, count in errors.most_common(5):
        print(f"    {count} × {text}")
    times = statistics.quantiles(everything, n=100)[-1] / statistics.median(everything)
    print(f"  99 % is {times:.1f} times the median (goal {MOST_TIMES})")
    if errors or times > MOST_TIMES or grown > GROWTH_MB:
        raise SystemExit("not as it should be")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--days", type=int, default=60)
    chosen = parser.parse_args()
    with market_served(chosen.days, ["--workers", str(chosen.workers)]) as served:
        asyncio.run(load(served.address, served.dsn, served.process, chosen))


if __name__ == "__main__":
    main()
