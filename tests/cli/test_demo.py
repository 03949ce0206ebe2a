"""``liqgrid up --demo``: a simulated market through the real collectors, in one process tree."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from liqgrid.cli.demo import choose_market
from liqgrid.engine.store.embedded import stop_server
from tests.cli.conftest import Inside, Liqgrid, Running
from tests.cli.processes import processes_over, wait_until
from tests.cli.test_up import request

DAY_MS = 86_400_000
NOON_MS = 20_000 * DAY_MS + DAY_MS // 2
HEATMAP = """{
  grid(pair: "BTC-USDT", interval: H1, last: 48) { times long coverage { simulated } }
  topClusters(pair: "BTC-USDT", interval: H1) { clusters { side } }
}"""
NEWEST = '{ grid(pair: "BTC-USDT", interval: M1, last: 1, rows: 10) { asOf } }'
STATUS = "{ status { instruments { symbol builtUntil } } }"


def post(address: str, query: str) -> tuple[dict[str, Any], str | None]:
    """Return the answer and what its header says of it."""
    response, body = request(address, "POST", "/graphql", json.dumps({"query": query}))
    return json.loads(body), response.headers["x-liqgrid-simulated"]


@pytest.fixture(scope="module")
def demo() -> Iterator[tuple[Liqgrid, Running, str]]:
    liqgrid = Liqgrid(Path(tempfile.mkdtemp(prefix="liqgrid demo ", dir="/tmp")))
    running = liqgrid.start("up", "--demo", "--port", "0", "--speed", "20")
    yield liqgrid, running, running.wait_until_served()
    liqgrid.end_all()
    wait_until(lambda: stop_server(liqgrid.home / "demo" / "postgres"))
    shutil.rmtree(liqgrid.home)


def test_heatmap_is_there_with_the_first_answer_and_says_what_it_is(demo: tuple[Liqgrid, Running, str]) -> None:
    _, running, address = demo
    answer, marked = post(address, HEATMAP)
    assert answer["extensions"]["simulated"] is True
    assert marked == "1"
    grid = answer["data"]["grid"]
    assert grid["long"]["shape"] == [48, 300]
    assert grid["coverage"] == {"simulated": True}
    assert answer["data"]["topClusters"]["clusters"]
    assert any(line.startswith("demo       SIMULATED") for line in running.said)


def test_minutes_keep_arriving(demo: tuple[Liqgrid, Running, str]) -> None:
    _, _, address = demo
    seen: set[str] = set()

    def three_came() -> bool:
        seen.add(post(address, NEWEST)[0]["data"]["grid"]["asOf"])
        return len(seen) > 2

    wait_until(three_came)


def test_other_pairs_and_the_past_follow(demo: tuple[Liqgrid, Running, str]) -> None:
    _, _, address = demo

    def all_built() -> bool:
        instruments = post(address, STATUS)[0]["data"]["status"]["instruments"]
        return len(instruments) == 4 and all(one["builtUntil"] for one in instruments)

    wait_until(all_built)


def test_status_plot_and_import_know_it(demo: tuple[Liqgrid, Running, str], inside: Inside, tmp_path: Path) -> None:
    liqgrid = Liqgrid(demo[0].home / "demo")
    assert "SIMULATED: all of it" in liqgrid.run("status").stdout
    assert json.loads(liqgrid.run("status", "--json").stdout)["simulated"] is True
    plotted = liqgrid.run("plot", "BTC-USDT", "--interval", "1h", "-o", tmp_path / "heatmap.png", "--last", "20")
    assert "columns of SIMULATED BTC-USDT 1h" in plotted.stdout
    inside.home = liqgrid.home
    live = inside.run("up", "--port", "0")
    assert live.code == 2
    assert "error BAD_SETTING: this database holds SIMULATED data" in live.errors


def test_second_demo_at_once_is_refused(demo: tuple[Liqgrid, Running, str], inside: Inside) -> None:
    inside.home = demo[0].home
    result = inside.run("up", "--demo", "--port", "0")
    assert result.code == 2
    assert result.errors.startswith("error BAD_SETTING: another process runs the demo in ")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_nothing_is_left_of_it(demo: tuple[Liqgrid, Running, str]) -> None:
    liqgrid, running, _ = demo
    home = liqgrid.home / "demo"
    assert {command[3] for command in processes_over(home)} == {"exchange", "collect", "worker"}
    code, errors = running.end(signal.SIGTERM)
    assert code == 0, errors
    assert "Traceback" not in errors
    assert processes_over(home) == []
    assert not (home / "postgres" / "postmaster.pid").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_killed_it_leaves_nothing_running_and_starts_again(demo: tuple[Liqgrid, Running, str]) -> None:
    liqgrid, _, _ = demo
    home = liqgrid.home / "demo"
    running = liqgrid.start("up", "--demo", "--port", "0")  # at another speed: a new market
    post(running.wait_until_served(), HEATMAP)
    running.end(signal.SIGKILL)
    wait_until(lambda: processes_over(home) == [])
    wait_until(lambda: not (home / "postgres" / "postmaster.pid").exists())
    again = liqgrid.start("up", "--demo", "--port", "0")
    began = time.monotonic()
    answer, marked = post(again.wait_until_served(), HEATMAP)
    assert time.monotonic() - began < 60
    assert (answer["data"]["grid"]["coverage"], marked) == ({"simulated": True}, "1")
    assert again.end(signal.SIGINT)[0] == 0


def test_interrupted_while_it_starts_it_ends(liqgrid: Liqgrid) -> None:
    liqgrid.home = Path(tempfile.mkdtemp(prefix="liqgrid demo ", dir="/tmp"))
    running = liqgrid.start("up", "--demo", "--port", "0")
    assert running.process.stdout is not None
    while not running.process.stdout.readline().startswith("database"):  # next, the newest days are fetched
        assert running.process.poll() is None
    code, errors = running.end(signal.SIGINT)
    assert code == 130, errors
    assert processes_over(liqgrid.home / "demo") == []
    assert not (liqgrid.home / "demo" / "postgres" / "postmaster.pid").exists()
    shutil.rmtree(liqgrid.home)


def test_demo_goes_on_with_its_market_at_the_speed_of_time(tmp_path: Path) -> None:
    first = choose_market(tmp_path, 1, NOON_MS)
    assert first.origin_ms == NOON_MS - DAY_MS // 2 - 30 * DAY_MS
    assert choose_market(tmp_path, 1, NOON_MS + 29 * DAY_MS) == first
    assert choose_market(tmp_path, 1, NOON_MS + 30 * DAY_MS) != first  # 60 days and a half long


@pytest.mark.parametrize("speeds", [(1, 60), (60, 1), (60, 60)])
def test_demo_at_another_speed_is_a_new_one_over_an_empty_database(speeds: tuple[float, float]) -> None:
    with tempfile.TemporaryDirectory(prefix="liqgrid demo ", dir="/tmp") as folder:  # the database's user can enter it
        home = Path(folder)
        choose_market(home, speeds[0], NOON_MS)
        (home / "postgres").mkdir()
        choose_market(home, speeds[1], NOON_MS + 1)
        assert not (home / "postgres").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--demo", "BTCUSDT_1h.csv"], "leave files and --no-collect out"),
        (["--demo", "--no-collect"], "leave files and --no-collect out"),
        (["--speed", "2"], "give --demo with it"),
        (["--demo", "--speed", "0"], "speed was 0; it must be above 0"),
        (["--demo", "--speed", "nan"], "speed was nan; it must be above 0"),
    ],
)
def test_options_that_make_no_sense_together(inside: Inside, arguments: list[str], told: str) -> None:
    result = inside.run("up", "--port", "0", *arguments)
    assert (result.code, result.output) == (2, "")
    assert told in result.errors
    assert not inside.home.exists()


@pytest.mark.soak
def test_closed_bar_is_a_column_over_graphql_within_a_second() -> None:
    command = [sys.executable, "-m", "bench.end_to_end", "--bars", "20", "--most", "1000"]
    root = Path(__file__).parents[2]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=900, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
