"""``liqgrid exchange`` as a process: it says where it is, answers there, and ends when told to."""

from __future__ import annotations

import json
import re
import signal
import time
from contextlib import closing
from http.client import HTTPConnection

import pytest

from tests.cli.conftest import Liqgrid


def asked(address: str, path: str) -> tuple[int, str | None, object]:
    with closing(HTTPConnection(address, timeout=30)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.headers.get("x-liqgrid-simulated"), json.loads(answer.read())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_exchange_serves_a_market_until_it_is_stopped(liqgrid: Liqgrid, number: signal.Signals) -> None:
    options = ["--days", "1", "--port", "0", "--speed", "600", "--seed", "5", "--weight-limit", "100"]
    running = liqgrid.start("exchange", "BTC", "DOGE", *options)
    assert running.process.stdout is not None
    line = running.process.stdout.readline()
    found = re.search(r"SIMULATED BTCUSDT, DOGEUSDT at http://([\d.]+:\d+), in Binance", line)
    assert found is not None, line
    wall_ms = time.time() * 1000
    status, simulated, told = asked(found[1], "/fapi/v1/time")
    assert (status, simulated) == (200, "1")
    assert isinstance(told, dict)
    assert -1_000 < told["serverTime"] - wall_ms < 3_600_000
    _, _, bars = asked(found[1], "/fapi/v1/klines?symbol=DOGEUSDT&interval=1h")
    assert isinstance(bars, list)
    assert len(bars) >= 24
    assert asked(found[1], "/fapi/v1/ticker/24hr")[0] == 200
    assert asked(found[1], "/fapi/v1/ticker/24hr")[0] == 200
    assert asked(found[1], "/fapi/v1/ticker/24hr")[0] == 429
    code, errors = running.end(number)
    assert code == 0, errors
    assert "Traceback" not in errors


def test_faults_are_switched_on_by_name(liqgrid: Liqgrid) -> None:
    running = liqgrid.start("exchange", "BTC", "--days", "0", "--port", "0", "--fault", "too_many_requests=1")
    assert running.process.stdout is not None
    address = running.process.stdout.readline().partition("http://")[2].partition(",")[0]
    assert asked(address, "/fapi/v1/time")[0] == 429
    assert running.end(signal.SIGTERM)[0] == 0
