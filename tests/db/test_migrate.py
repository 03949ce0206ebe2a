"""Migrations: applied once, by one process at a time, on every kind of database and after every kind of accident."""

from __future__ import annotations

import secrets
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import as_file, files
from threading import Barrier
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from yoyo import get_backend, read_migrations

from liqgrid.engine.market.errors import SchemaTooNew, SchemaTooOld, StoreUnavailable
from liqgrid.engine.store import migrate as migrate_module
from liqgrid.engine.store.database import Connection, DatabaseKind, connected, detect_kind
from liqgrid.engine.store.migrate import check_schema, migrate
from liqgrid.sql import migration_ids, queries
from tests.conftest import Server

HYPERTABLES = {
    "bar",
    "open_interest",
    "funding_rate",
    "long_short_ratio",
    "liquidation",
    "liquidation_bar",
    "grid_column",
    "predicted_liquidation",
}
PLAIN_TABLES = {
    "api_key",
    "instrument",
    "leverage_tier",
    "collect_cursor",
    "collect_gap",
    "imported_file",
    "build",
    "model",
    "provenance",
    "book_checkpoint",
    "skill",
    "venue_status",
    "queue_schema",
    "job_failure",
    "procrastinate_jobs",
    "procrastinate_workers",
    "procrastinate_events",
    "procrastinate_periodic_defers",
}


@pytest.fixture
def has_timescale(database_server: Server) -> bool:
    """Whether the server of this test is the one with TimescaleDB, asked of the server alone."""
    return "timescaledb" in str(ask(database_server.dsn, "SHOW shared_preload_libraries"))


def ask(dsn: str, query: str) -> object:
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def applied(dsn: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        return connection.execute(
            "SELECT migration_id, applied_at_utc FROM _yoyo_migration ORDER BY migration_id"
        ).fetchall()


def hypertables(dsn: str) -> set[str]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        rows = connection.execute("SELECT hypertable_name FROM timescaledb_information.hypertables").fetchall()
    return {row[0] for row in rows}


def test_makes_every_table_and_says_what_the_database_is(
    database_dsn: str, has_timescale: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    kind = migrate(database_dsn)
    assert kind.server_version == ask(database_dsn, "SHOW server_version")
    assert (kind.timescale_version is not None) == has_timescale
    assert ("with TimescaleDB" in str(kind)) == has_timescale
    with psycopg.connect(database_dsn, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT relname, relkind::text FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace "
            "WHERE nspname = 'public' AND relkind IN ('r', 'p', 'v') AND relname NOT LIKE '%yoyo%'"
        ).fetchall()
    assert set(rows) == {
        *((table, "r") for table in HYPERTABLES | PLAIN_TABLES),
        ("grid_cell", "v"),
    }
    if has_timescale:
        assert hypertables(database_dsn) == HYPERTABLES
        assert ask(database_dsn, "SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'") == (
            kind.timescale_version
        )
        assert kind.timescale_licence == "apache" or "timescale" in str(kind.timescale_licence)
    else:
        assert ask(database_dsn, "SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'") == 0
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")  # stdout belongs to whoever calls


def test_a_second_run_applies_nothing(database_dsn: str, has_timescale: bool) -> None:
    assert migrate(database_dsn) == migrate(database_dsn)
    before = applied(database_dsn)
    folders = ["migrations", "timescale"] if has_timescale else ["migrations"]
    assert sorted(row[0] for row in before) == sorted(name for folder in folders for name in migration_ids(folder))
    migrate(database_dsn)
    assert applied(database_dsn) == before
    with connected(database_dsn) as connection:
        check_schema(connection)


def test_a_dsn_in_the_form_of_keywords_will_do(database_dsn: str) -> None:
    migrate(make_conninfo("", **conninfo_to_dict(database_dsn)))
    with connected(database_dsn) as connection:
        check_schema(connection)


@pytest.mark.parametrize("attempt", range(2))
def test_several_at_once_all_succeed(database_dsn: str, attempt: int) -> None:
    together = Barrier(3)

    def one() -> DatabaseKind:
        together.wait()
        return migrate(database_dsn)

    with ThreadPoolExecutor(3) as pool:
        kinds = [future.result(60) for future in [pool.submit(one) for _ in range(3)]]
    assert len(set(kinds)) == 1
    assert len({row[0] for row in applied(database_dsn)}) == len(applied(database_dsn))


def test_a_newer_schema_is_refused(migrated_dsn: str) -> None:
    record = "INSERT INTO _yoyo_migration (migration_hash, migration_id) VALUES ('x', '9999_later') RETURNING 1"
    ask(migrated_dsn, record)
    wanted = "has migration 9999_later, which this liqgrid does not know; install a newer liqgrid"
    with pytest.raises(SchemaTooNew, match=wanted):
        migrate(migrated_dsn)
    with connected(migrated_dsn) as connection, pytest.raises(SchemaTooNew, match=wanted):
        check_schema(connection)


def test_an_older_schema_is_refused_and_the_next_migration_named(database_dsn: str) -> None:
    names = migration_ids("migrations")
    with connected(database_dsn) as connection:
        with pytest.raises(SchemaTooOld, match=rf"lacks migration {names[0]}; run `liqgrid migrate`"):
            check_schema(connection)
        migrate(database_dsn)
        connection.execute("DELETE FROM _yoyo_migration WHERE migration_id = ANY ($1)", [names[1:]])
        with pytest.raises(SchemaTooOld, match=f"lacks migration {names[1]}") as caught:
            check_schema(connection)
    assert caught.value.context == {"missing": names[1]}


def apply_first(dsn: str) -> None:
    """Apply the first migration alone, as a process does that is killed after it."""
    backend = get_backend(f"postgresql+psycopg://?{urlencode(conninfo_to_dict(dsn))}")
    with as_file(files("liqgrid.sql").joinpath("migrations")) as path:
        migrations = read_migrations(str(path))
        backend.apply_migrations(migrations.replace(list(migrations)[:1]))
    backend.connection.close()


@pytest.mark.parametrize("has_schema", [False, True], ids=["at the start", "half way"])
def test_a_killed_migration_blocks_nobody(database_dsn: str, has_schema: bool) -> None:
    if has_schema:
        apply_first(database_dsn)
        with psycopg.connect(database_dsn, autocommit=True) as left:  # the lock row a killed yoyo leaves behind
            left.execute("INSERT INTO yoyo_lock (locked, ctime, pid) VALUES (1, now(), 999999)")
    script = (
        "import sys, psycopg\n"
        "connection = psycopg.connect(sys.argv[1], autocommit=True)\n"
        "connection.execute(sys.argv[2])\n"
        "print('locked', flush=True)\n"
        "sys.stdin.read()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", script, database_dsn, queries("schema")["lock_schema"]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(migrate, database_dsn)
            with pytest.raises(TimeoutError):
                waiting.result(0.3)
            other.kill()
            waiting.result(30)
    finally:
        other.kill()
        other.communicate()
    with connected(database_dsn) as connection:
        check_schema(connection)
        assert connection.execute("SELECT count(*) FROM grid_cell").fetchone() == (0,)


def test_a_migration_that_fails_leaves_nothing_of_itself(database_dsn: str) -> None:
    with psycopg.connect(database_dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE skill (in_the_way integer)")  # the last table of the second migration
    with pytest.raises(StoreUnavailable, match=r'cannot be migrated: relation "skill" already exists'):
        migrate(database_dsn)
    assert [row[0] for row in applied(database_dsn)] == ["0001_raw"]
    assert ask(database_dsn, "SELECT to_regclass('grid_column') IS NULL") is True
    with psycopg.connect(database_dsn, autocommit=True) as connection:
        connection.execute("DROP TABLE skill")
    migrate(database_dsn)
    with connected(database_dsn) as connection:
        check_schema(connection)


def test_a_role_that_may_not_create_tables_is_told_so(database_dsn: str) -> None:
    role = f"liqgrid_test_{secrets.token_hex(8)}"
    name = conninfo_to_dict(database_dsn)["dbname"]
    with psycopg.connect(database_dsn, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN")
        try:
            with pytest.raises(StoreUnavailable, match=rf"database {name} at .* cannot be migrated: permission denied"):
                migrate(make_conninfo("", **{**conninfo_to_dict(database_dsn), "user": role}))
        finally:
            connection.execute(f"DROP ROLE {role}")


def test_a_plain_database_gets_hypertables_when_the_extension_comes(
    database_dsn: str, has_timescale: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(migrate_module, "detect_kind", lambda _: DatabaseKind("17", None, None))
        migrate(database_dsn)
    with connected(database_dsn) as connection:
        fill(connection)
        before = connection.execute("SELECT * FROM bar ORDER BY ts").fetchall()
    migrate(database_dsn)
    with connected(database_dsn) as connection:
        assert connection.execute("SELECT * FROM bar ORDER BY ts").fetchall() == before
    if has_timescale:
        assert hypertables(database_dsn) == HYPERTABLES


def fill(connection: Connection) -> None:
    connection.execute("INSERT INTO instrument (venue, pair, coin, quote) VALUES ('v', 'A-B', 'A', 'B')")
    connection.execute(
        'INSERT INTO bar (instrument_id, "interval", price_type, ts, open, high, low, close) '
        "SELECT 1, '1d', 'last', ts, 1, 1, 1, 1 FROM generate_series(timestamptz '2024-01-01', '2024-03-01', '1d') ts"
    )


def test_what_the_server_offers_is_asked_without_trying(database_dsn: str, has_timescale: bool) -> None:
    with connected(database_dsn) as connection:
        kind = detect_kind(connection)
        assert (kind.timescale_version is not None) == has_timescale
        assert kind.timescale_licence is None or has_timescale
        assert connection.execute("SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'").fetchone() == (0,)
        assert connection.execute("SHOW timezone").fetchone() == ("UTC",)


def test_a_database_that_is_not_there_is_named_without_its_password(database_dsn: str) -> None:
    dsn = make_conninfo("", **{**conninfo_to_dict(database_dsn), "dbname": "nowhere", "password": "hunter2"})
    with pytest.raises(StoreUnavailable, match=r"database nowhere at .* cannot be used: .*does not exist") as caught:
        migrate(dsn)
    assert "hunter2" not in str(caught.value)
