"""The API's pool of read-only connections."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import structlog

from liqgrid.api.live.changes import Changes
from liqgrid.api.reading import note_read, tables_of
from liqgrid.engine.market.errors import BadRequest, SchemaTooNew, SchemaTooOld, StoreUnavailable
from liqgrid.sql import migration_ids, queries

_SQL = queries("api")
_ACCESS = queries("access")
_PROVENANCE = ("provenance",)
_STATEMENT_TIMEOUT_MS = 15_000
_SILENCE_TIMEOUT_S = 20  # for a statement that not even the server ends
_CONNECT_TIMEOUT_S = 10
_POOL_SIZE = 8
# Classes of SQLSTATE that say the database is not there for us now: connection, authorisation, no such database,
# resources, not accepting connections, shutdown or a statement that took too long.
_AWAY = {"08", "28", "3D", "53", "55", "57"}
_NO_RIGHTS = "42501"
_log = structlog.get_logger()


class Pool:
    """Read-only connections; where the database is away, or will not have a text, they say so with a coded error."""

    def __init__(self, connections: asyncpg.Pool, changes: Changes | None = None) -> None:
        self._connections = connections
        self._changes = changes or Changes()
        self._simulated: bool | None = None
        self._asked_ns = 0  # when it was last not known whether what is stored is simulated
        self.is_away = False  # by what the last statement met

    async def fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        """Return the rows of a query."""
        note_read(tables_of(query))
        with self._told():
            return await self._connections.fetch(query, *arguments)

    async def fetchval(self, query: str, *arguments: object) -> Any:
        """Return the first value of a query's first row, None if there is no row."""
        note_read(tables_of(query))
        with self._told():
            return await self._connections.fetchval(query, *arguments)

    async def simulated(self) -> bool:
        """Return whether the database holds simulated market data; once it holds any, that never changes."""
        if self._simulated is None:
            note_read(_PROVENANCE)
            if not self._changes.none_since(self._asked_ns, _PROVENANCE):
                asked_ns = self._changes.now()
                self._simulated = await self.fetchval(_SQL["is_simulated"])
                self._asked_ns = asked_ns
        return bool(self._simulated)

    async def write(self, query: str, *arguments: object) -> None:
        """Do the one kind of write there is, that a key was used, in a transaction of its own."""
        with _coded():
            async with self._connections.acquire() as connection, connection.transaction():
                await connection.execute(_ACCESS["allow_write"])
                await connection.execute(query, *arguments)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            with _coded():
                yield
        except StoreUnavailable:
            self.is_away = True
            raise
        self.is_away = False

    async def close(self) -> None:
        """Close the connections when what runs on them is done."""
        await self._connections.close()


@contextmanager
def _coded() -> Iterator[None]:
    try:
        yield
    except asyncpg.CharacterNotInRepertoireError as error:
        raise BadRequest("a text holds a character that no stored text can have") from error
    except (
        OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError, asyncpg.PostgresError
    ) as error:  # fmt: skip
        if not _says_away(error):
            raise
        # What the driver says names hosts and users; it is for the log only.
        _log.warning("the database is not available", error=f"{type(error).__name__}: {error}")
        raise StoreUnavailable("the database did not answer, or not in time; try again, or ask for less") from error


def _says_away(error: Exception) -> bool:
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "")[:2] in _AWAY or error.sqlstate == _NO_RIGHTS
    if isinstance(error, asyncpg.InternalClientError):
        # So it ends where the server ended an idle session, and the driver has read that but not yet the end of stream.
        return "cannot switch to state" in str(error)
    # Of its own state the driver says "pool is closing" or "connection is closed"; the rest are mistakes of ours.
    return isinstance(error, OSError) or "clos" in str(error)


async def open_pool(dsn: str, changes: Changes | None = None) -> Pool:
    """Return a pool whose sessions cannot write and end long statements; the schema has been checked.

    With ``changes`` that are heard of it need not ask again for what has not changed.

    Raises
    ------
    StoreUnavailable
        If the database cannot be reached.
    SchemaTooOld, SchemaTooNew
        If it is not migrated to what this liqgrid needs.
    """
    try:
        connections = await asyncpg.create_pool(
            dsn,
            timeout=_CONNECT_TIMEOUT_S,
            min_size=1,
            max_size=_POOL_SIZE,
            command_timeout=_SILENCE_TIMEOUT_S,
            init=_become_role,
            reset=_leave_as_it_is,
            server_settings={
                "application_name": "liqgrid api",
                "default_transaction_read_only": "on",
                "statement_timeout": str(_STATEMENT_TIMEOUT_MS),
                "timezone": "UTC",
                "jit": "off",
            },
        )
    except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresError) as error:
        raise StoreUnavailable(
            f"the database cannot be reached: {error}; is it running, and is LIQGRID_DSN right?"
        ) from error
    pool = Pool(connections, changes)
    try:
        await _check_schema(pool)
    except BaseException:
        await pool.close()
        raise
    return pool


async def _become_role(connection: Any) -> None:
    """Give up every right the API has no use for, where a migration made the role for that and this one may take it."""
    await connection.fetchval(_ACCESS["become_role"])


async def _leave_as_it_is(_connection: Any) -> None:
    """Reset nothing when a connection goes back: no statement here sets anything that outlives its transaction.

    By default the driver asks the server to, which takes as long as a small question, once for each.
    """


@dataclass(frozen=True, slots=True)
class Reader:
    """The role the API reads as, and whether that role could write what it reads."""

    name: str
    may_write: bool


async def read_role(pool: Pool) -> Reader:
    """Return the role of the API's sessions."""
    (row,) = await pool.fetch(_ACCESS["who_reads"])
    return Reader(row["name"], bool(row["may_write"]))


async def _check_schema(pool: Pool) -> None:
    there = await pool.fetchval(_SQL["schema_is_there"])
    applied = {row["migration_id"] for row in await pool.fetch(_SQL["schema_applied"])} if there else set()
    needed, known = set(migration_ids("migrations")), {*migration_ids("migrations"), *migration_ids("timescale")}
    if needed - applied:
        raise SchemaTooOld(f"the database lacks migration {min(needed - applied)}; run `liqgrid migrate`")
    if applied - known:
        raise SchemaTooNew(
            f"the database has migration {max(applied - known)}, which this liqgrid does not know; "
            "install a newer liqgrid"
        )
