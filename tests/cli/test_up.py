"""The whole path in one process tree, on the embedded database; the tests of this file build on each other."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Inside, Liqgrid
from tests.cli.market import market_rows, with_cell, write_market
from tests.cli.processes import processes_over, wait_until

BARS = 300


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = market_rows(BARS + 5)
    return write_market(tmp_path_factory.mktemp("files"), rows[:250] + rows[255:])


@pytest.fixture(autouse=True)
def _nothing_is_left(lasting: Liqgrid) -> Iterator[None]:
    yield
    lasting.end_all()


def request(address: str, method: str, path: str, body: str | None = None) -> tuple[HTTPResponse, bytes]:
    with closing(HTTPConnection(address, timeout=30)) as connection:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response, response.read()


def ask(address: str, query: str) -> Any:
    return json.loads(request(address, "POST", "/graphql", json.dumps({"query": query}))[1])["data"]


def is_stopped(liqgrid: Liqgrid) -> bool:
    return not (liqgrid.home / "postgres" / "postmaster.pid").exists()


def test_database_must_be_migrated(lasting: Liqgrid, file: Path) -> None:
    for arguments in (["serve", "--port", "0"], ["status"], ["build"], ["import", str(file)]):
        result = lasting.run(*arguments)
        assert (result.returncode, result.stdout) == (1, "")
        assert "error SCHEMA_TOO_OLD: " in result.stderr
        assert "liqgrid migrate" in result.stderr
        assert is_stopped(lasting)


def test_up_imports_builds_and_serves_until_interrupted(lasting: Liqgrid, file: Path) -> None:
    running = lasting.start("up", file, "--port", "0")
    answer = ask(running.wait_until_served(), '{ grid(pair: "BTC-USDT", interval: H1, last: 5) { pair unit } }')
    assert answer == {"grid": {"pair": "BTC-USDT", "unit": "USDT"}}
    code, errors = running.end(signal.SIGINT)
    assert code == 0, errors
    assert "Traceback" not in errors
    assert is_stopped(lasting)
    said = "\n".join(running.said)
    assert f"database   PostgreSQL 18.6, liqgrid's own in {lasting.home}" in said
    assert f"{BARS} bars of binance:BTC-USDT 1h, 2024-06-20 00:00 … 2024-07-02 17:00 UTC" in said
    assert "build      binance:BTC-USDT: 300 bars in " in said
    assert "300 of 1h, " in said
    assert "; skill " in said
    assert "warning: BTCUSDT_1h.csv: 1 gap, 5 h missing: 2024-06-30 10:00 … 2024-06-30 15:00 UTC" in errors


def test_second_up_finds_everything_there(lasting: Liqgrid, file: Path) -> None:
    began = time.monotonic()
    running = lasting.start("up", file, "--port", "0")
    running.wait_until_served()
    assert time.monotonic() - began < 15  # 5 on a machine that has nothing else to do
    code, errors = running.end(signal.SIGTERM)
    assert code == 0, errors
    assert is_stopped(lasting)
    assert "import     BTCUSDT_1h.csv: already imported, 300 bars of binance:BTC-USDT 1h" in running.said
    assert "build      binance:BTC-USDT: up to date" in running.said


def test_up_recovers_from_a_kill(lasting: Liqgrid) -> None:
    killed = lasting.start("up", "--no-collect", "--port", "0")
    killed.wait_until_served()
    os.killpg(killed.process.pid, signal.SIGKILL)  # its worker as well, which would stop the database
    killed.wait()
    assert not is_stopped(lasting)
    running = lasting.start("up", "--no-collect", "--port", "0", "--workers", "2")
    address = running.wait_until_served()
    for _ in range(4):
        answer = ask(address, "{ pairs { edges { node { symbol } } } }")
        assert answer == {"pairs": {"edges": [{"node": {"symbol": "BTC-USDT"}}]}}
    if sys.platform == "linux":  # reads /proc
        parts = sorted(command[3] for command in processes_over(lasting.home))
        assert parts == ["serve", "serve", "worker"]
    assert running.end(signal.SIGINT)[0] == 0
    assert is_stopped(lasting)
    assert sys.platform != "linux" or processes_over(lasting.home) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_import_stores_nothing(lasting: Liqgrid, tmp_path: Path, number: signal.Signals) -> None:
    big = write_market(tmp_path, market_rows(300_000, seed=2), "SOLUSDT_1h.csv")
    running = lasting.start("import", big)
    assert running.process.stderr is not None
    assert 'event="starting the database" state=done' in running.process.stderr.readline()
    code, errors = running.end(number)
    assert (code, errors) == (130, "")
    assert is_stopped(lasting)
    assert "SOL" not in lasting.run("status").stdout


def test_fault_in_the_last_row_leaves_nothing_of_the_file(lasting: Liqgrid, tmp_path: Path) -> None:
    rows = market_rows(BARS, seed=3)
    bad = write_market(tmp_path, with_cell(rows, BARS - 1, "low", "-1"), "ETHUSDT_1h.csv")
    result = lasting.run("import", bad)
    assert (result.returncode, result.stdout) == (1, "")
    assert "line 301, column low: was '-1'" in result.stderr
    assert "ETH" not in lasting.run("status").stdout


def test_status_says_what_there_is(lasting: Liqgrid) -> None:
    told = json.loads(lasting.run("status", "--json").stdout)
    assert told["database"].startswith("PostgreSQL 18.6")
    bitcoin = next(one for one in told["instruments"] if one["instrument"] == "binance:BTC-USDT")
    assert bitcoin["last_bar"] == "2024-07-02T16:00:00Z"
    assert bitcoin["built_until"] == "2024-07-02T17:00:00Z"
    assert bitcoin["columns"]["1h"] == BARS
    assert bitcoin["gaps"] == {"count": 1, "missing_ms": 5 * 3_600_000}
    assert set(bitcoin["skill"]) == {"1h"}
    said = lasting.run("status").stdout
    assert "  gaps     1, 5 h missing" in said


def test_plot_draws_what_was_built(lasting: Liqgrid, tmp_path: Path) -> None:
    image = tmp_path / "heatmap.png"
    result = lasting.run("plot", "BTC-USDT", "--interval", "1h", "-o", image, "--last", "100")
    assert result.returncode == 0, result.stderr
    assert image.read_bytes().startswith(b"\x89PNG")
    assert "columns of BTC-USDT 1h" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["plot", "NOPE-USDT", "--interval", "1h"], "UNKNOWN_PAIR"),
        (["plot", "binance:NOPE-USDT", "--interval", "1h"], "UNKNOWN_PAIR"),
        (["plot", "kraken:BTC-USDT", "--interval", "1h"], "BAD_REQUEST"),
        (["plot", "BTC-USDT", "--interval", "1m"], "NOT_BUILT"),
        (["plot", "btc", "--interval", "1h"], "BAD_REQUEST"),
        (["build", "NOPE-USDT"], "UNKNOWN_PAIR"),
        (["build", "btc"], "BAD_REQUEST"),
    ],
)
def test_what_is_not_there(lasting: Liqgrid, inside: Inside, tmp_path: Path, arguments: list[str], code: str) -> None:
    output = ["-o", str(tmp_path / "heatmap.png")] if arguments[0] == "plot" else []
    inside.home = lasting.home
    result = inside.run(*arguments, *output)
    assert (result.code, result.output) == (1, "")
    assert f"error {code}: " in result.errors
    assert list(tmp_path.iterdir()) == []


def test_instrument_that_cannot_be_built_does_not_keep_the_others_from_being_served(
    lasting: Liqgrid, tmp_path: Path
) -> None:
    odd = write_market(tmp_path, market_rows(BARS), "NOPEUSDT_1h.csv")
    odd.write_text("\n".join(line.rsplit(",", 1)[0] for line in odd.read_text().splitlines()))  # no open interest
    running = lasting.start("up", odd, "--port", "0")
    running.wait_until_served()
    code, errors = running.end(signal.SIGTERM)
    assert code == 0
    assert "warning: binance:NOPE-USDT is not built: " in errors
    assert "build      binance:BTC-USDT: up to date" in running.said
    result = lasting.run("build")
    assert result.returncode == 1
    assert "error BAD_DATA: binance:NOPE-USDT: no open interest is stored" in result.stderr
    assert lasting.run("build", "BTC-USDT").returncode == 0


def test_serve_on_its_own(lasting: Liqgrid) -> None:
    running = lasting.start("serve", "--port", "0")
    response, _ = request(running.wait_until_served(), "GET", "/health")
    assert response.status == 200
    assert response.headers["server"] is None
    assert running.end(signal.SIGTERM)[0] == 0
    assert is_stopped(lasting)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_up_has_a_worker_that_ends_with_it(lasting: Liqgrid, number: signal.Signals) -> None:
    running = lasting.start("up", "--no-collect", "--port", "0")
    running.wait_until_served()
    wait_until(lambda: len(processes_over(lasting.home)) == 1)
    running.end(number)
    wait_until(lambda: processes_over(lasting.home) == [])
    wait_until(lambda: is_stopped(lasting))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_venue_that_cannot_be_reached_is_named_and_the_rest_goes_on(lasting: Liqgrid) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]  # where nobody listens once the block is left
    refusing = f'base_url = "http://127.0.0.1:{port}"\n'
    (lasting.home / "config.toml").write_text(
        f'[collect]\nvenues = ["binance", "bybit"]\n[venue.binance]\n{refusing}[venue.bybit]\n{refusing}', "utf-8"
    )
    running = lasting.start("up", "--port", "0")
    address = running.wait_until_served()
    assert "collect    bybit: BTC-USDT, ETH-USDT, SOL-USDT, XRP-USDT" in running.said

    def venues() -> dict[str, str]:
        told = json.loads(lasting.run("status", "--json").stdout)["venues"]
        return {one["venue"]: one["reason"] for one in told if not one["reachable"]}

    wait_until(lambda: len(venues()) == 2)
    assert "bybit cannot be used: " in venues()["bybit"]
    assert f"127.0.0.1:{port}" in venues()["binance"]
    assert ask(address, "{ pairs { edges { node { symbol } } } }") is not None
    assert {command[3] for command in processes_over(lasting.home)} == {"collect", "worker"}
    code, errors = running.end(signal.SIGTERM)
    assert code == 0, errors
    assert 'event="venue cannot be reached"' in errors
    assert "Traceback" not in errors
    wait_until(lambda: processes_over(lasting.home) == [])
    (lasting.home / "config.toml").unlink()
