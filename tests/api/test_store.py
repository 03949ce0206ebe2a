"""The API and its database: it cannot write, it refuses a schema it does not know, and it outlives an outage."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast
from urllib.parse import quote

import asyncpg
import httpx
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from structlog.testing import capture_logs

from liqgrid.api import database
from liqgrid.api.database import open_pool
from liqgrid.engine.market.errors import ErrorCode, LiqgridError
from tests.api.served import serving


def with_pool(dsn: str, ask: Callable[[database.Pool], Any]) -> Any:
    async def run() -> Any:
        pool = await open_pool(dsn)
        try:
            return await ask(pool)
        finally:
            await pool.close()

    return asyncio.run(run())


async def _fetch(query: str, arguments: tuple[object, ...], pool: database.Pool) -> Any:
    return await pool.fetch(query, *arguments)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO instrument (venue, pair, coin, quote) VALUES ('binance', 'A-B', 'A', 'B') RETURNING 1",
        "UPDATE instrument SET venue = 'x'",
        "DELETE FROM bar",
        "CREATE TABLE mine (a integer)",
        "DROP TABLE bar",
    ],
)
def test_sessions_are_read_only(migrated_dsn: str, statement: str) -> None:
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        with_pool(migrated_dsn, lambda pool: pool.fetch(statement))


def test_sessions_end_long_statements(migrated_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_STATEMENT_TIMEOUT_MS", 200)
    started = time.monotonic()
    with pytest.raises(LiqgridError) as refused:
        with_pool(migrated_dsn, lambda pool: pool.fetch("SELECT pg_sleep(60)"))
    assert refused.value.code == ErrorCode.STORE_UNAVAILABLE
    assert time.monotonic() - started < 10


def test_a_mistake_of_ours_is_not_an_outage(migrated_dsn: str) -> None:
    mistakes: list[tuple[str, tuple[object, ...]]] = [
        ("SELECT nothing_like_this", ()),
        ("SELECT $1::integer", ("not a number",)),
        ("SELECT $1::integer", ()),
        ("SELECT 1 / 0", ()),
    ]
    for query, arguments in mistakes:
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
            with_pool(migrated_dsn, partial(_fetch, query, arguments))


def refusal(dsn: str) -> LiqgridError:
    with pytest.raises(LiqgridError) as refused:
        with_pool(dsn, lambda pool: pool.fetch("SELECT 1"))
    return refused.value


def test_an_empty_database_is_too_old(database_dsn: str) -> None:
    error = refusal(database_dsn)
    assert error.code == ErrorCode.SCHEMA_TOO_OLD
    assert "liqgrid migrate" in error.message


def test_a_database_that_lacks_a_migration_is_too_old(migrated_dsn: str) -> None:
    with psycopg.connect(migrated_dsn) as connection:
        connection.execute("DELETE FROM _yoyo_migration WHERE migration_id = '0003_grid_cell'")
    error = refusal(migrated_dsn)
    assert error.code == ErrorCode.SCHEMA_TOO_OLD
    assert "0003_grid_cell" in error.message


def test_a_database_of_a_later_version_is_too_new(migrated_dsn: str) -> None:
    with psycopg.connect(migrated_dsn) as connection:
        connection.execute(
            "INSERT INTO _yoyo_migration (migration_hash, migration_id, applied_at_utc) VALUES ('h', '9999_x', now())"
        )
    error = refusal(migrated_dsn)
    assert error.code == ErrorCode.SCHEMA_TOO_NEW
    assert "9999_x" in error.message


def test_a_database_that_is_not_there_is_unavailable() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = refusal(f"postgresql://nobody@127.0.0.1:{port}/nothing")
    assert error.code == ErrorCode.STORE_UNAVAILABLE
    assert "LIQGRID_DSN" in error.message


def bound_to(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound


@dataclass
class Wire:
    """A TCP way to a database server that can be cut and mended."""

    upstream: Callable[[], socket.socket]
    listener: socket.socket
    ends: list[socket.socket] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)
    silent: bool = False

    @property
    def port(self) -> int:
        port: int = self.listener.getsockname()[1]
        return port

    def serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                self.ends.append(near)
                if self.silent:
                    continue
                far = self.upstream()
                self.ends.append(far)
                for source, target in ((near, far), (far, near)):
                    self.start(partial(self.pump, source, target))

    def pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while content := source.recv(65_536):
                if not self.silent:
                    target.sendall(content)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work)
        self.threads.append(thread)
        thread.start()

    def cut(self) -> None:
        """End every connection and take no more."""
        port = self.port
        self.close()
        self.ends.clear()
        # Bound, but not listening: whoever connects is refused, and nobody else takes the port.
        self.listener = bound_to(port)

    def mend(self) -> None:
        self.listener.listen()
        self.start(self.serve)

    def close(self) -> None:
        for end in [self.listener, *self.ends]:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive()
        self.threads.clear()


@pytest.fixture
def wire(migrated_dsn: str) -> Iterator[Wire]:
    """A way to the server of ``migrated_dsn``."""
    server = conninfo_to_dict(migrated_dsn)
    host, port = str(server.get("host", "127.0.0.1")), int(str(server.get("port", 5432)))

    def connect() -> socket.socket:
        if host.startswith("/"):
            end = socket.socket(socket.AF_UNIX)
            end.connect(f"{host}/.s.PGSQL.{port}")
            return end
        return socket.create_connection((host, port))

    made = Wire(connect, bound_to(0))
    made.mend()
    yield made
    made.close()


def over(wire: Wire, dsn: str) -> str:
    """The DSN of the same database by way of the wire."""
    server = conninfo_to_dict(dsn)
    password = f":{quote(str(server['password']), safe='')}" if "password" in server else ""
    return f"postgresql://{server['user']}{password}@127.0.0.1:{wire.port}/{server['dbname']}"


def assert_unavailable(client: httpx.Client) -> None:
    health = client.get("/health")
    assert health.status_code == 503
    assert health.json()["error"].keys() == {"code", "message", "context", "request_id"}
    assert health.json()["error"]["code"] == "STORE_UNAVAILABLE"
    answer = client.post("/graphql", json={"query": "{ pairs { edges { cursor } } }"}).json()
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "STORE_UNAVAILABLE"
    for text in (health.text, error["message"]):
        assert "127.0.0.1" not in text, "where the database is, is nobody's business"
        assert "Connect" not in text


def test_an_outage_is_told_as_one_and_outlived(migrated_dsn: str, wire: Wire) -> None:
    with serving(over(wire, migrated_dsn)) as api:
        assert api.client.get("/health").status_code == 200
        with capture_logs() as logs:
            wire.cut()
            for _ in range(3):
                assert_unavailable(api.client)
        # The connection that listens is lost as well, and says so at a time of its own.
        told = [log for log in logs if "listen" not in log["event"]]
        assert len(told) == 6
        assert all(log["event"] == "the database is not available" for log in told)
        assert all(log["error"] for log in told)
        wire.mend()
        assert api.client.get("/health").status_code == 200
        assert api.ask("{ pairs { edges { cursor } } }") == {"pairs": {"edges": []}}


def test_a_database_that_says_nothing_is_given_up(
    migrated_dsn: str, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_SILENCE_TIMEOUT_S", 0.5)
    monkeypatch.setattr(database, "_CONNECT_TIMEOUT_S", 0.5)
    with serving(over(wire, migrated_dsn)) as api:
        wire.silent = True
        for _ in range(2):  # by a connection that was open, and by a new one
            assert_unavailable(api.client)
        wire.silent = False


def test_sessions_ended_by_the_server_are_replaced(migrated_dsn: str) -> None:
    with serving(migrated_dsn) as api, psycopg.connect(migrated_dsn, autocommit=True) as connection:
        for _ in range(3):
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'liqgrid api' AND datname = current_database()"
            )
            time.sleep(0.1)  # the news travel by the same connection as the answers
            assert api.client.get("/health").status_code == 200


def test_a_session_whose_end_is_half_read_is_an_outage() -> None:
    """The driver has read that the server ended it, not yet that the stream ended; met where sessions are killed."""

    class Connections:
        async def fetch(self, query: str) -> None:
            raise asyncpg.InternalClientError(query)

    pool = database.Pool(cast("asyncpg.Pool", Connections()))
    with pytest.raises(LiqgridError) as refused:
        asyncio.run(pool.fetch("cannot switch to state 12; another operation (2) is in progress"))
    assert refused.value.code == ErrorCode.STORE_UNAVAILABLE
    with pytest.raises(asyncpg.InternalClientError):
        asyncio.run(pool.fetch("unexpected data"))
