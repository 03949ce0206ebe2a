"""Workers as processes on a real database: who builds what, what a kill leaves, and how soon a new bar is a column."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import psycopg
import pytest

from liqgrid.engine.build import build_instrument
from liqgrid.engine.market.job import Queue, Task
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.store.database import Connection
from liqgrid.engine.store.jobs import queue_job
from liqgrid.engine.store.raw import lock_instrument
from tests.fault.grids import grid_of
from tests.jobs.workers import Workers, bring, builds, coin, jobs, minutes, wait_until_built
from tests.waiting import wait_until

ROWS = minutes(3 * 1440)
MINUTE = 60_000
# `liqgrid` whose builds of one coin take a while, in a loop of Python as a long replay is
SLOW = """
import time
import liqgrid.cli.jobs as jobs
from liqgrid.cli.main import main
real = jobs.build_instrument
def slow(connection, stored, parameters, on_progress, *, late):
    if stored.instrument.pair.base == "{coin}":
        done = real(connection, stored, parameters, on_progress, late=late)
        end = time.monotonic() + {seconds}
        while time.monotonic() < end:
            on_progress(0, 1)
        return done
    return real(connection, stored, parameters, on_progress, late=late)
jobs.build_instrument = slow
main()
"""


def test_drain_builds_what_is_due_and_ends(connection: Connection, workers: Workers, tmp_path: Path) -> None:
    stored = [bring(connection, ROWS.rows(slice(0, 60)), tmp_path, coin(number)) for number in range(3)]
    done = workers.drain()
    assert done.returncode == 0, done.stderr
    assert jobs(connection) == []
    assert sorted(builds(connection)) == [(one.instrument_id, int(ROWS.open_ms[60])) for one in stored]


def test_a_new_bar_is_built_at_once(connection: Connection, workers: Workers, tmp_path: Path) -> None:
    stored = bring(connection, ROWS.rows(slice(0, 1440)), tmp_path)
    workers.drain()
    worker = workers.start()
    for t in range(1440, 1443):
        bring(connection, ROWS.rows(slice(t, t + 1)), tmp_path)
        wait_until_built(connection, stored, int(ROWS.open_ms[t]) + MINUTE)
    log = workers.end(worker)
    assert worker.returncode == 0, log
    assert "Traceback" not in log
    assert len(builds(connection)) == 4


def test_a_worker_ends_at_a_signal_and_its_job_goes_on_elsewhere(
    connection: Connection, workers: Workers, tmp_path: Path
) -> None:
    bring(connection, ROWS.rows(slice(0, 60)), tmp_path)
    worker = workers.start(program=SLOW.format(coin="BTC", seconds=600))
    wait_until(lambda: [job[2] for job in jobs(connection)] == ["doing"])
    began = time.monotonic()
    log = workers.end(worker)
    assert time.monotonic() - began < 10
    assert worker.returncode == 0, log
    assert "build stopped, to be taken up again" in log
    assert builds(connection) == [], "half a build is none"
    assert [job[2] for job in jobs(connection)] == ["todo"]
    assert workers.drain().returncode == 0
    assert len(builds(connection)) == 1


def test_two_workers_never_build_one_instrument_at_once(
    connection: Connection, migrated_dsn: str, workers: Workers, tmp_path: Path
) -> None:
    stored = bring(connection, ROWS.rows(slice(0, 1440)), tmp_path)
    workers.drain()
    for _ in range(2):
        workers.start(program=SLOW.format(coin="BTC", seconds=0.15))
    most = 0
    with psycopg.connect(migrated_dsn, autocommit=True) as watcher:
        for t in range(1440, 1460):
            bring(connection, ROWS.rows(slice(t, t + 1)), tmp_path)
            row = watcher.execute(
                "SELECT count(*) FILTER (WHERE status = 'doing'), count(*) FILTER (WHERE status = 'todo') "
                "FROM procrastinate_jobs"
            ).fetchone()
            assert row is not None
            most = max(most, row[0])
            assert row[1] <= 1, "a build that waits is not queued again"
        wait_until_built(connection, stored, int(ROWS.open_ms[1459]) + MINUTE)
    wait_until(lambda: jobs(connection) == [])
    assert most == 1
    watermarks = [watermark for _, watermark in builds(connection)]
    assert watermarks == sorted(set(watermarks)), "no build was made twice"


def test_the_job_of_a_killed_worker_is_taken_up_again(connection: Connection, workers: Workers, tmp_path: Path) -> None:
    bring(connection, ROWS.rows(slice(0, 300)), tmp_path)
    killed = workers.start(program=SLOW.format(coin="BTC", seconds=600))
    wait_until(lambda: [job[2] for job in jobs(connection)] == ["doing"])
    time.sleep(0.3)  # into the build
    workers.end(killed, kill=True)
    assert builds(connection) == []
    worker = workers.start()
    wait_until(lambda: builds(connection) and jobs(connection) == [], 40)
    log = workers.end(worker)
    assert "jobs of a silent worker are taken up again" in log
    assert len(builds(connection)) == 1
    columns = connection.execute('SELECT "interval", count(*) FROM grid_column GROUP BY 1 ORDER BY 1').fetchall()
    assert columns == [("15m", 20), ("1h", 5), ("1m", 300), ("4h", 1), ("5m", 60)]


def test_a_failure_is_shown_and_tried_again(connection: Connection, workers: Workers, tmp_path: Path) -> None:
    bring(connection, ROWS.rows(slice(0, 60)), tmp_path)
    failing = SLOW.format(coin="BTC", seconds=0).replace("end = ", "raise OSError('no luck'); end = ")
    worker = workers.start(program=failing)
    wait_until(lambda: connection.execute("SELECT 1 FROM job_failure WHERE attempts = 2").fetchone(), 20)
    shown = workers.run("status", "--json")
    (failure,) = json.loads(shown.stdout)["jobs"]["failures"]
    assert (failure["task"], failure["subject"]) == ("rebuild", "binance:BTC-USDT")
    assert failure["attempts"] >= 2
    assert (failure["code"], failure["message"]) == ("INTERNAL", "OSError: no luck")
    assert failure["retry_at"] is not None
    plain = workers.run("status").stdout
    assert re.search(r"failed     rebuild of binance:BTC-USDT, \d times in a row, last ", plain)
    assert "INTERNAL: OSError: no luck; tried again at " in plain
    log = workers.end(worker)
    assert log.count("rebuild failed") >= 2
    assert builds(connection) == []
    workers.start()
    wait_until(lambda: builds(connection), 20)
    wait_until(lambda: connection.execute("SELECT count(*) FROM job_failure").fetchone() == (0,))


def test_what_cannot_be_built_waits_for_other_rows(connection: Connection, workers: Workers, tmp_path: Path) -> None:
    without = ROWS.without("oi_close")
    bring(connection, without.rows(slice(0, 60)), tmp_path)
    done = workers.drain()
    assert done.returncode == 0, done.stderr
    assert "code=BAD_DATA" in done.stderr
    assert "Traceback" not in done.stderr
    assert [job[2] for job in jobs(connection)] == ["failed"], "and none waits"
    (failure,) = json.loads(workers.run("status", "--json").stdout)["jobs"]["failures"]
    assert failure["code"] == "BAD_DATA"
    assert failure["retry_at"] is None
    bring(connection, ROWS.rows(slice(0, 60)), tmp_path)
    workers.drain()
    assert len(builds(connection)) == 1
    assert json.loads(workers.run("status", "--json").stdout)["jobs"]["failures"] == []


def test_long_work_of_others_does_not_hold_up_new_bars(
    connection: Connection, migrated_dsn: str, workers: Workers, tmp_path: Path
) -> None:
    long = bring(connection, ROWS.rows(slice(0, 60)), tmp_path, coin(1))
    stored = bring(connection, ROWS.rows(slice(0, 1440)), tmp_path)
    workers.drain("--queue", "rebuild")
    connection.execute("UPDATE instrument SET changed_from = 'epoch' WHERE instrument_id = $1", [long.instrument_id])
    queue_job(connection, Queue.REBUILD, Task.REBUILD, long.instrument_id)
    workers.start(program=SLOW.format(coin=coin(1).pair.base, seconds=600))
    wait_until(lambda: "doing" in [job[2] for job in jobs(connection)])
    for t in range(1440, 1445):
        began = time.monotonic()
        bring(connection, ROWS.rows(slice(t, t + 1)), tmp_path)
        wait_until_built(connection, stored, int(ROWS.open_ms[t]) + MINUTE)
        assert time.monotonic() - began < 5
    assert ("rebuild", "rebuild", "doing", long.instrument_id) in jobs(connection)


def test_new_bars_of_an_instrument_do_not_wait_for_its_late_ones(
    connection: Connection, workers: Workers, tmp_path: Path
) -> None:
    stored = bring(connection, ROWS.rows(slice(60, 4000)), tmp_path)
    workers.drain()
    workers.start("--queue", "live")
    for t in range(4000, 4005):
        bring(connection, ROWS.rows(slice(t - 4000, t - 3999)), tmp_path)
        bring(connection, ROWS.rows(slice(t, t + 1)), tmp_path)
        wait_until_built(connection, stored, int(ROWS.open_ms[t]) + MINUTE)
    wait_until(lambda: [job[:3] for job in jobs(connection)] == [("rebuild", "rebuild", "todo")])
    connection.execute("UPDATE procrastinate_jobs SET scheduled_at = NULL")
    workers.drain("--queue", "rebuild")
    assert jobs(connection) == []
    row = connection.execute("SELECT count(*) FROM predicted_liquidation").fetchone()
    assert row == (4005 - 60 + 5,)


def test_a_database_that_comes_back_finds_its_worker(
    connection: Connection, migrated_dsn: str, workers: Workers, tmp_path: Path
) -> None:
    bring(connection, ROWS.rows(slice(0, 60)), tmp_path)
    worker = workers.start()
    wait_until(lambda: builds(connection))
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid()"
    )
    stored = bring(connection, ROWS.rows(slice(60, 61)), tmp_path)
    wait_until_built(connection, stored, int(ROWS.open_ms[60]) + MINUTE)
    assert worker.poll() is None


def test_a_build_waits_for_rows_under_way_and_sees_them(
    connection: Connection, migrated_dsn: str, workers: Workers, tmp_path: Path
) -> None:
    stored = bring(connection, ROWS.rows(slice(0, 60)), tmp_path)
    workers.drain()
    workers.start()
    with psycopg.connect(migrated_dsn, cursor_factory=psycopg.RawCursor) as other:
        lock_instrument(other, stored.instrument_id)
        queue_job(connection, Queue.LIVE, Task.BUILD, stored.instrument_id)
        wait_until(lambda: [job[2] for job in jobs(connection)] == ["doing"])
        assert len(builds(connection)) == 1
    wait_until(lambda: jobs(connection) == [])


@pytest.mark.soak
def test_many_instruments_are_built_within_their_minute(
    connection: Connection, workers: Workers, tmp_path: Path
) -> None:
    stored = [bring(connection, ROWS.rows(slice(0, 2880)), tmp_path, coin(number)) for number in range(10)]
    workers.drain()
    workers.start()
    began = time.monotonic()
    for t in range(2880, 2900):
        for number in range(10):
            bring(connection, ROWS.rows(slice(t, t + 1)), tmp_path, coin(number))
        for one in stored:
            wait_until_built(connection, one, int(ROWS.open_ms[t]) + MINUTE)
    assert time.monotonic() - began < 60, "200 instruments a minute"


@pytest.mark.soak
def test_twenty_kills_leave_the_grid_of_an_undisturbed_run(
    connection: Connection, migrated_dsn: str, workers: Workers, tmp_path: Path
) -> None:
    stored = bring(connection, ROWS.rows(slice(0, 1440)), tmp_path)
    for round_ in range(20):
        start = 1440 + round_ * 20
        bring(connection, ROWS.rows(slice(start, start + 20)), tmp_path)
        worker = workers.start()
        time.sleep(0.05 * round_ % 0.4)
        workers.end(worker, kill=True)
    workers.start()
    wait_until_built(connection, stored, int(ROWS.open_ms[1839]) + MINUTE)
    wait_until(lambda: jobs(connection) == [])
    disturbed = grid_of(connection)
    connection.execute("TRUNCATE grid_column, build, book_checkpoint, predicted_liquidation, skill")
    connection.execute("UPDATE instrument SET changed_from = 'epoch'")
    build_instrument(connection, stored, ModelParameters())
    assert grid_of(connection) == disturbed
