"""The role of the API: may read what the API reads, and note when a key was used."""

from __future__ import annotations

import asyncio
import re
import secrets
from importlib.resources import files
from typing import Any

import asyncpg
import psycopg
import pytest

from liqgrid.api.database import Pool, open_pool, read_role
from liqgrid.engine.market.api_key import Scope
from liqgrid.engine.store.database import connected
from liqgrid.engine.store.keys import create_key
from liqgrid.engine.store.migrate import migrate
from liqgrid.engine.store.role import ensure_api_role
from liqgrid.sql import queries

COMMENT = re.compile(r"--.*$", re.MULTILINE)
FILES = [entry.name.removesuffix(".sql") for entry in files("liqgrid.sql").joinpath("queries").iterdir()]


def test_sessions_of_the_api_are_the_roles_and_stay_so(migrated_dsn: str) -> None:
    async def ask() -> Any:
        pool = await open_pool(migrated_dsn)
        try:
            return [await read_role(pool) for _ in range(3)]  # a session is reset between two uses
        finally:
            await pool.close()

    for reader in asyncio.run(ask()):
        assert (reader.name, reader.may_write) == ("liqgrid_api", False)


def test_the_role_may_read_what_the_api_asks_for(migrated_dsn: str) -> None:
    """A new query on another table needs a line in ``grant_reads``."""
    asked = [query for file in FILES if file.startswith("api") for query in queries(file).values()]
    assert len(asked) > 20
    with psycopg.connect(migrated_dsn, autocommit=True, cursor_factory=psycopg.RawCursor) as connection:
        connection.execute("SET ROLE liqgrid_api")
        for query in asked:
            count = max((int(number) for number in re.findall(r"\$(\d+)", COMMENT.sub("", query))), default=0)
            connection.execute(query, [None] * count)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO instrument (venue, pair, coin, quote) VALUES ('binance', 'A-B', 'A', 'B')",
        "DELETE FROM bar",
        "UPDATE api_key SET scopes = '{read}'",
        "UPDATE api_key SET revoked_at = NULL",
        "INSERT INTO api_key SELECT * FROM api_key",
        "SELECT * FROM imported_file",
        "SELECT * FROM book_checkpoint",
        "DROP TABLE bar",
        "CREATE ROLE another",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY bar TO PROGRAM 'true'",
    ],
)
def test_the_role_may_do_nothing_else(migrated_dsn: str, statement: str) -> None:
    with psycopg.connect(migrated_dsn, autocommit=True) as connection:
        connection.execute("SET ROLE liqgrid_api")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())


def test_using_a_key_is_the_one_write(migrated_dsn: str) -> None:
    with connected(migrated_dsn) as connection:
        create_key(connection, "x", [Scope.READ], 1, 1)

        async def write(query: str) -> None:
            pool: Pool = await open_pool(migrated_dsn)
            try:
                await pool.write(query)
            finally:
                await pool.close()

        asyncio.run(write("UPDATE api_key SET last_used_at = now()"))
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            asyncio.run(read_only(migrated_dsn))
        assert connection.execute("SELECT count(*) FROM api_key WHERE last_used_at IS NOT NULL").fetchone() == (1,)


async def read_only(dsn: str) -> None:
    pool = await open_pool(dsn)
    try:
        await pool.fetch("UPDATE api_key SET last_used_at = now() RETURNING 1")
    finally:
        await pool.close()


def test_where_the_operator_may_make_no_role_the_api_reads_as_his(migrated_dsn: str) -> None:
    """And says so: `may_write` is what status and log tell."""
    name = f"liqgrid_test_{secrets.token_hex(4)}"
    with psycopg.connect(migrated_dsn, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'x'".encode())
        try:
            admin.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {name}".encode())
            with connected(migrated_dsn) as connection:
                connection.execute(f"SET ROLE {name}".encode())
                assert "permission denied" in (ensure_api_role(connection) or "")

            async def ask() -> Any:
                # As that user from its first statement on, which is what a DSN of its own would give.
                pool = await open_pool(f"{migrated_dsn}{'&' if '?' in migrated_dsn else '?'}options=-c%20role%3D{name}")
                try:
                    return await read_role(pool)
                finally:
                    await pool.close()

            reader = asyncio.run(ask())
            assert (reader.name, reader.may_write) == (name, True)
        finally:
            admin.execute(f"DROP OWNED BY {name}".encode())
            admin.execute(f"DROP ROLE {name}".encode())


def test_a_second_database_of_the_server_shares_the_role(migrated_dsn: str, database_dsn: str) -> None:
    migrate(database_dsn)
    with connected(database_dsn) as connection:
        assert ensure_api_role(connection) is None
