"""Fifty builds killed at random moments, late rows between them: nothing is lost, and readers see no half build."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest

from liqgrid.engine.market.interval import Interval
from liqgrid.engine.store.database import Connection
from tests.fault.grids import Bring, build, grid_of
from tests.markets import market

ROUNDS = 50
BUILDER = """
import sys, time
from liqgrid.engine.build import build_instrument
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.store.database import connected
from liqgrid.engine.store.raw import list_instruments

with connected(sys.argv[1]) as connection:
    (stored,) = list_instruments(connection)
    print("ready", flush=True)
    sys.stdin.readline()
    started = time.perf_counter()
    build_instrument(connection, stored, ModelParameters())
    print(time.perf_counter() - started, flush=True)
"""


def start(dsn: str) -> subprocess.Popen[str]:
    """Return a process that builds when it is told to."""
    process = subprocess.Popen(
        [sys.executable, "-c", BUILDER, dsn], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def assert_whole(connection: Connection) -> None:
    """Every column is of a recorded build, and none lies beyond what the newest build replayed."""
    strays = connection.execute(
        "SELECT count(*) FROM grid_column WHERE build_id NOT IN (SELECT build_id FROM build) "
        "OR ts > (SELECT watermark FROM build ORDER BY build_id DESC LIMIT 1)"
    ).fetchone()
    assert strays == (0,)
    predicted, bars = (
        connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        for table in (
            "predicted_liquidation",
            "bar WHERE ts < (SELECT watermark FROM build ORDER BY build_id DESC LIMIT 1)",
        )
    )
    assert predicted is not None
    assert bars is not None
    assert predicted[0] <= bars[0]


@pytest.mark.soak
def test_builds_killed_at_random_moments_lose_nothing(
    connection: Connection, other: Connection, migrated_dsn: str, bring: Bring
) -> None:
    random = np.random.default_rng(17)
    final = market(15 * 1440, Interval.M1, seed=9, start="2024-07-01T00:00:00Z")
    bring(connection, final.rows(slice(0, 100)))
    process = start(migrated_dsn)
    tell(process)
    process.communicate(timeout=60)
    bring(connection, final)
    started = time.perf_counter()
    build(connection)
    usual_s = time.perf_counter() - started
    killed = finished = 0
    for _ in range(ROUNDS):
        # Corrections anywhere, so that each build has from little to everything to make anew.
        begin = int(random.integers(0, len(final) - 40))
        draft = final.rows(slice(begin, begin + 30))
        bring(connection, draft.shifted(slice(0, 30), 1.003))
        process = start(migrated_dsn)
        tell(process)
        try:
            said, _ = process.communicate(timeout=float(random.uniform(0.0, 1.5 * usual_s)))
            usual_s = float(said)
            finished += 1
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            usual_s *= 1.05  # the machine may be slower than it was
            killed += 1
        connection.execute("SELECT pg_advisory_lock(7116, 1), pg_advisory_unlock(7116, 1)")  # the killed one is gone
        assert_whole(connection)
        bring(connection, draft)
    assert killed > ROUNDS // 4
    assert finished > 2
    deadline = time.monotonic() + 60
    while build(connection) is not None:
        assert time.monotonic() < deadline
    bring(other, final)
    build(other)
    assert grid_of(connection) == grid_of(other)
