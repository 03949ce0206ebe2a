"""How jobs get into their queues: with the rows, once, and where they hold nobody up."""

from __future__ import annotations

from pathlib import Path

import pytest
from procrastinate.schema import SchemaManager

from liqgrid.engine.build import build_instrument
from liqgrid.engine.market.errors import SchemaTooNew, SchemaTooOld
from liqgrid.engine.market.job import Queue, Task
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.store.database import Connection
from liqgrid.engine.store.jobs import (
    delete_failure,
    delete_finished_jobs,
    queue_job,
    save_failure,
    save_retry,
    take_up_stalled,
)
from liqgrid.engine.store.migrate import check_schema, migrate
from liqgrid.engine.store.queue import QUEUE_MIGRATION
from liqgrid.engine.store.raw import ensure_instrument, lock_instrument, save_rows
from tests.jobs.workers import bring, jobs, minutes
from tests.markets import BITCOIN

ROWS = minutes(6 * 1440)
STALLED_S = 5.0


def test_rows_queue_one_build_with_them(connection: Connection, tmp_path: Path) -> None:
    stored = bring(connection, ROWS.rows(slice(0, 60)), tmp_path)
    assert jobs(connection) == [("rebuild", "rebuild", "todo", stored.instrument_id)], "the first build is a long one"
    bring(connection, ROWS.rows(slice(60, 90)), tmp_path)
    assert len(jobs(connection)) == 1


def test_rows_that_do_not_come_to_be_queue_nothing(connection: Connection, tmp_path: Path) -> None:
    content = ROWS.rows(slice(0, 60)).market_rows(tmp_path / "rows.csv")
    with connection.transaction(force_rollback=True):
        stored = ensure_instrument(connection, BITCOIN)
        lock_instrument(connection, stored.instrument_id)
        save_rows(connection, stored.instrument_id, content)
        assert len(jobs(connection)) == 1
    assert jobs(connection) == []


def test_rows_that_change_nothing_queue_nothing(connection: Connection, tmp_path: Path) -> None:
    bring(connection, ROWS.rows(slice(0, 60)), tmp_path)
    connection.execute("DELETE FROM procrastinate_jobs")
    bring(connection, ROWS.rows(slice(0, 60)), tmp_path)
    assert jobs(connection) == []


def test_new_bars_are_live_and_late_rows_are_not(connection: Connection, tmp_path: Path) -> None:
    stored = bring(connection, ROWS.rows(slice(0, 5 * 1440)), tmp_path)
    build_instrument(connection, stored, ModelParameters())
    connection.execute("DELETE FROM procrastinate_jobs")
    bring(connection, ROWS.rows(slice(5 * 1440, 5 * 1440 + 1)), tmp_path)
    assert jobs(connection) == [("live", "build", "todo", stored.instrument_id)]
    bring(connection, ROWS.changed("volume", 7200, 1.0).rows(slice(7200, 7201)), tmp_path)
    assert [job[0] for job in jobs(connection)] == ["live"], "a day back is quick"
    bring(connection, ROWS.changed("volume", 30, 1.0).rows(slice(30, 31)), tmp_path)
    assert [job[0] for job in jobs(connection)] == ["live", "rebuild"], "and new bars do not wait for it"
    waits = connection.execute(
        "SELECT queue_name, lock, priority, extract(epoch FROM scheduled_at - now()) BETWEEN 3 AND 5 "
        "FROM procrastinate_jobs ORDER BY id"
    ).fetchall()
    lock = f"build:{stored.instrument_id}"
    assert waits == [("live", lock, 1, None), ("rebuild", lock, 0, True)]
    bring(connection, ROWS.rows(slice(5 * 1440 + 1, 5 * 1440 + 2)), tmp_path)
    bring(connection, ROWS.changed("volume", 40, 1.0).rows(slice(40, 41)), tmp_path)
    assert [job[0] for job in jobs(connection)] == ["live", "rebuild"], "each stands for all of its kind"


def test_a_task_waits_once(connection: Connection, tmp_path: Path) -> None:
    stored = bring(connection, ROWS.rows(slice(0, 60)), tmp_path)
    assert queue_job(connection, Queue.BACKFILL, Task.BACKFILL, stored.instrument_id, {"days": 2.0})
    assert not queue_job(connection, Queue.BACKFILL, Task.BACKFILL, stored.instrument_id, {"days": 9.0})
    row = connection.execute(
        "SELECT args, lock, scheduled_at FROM procrastinate_jobs WHERE task_name = 'backfill'"
    ).fetchone()
    assert row == (
        {"days": 2.0, "instrument_id": stored.instrument_id},
        f"backfill:{stored.instrument_id}",
        None,
    ), "a backfill does not hold up the builds of its instrument"


def start(connection: Connection, silent_s: float) -> int:
    """Let a worker that has been silent so long hold the job that waits; return the job's id."""
    worker = connection.execute(
        "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - make_interval(secs => $1)) RETURNING id",
        [silent_s],
    ).fetchone()
    assert worker is not None
    job = connection.execute(
        "UPDATE procrastinate_jobs SET status = 'doing', worker_id = $1 WHERE status = 'todo' RETURNING id", [worker[0]]
    ).fetchone()
    assert job is not None
    return int(job[0])


def test_the_job_of_a_silent_worker_waits_again(connection: Connection, tmp_path: Path) -> None:
    bring(connection, ROWS.rows(slice(0, 60)), tmp_path)
    job = start(connection, STALLED_S + 1)
    assert take_up_stalled(connection, STALLED_S + 5) == []
    assert take_up_stalled(connection, STALLED_S) == [job]
    assert take_up_stalled(connection, STALLED_S) == []
    assert [row[2] for row in jobs(connection)] == ["todo"]


def test_the_job_of_a_worker_that_was_forgotten_waits_again(connection: Connection, tmp_path: Path) -> None:
    bring(connection, ROWS.rows(slice(0, 60)), tmp_path)
    job = start(connection, 0)
    assert take_up_stalled(connection, STALLED_S) == []
    connection.execute("DELETE FROM procrastinate_workers")
    assert take_up_stalled(connection, STALLED_S) == [job]


def test_a_stalled_job_gives_way_to_one_that_waits(connection: Connection, tmp_path: Path) -> None:
    bring(connection, ROWS.rows(slice(0, 60)), tmp_path)
    start(connection, STALLED_S + 1)
    bring(connection, ROWS.rows(slice(60, 90)), tmp_path)
    assert [row[2] for row in jobs(connection)] == ["doing", "todo"]
    assert take_up_stalled(connection, STALLED_S) == []
    assert [row[2] for row in jobs(connection)] == ["todo"]


def test_failures_are_counted_until_a_success(connection: Connection) -> None:
    def failures() -> list[tuple[object, ...]]:
        return connection.execute(
            "SELECT task, subject, attempts, code, message, retry_at > now() FROM job_failure"
        ).fetchall()

    assert save_failure(connection, Task.BUILD, "binance:BTC-USDT", "INTERNAL", "it broke") == 1
    save_retry(connection, Task.BUILD, "binance:BTC-USDT", 60)
    assert failures() == [("build", "binance:BTC-USDT", 1, "INTERNAL", "it broke", True)]
    assert save_failure(connection, Task.BUILD, "binance:BTC-USDT", "BAD_DATA", "no tiers") == 2
    assert failures() == [("build", "binance:BTC-USDT", 2, "BAD_DATA", "no tiers", None)]
    delete_failure(connection, Task.BACKFILL, "binance:BTC-USDT")
    delete_failure(connection, Task.BUILD, "binance:BTC-USDT")
    assert failures() == []


def test_old_finished_jobs_go(connection: Connection, tmp_path: Path) -> None:
    for count in range(3):
        bring(connection, ROWS.rows(slice(0, 60 + count)), tmp_path)
        if count < 2:
            connection.execute("UPDATE procrastinate_jobs SET status = 'failed' WHERE status = 'todo'")
    connection.execute(
        "UPDATE procrastinate_events SET at = now() - interval '3 hours' WHERE job_id = (SELECT min(job_id) FROM "
        "procrastinate_events)"
    )
    assert delete_finished_jobs(connection, 4) == 0
    assert delete_finished_jobs(connection, 2) == 1
    assert [row[2] for row in jobs(connection)] == ["failed", "todo"]


def test_the_queue_is_that_of_the_installed_procrastinate() -> None:
    assert max(path.stem for path in Path(SchemaManager.get_migrations_path()).glob("*.sql")) == QUEUE_MIGRATION


def test_a_queue_of_another_version_is_refused(connection: Connection, migrated_dsn: str) -> None:
    connection.execute("UPDATE queue_schema SET migration = '99.00.00_01_pre_something'")
    with pytest.raises(SchemaTooNew, match="install a newer liqgrid"):
        check_schema(connection)
    with pytest.raises(SchemaTooNew, match="install a newer liqgrid"):
        migrate(migrated_dsn)
    connection.execute("DELETE FROM queue_schema")
    with pytest.raises(SchemaTooOld, match="the job queue's tables are at nothing"):
        check_schema(connection)


def test_an_older_queue_is_brought_up(connection: Connection, migrated_dsn: str) -> None:
    trigger = "procrastinate_trigger_status_events_update_v1"  # the last migration makes it again
    connection.execute(f"DROP TRIGGER {trigger} ON procrastinate_jobs")
    connection.execute("UPDATE queue_schema SET migration = '03.04.00_01_pre_add_retry_failed_job_procedure'")
    with pytest.raises(SchemaTooOld, match="run `liqgrid migrate`"):
        check_schema(connection)
    migrate(migrated_dsn)
    check_schema(connection)
    assert connection.execute("SELECT count(*) FROM pg_trigger WHERE tgname = $1", [trigger]).fetchone() == (1,)
