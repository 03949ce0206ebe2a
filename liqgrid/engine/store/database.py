"""Connections to the database, and what kind of database it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.errors import InsufficientPrivilege, ReadOnlySqlTransaction

from liqgrid.engine.market.errors import BadSetting, StoreUnavailable
from liqgrid.sql import queries

Connection = psycopg.Connection[tuple[Any, ...]]
_CONNECT_TIMEOUT_S = 10
_OPTIONS = "-c timezone=UTC -c application_name=liqgrid -c jit=off"


@contextmanager
def connected(dsn: str) -> Iterator[Connection]:
    """Yield a connection in UTC whose statements take ``$1`` parameters; a driver error becomes StoreUnavailable.

    Nothing is committed but what a ``transaction()`` block encloses.

    Raises
    ------
    BadSetting
        If the DSN cannot be read.
    StoreUnavailable
        If the database cannot be reached, goes away, or its role may not do what is asked.
    """
    parts = _parts(dsn)
    try:
        with psycopg.connect(
            dsn,
            autocommit=True,
            connect_timeout=_CONNECT_TIMEOUT_S,
            cursor_factory=psycopg.RawCursor,
            options=f"{parts.get('options', '')} {_OPTIONS}".strip(),
        ) as connection:
            yield connection
    except (psycopg.OperationalError, InsufficientPrivilege, ReadOnlySqlTransaction) as error:
        reason = " ".join(str(error).split())
        raise StoreUnavailable(
            f"database {address(dsn)} cannot be used: {reason} (is it running, and is LIQGRID_DSN right?)"
        ) from error


def address(dsn: str) -> str:
    """Return where a DSN points, without its password; raises as ``connected``."""
    parts = _parts(dsn)
    return f"{parts.get('dbname', '')} at {parts.get('host', 'localhost')}:{parts.get('port', 5432)}"


def _parts(dsn: str) -> dict[str, Any]:
    try:
        return psycopg.conninfo.conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:  # its text may repeat the whole DSN, password and all
        raise BadSetting("LIQGRID_DSN cannot be read; write postgresql://user:password@host:port/database") from None


@dataclass(frozen=True, slots=True)
class DatabaseKind:
    """What the server offers; ``timescale_version`` None where the extension cannot be had."""

    server_version: str
    timescale_version: str | None
    timescale_licence: str | None

    def __str__(self) -> str:
        if self.timescale_version is None:
            return f"PostgreSQL {self.server_version}"
        licence = f", {self.timescale_licence} licence" if self.timescale_licence else ""
        return f"PostgreSQL {self.server_version} with TimescaleDB {self.timescale_version}{licence}"


def detect_kind(connection: Connection) -> DatabaseKind:
    """Return what the server is, without trying anything: CREATE EXTENSION without the preload would be fatal."""
    row = connection.execute(queries("schema")["detect"]).fetchone()
    assert row is not None  # noqa: S101 - a query of constants always has its row
    server_version, preloaded, available, licence = row
    usable = "timescaledb" in [library.strip() for library in preloaded.split(",")] and available is not None
    return DatabaseKind(server_version, available if usable else None, licence if usable else None)
