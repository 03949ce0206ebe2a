"""How fast the API answers, from the database and again: ``python -m bench.api [--seconds N] [--uncached N]``.

``liqgrid serve`` runs as a process of its own on a fresh embedded database with 60 days of one-minute bars of BTC-USDT.
A grid of 288 × 300, packed, is asked for over GraphQL:

- **from the database**: each time with other prices, so that nothing is kept; one client; what the server's log says it
  took, from the whole question to the last byte handed to the system, and what the client waited. Once about the prices
  that are the default, and once over all that is stored
- **again**: the same query by wrk (Debian's package ``wrk``), 16 connections, against the same server sending the same
  bytes from memory, once as a route of the same application and once bare (no routes, limits, log): ``bench.bytes_app``

Every answer that is asked for again is held byte for byte against the first.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.ways import fresh_database
from liqgrid.engine.build import build_instrument
from liqgrid.engine.collect.import_csv import import_csv
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.store.raw import list_instruments
from tests.api.served import unpacked
from tests.markets import market

GOAL_MS = 10  # DESIGN.md §7
GOAL_SHARE = 0.5
LOWEST = 10_000.0  # below all that the made-up market stores
_PATIENCE_S = 60
GRID = """query($low: Float) { grid(pair: "BTC-USDT", interval: M5, last: 288, priceLow: $low, rows: 300) {
  asOf unit times priceEdges long short longTotal shortTotal maximum
  bars { open high low close volume price } } }"""
SMALL = '{ topClusters(pair: "BTC-USDT", interval: M5) { asOf price clusters { side low high notional } } }'


@dataclass(frozen=True)
class Served:
    """A server under measurement: its address, its database, its process, and the file it logs to."""

    address: str
    dsn: str
    process: int
    log: Path

    def took_ms(self) -> list[float]:
        """Return how long each answer of GraphQL took by the server's log."""
        return [float(ms) for ms in re.findall(r" path=/graphql .* ms=([\d.]+)", self.log.read_text("utf-8"))]


@contextmanager
def market_served(days: int, options: Sequence[str] = ()) -> Iterator[Served]:
    """Serve a made-up market of one pair, one-minute bars of some days."""
    rows = market(days * 1440, Interval.M1, start="2024-05-01T00:00:00Z")
    with fresh_database() as (connection, dsn, home):
        import_csv(connection, rows.csv(home / "rows.csv"))
        for stored in list_instruments(connection):
            build_instrument(connection, stored, ModelParameters())
        with served(["serve", "--port", "0", *options], dsn) as api:
            yield api


@contextmanager
def served(arguments: list[str], dsn: str) -> Iterator[Served]:
    """Run ``liqgrid ARGUMENTS`` on a database until it says where it is."""
    with tempfile.NamedTemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "liqgrid", *arguments],
            env={**os.environ, "LIQGRID_DSN": dsn},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if found := re.search(r"(http://[\d.]+:\d+)/graphql", line):
                    yield Served(found[1], dsn, process.pid, Path(log.name))
                    return
            raise SystemExit("the server ended before it served")
        finally:
            process.terminate()
            process.wait(_PATIENCE_S)


def answer(client: httpx.Client, query: str, **variables: object) -> httpx.Response:
    """Return the answer to a query, which has no error."""
    response = client.post("/graphql", json={"query": query, "variables": variables})
    assert response.status_code == 200, response.text
    assert "errors" not in response.json(), response.text
    return response


def from_database_ms(client: httpx.Client, query: str, low: float, count: int) -> list[float]:
    """Return how long each of some answers takes that nobody had before, their lowest prices about ``low``."""
    took = []
    for number in range(count + 5):
        body = json.dumps({"query": query, "variables": {"low": low + number / 1000}})
        began = time.perf_counter()
        response = client.post("/graphql", content=body, headers={"content-type": "application/json"})
        took.append((time.perf_counter() - began) * 1000)
        assert b'"errors"' not in response.content
    return took[5:]


def lowest_by_default(client: httpx.Client) -> float:
    """Return the lowest price of the grid that names none."""
    grid = answer(client, GRID, low=None).json()["data"]["grid"]
    assert grid["long"]["shape"] == [288, 300], grid["long"]["shape"]
    return float(unpacked(grid["priceEdges"])[0])


def rate(address: str, path: str, body: str, seconds: int, connections: int, folder: Path) -> float:
    """Return how many requests a second wrk gets answered; none may fail."""
    script = folder / "post.lua"
    script.write_text(
        f'wrk.method = "POST"\nwrk.headers["content-type"] = "application/json"\nwrk.body = {json.dumps(body)}\n'
    )
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), f"{address}{path}"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in said, said
    assert "Socket errors" not in said, said
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert found is not None, said
    return float(found[1])


def again(client: httpx.Client, api: Served, body: str, chosen: argparse.Namespace, folder: Path) -> None:
    """Print the rates of a repeated query and of its bytes from memory, in turn."""
    first = client.post("/graphql", content=body, headers={"content-type": "application/json"}).content
    assert client.post("/graphql", content=body, headers={"content-type": "application/json"}).content == first
    (folder / "bytes").write_bytes(first)
    rates: dict[str, list[float]] = {"again": [], "route": [], "bare": []}
    file = folder / "bytes"
    with bare(file, chosen.server) as bare_address, bare(file, chosen.server, api.dsn) as route_address:
        ways = {"again": api.address, "route": route_address, "bare": bare_address}
        for address in (bare_address, route_address):
            assert httpx.post(f"{address}/graphql", content=body, trust_env=False).content == first
        for _ in range(chosen.rounds):
            for name, address in ways.items():
                rates[name].append(rate(address, "/graphql", body, chosen.seconds, chosen.connections, folder))
    for name in ("route", "bare"):
        share = statistics.median(own / other for own, other in zip(rates["again"], rates[name], strict=True))
        own, other = statistics.median(rates["again"]), statistics.median(rates[name])
        print(f"  {own:.0f} of {other:.0f} a second ({name}): {share:.0%} (goal {GOAL_SHARE:.0%})")


@contextmanager
def bare(file: Path, server: str, dsn: str | None = None) -> Iterator[str]:
    """Run a server that sends the bytes of a file to whoever asks, by ``bench.bytes_app``."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.bytes_app", str(file), server, *([] if dsn is None else [dsn])],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(_PATIENCE_S)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--uncached", type=int, default=300, help="answers from the database")
    parser.add_argument("--seconds", type=int, default=5, help="of each run of wrk")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--server", default="uvicorn", help="what sends the bytes: uvicorn, uvicorn-asyncio or granian")
    chosen = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not installed: apt-get install wrk")
    with (
        tempfile.TemporaryDirectory(prefix="liqgrid bench ") as folder,
        market_served(chosen.days) as api,
        httpx.Client(base_url=api.address, trust_env=False, headers={"accept-encoding": "identity"}) as client,
    ):
        print(f"grid 288 × 300 from the database (goal {GOAL_MS} ms in the server):")
        for name, low in (("default prices", lowest_by_default(client)), ("all prices", LOWEST)):
            took = from_database_ms(client, GRID, low, chosen.uncached)
            for who, spent in (("server", api.took_ms()[-chosen.uncached :]), ("client", took)):
                most = statistics.quantiles(spent, n=20)[-1]
                print(f"  {name}, {who}: median {statistics.median(spent):.1f} ms, 95 % {most:.1f}")
        for name, query in (("grid 288 × 300", GRID), ("clusters", SMALL)):
            print(f"{name} again, of bytes from memory:")
            again(client, api, json.dumps({"query": query}), chosen, Path(folder))


if __name__ == "__main__":
    main()
