"""Migrations: numbered plain SQL applied in order, each in its transaction, by one process at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from urllib.parse import urlencode

import psycopg
import structlog
from psycopg.conninfo import conninfo_to_dict
from yoyo import get_backend, read_migrations

from liqgrid.engine.market.errors import SchemaTooNew, SchemaTooOld, StoreUnavailable
from liqgrid.engine.store.database import Connection, DatabaseKind, address, connected, detect_kind
from liqgrid.engine.store.queue import check_queue, migrate_queue
from liqgrid.engine.store.role import ensure_api_role
from liqgrid.sql import migration_ids, queries

_SQL = queries("schema")
_log = structlog.get_logger()


def migrate(dsn: str) -> DatabaseKind:
    """Bring the database to this liqgrid's schema; hypertables where the TimescaleDB extension can be had.

    Where it may, it also makes the role the API reads as.

    Raises
    ------
    SchemaTooNew
        If a newer liqgrid migrated it.
    StoreUnavailable
        If it cannot be reached, or refuses: for example the role may not create tables there.
    """
    with connected(dsn) as connection, _refusals(dsn):
        # An advisory lock ends with its session, so a killed migration leaves nothing locked; under it, whatever
        # lock row a killed yoyo left is stale by definition.
        connection.execute(_SQL["lock_schema"])
        kind = detect_kind(connection)
        _refuse_newer(connection)
        folders = ["migrations"]
        if kind.timescale_version is not None:
            connection.execute(_SQL["create_timescale"])
            folders.append("timescale")
        backend = get_backend(f"postgresql+psycopg://?{urlencode(conninfo_to_dict(dsn))}")
        try:
            backend.break_lock()
            for folder in folders:
                with as_file(files("liqgrid.sql").joinpath(folder)) as path:
                    backend.apply_migrations(backend.to_apply(read_migrations(str(path))))
        finally:
            backend.connection.close()
        migrate_queue(connection)
        if reason := ensure_api_role(connection):
            _log.warning(
                "the API will read as your own role; docs/operations.md says how to give it one", reason=reason
            )
        return detect_kind(connection)


@contextmanager
def _refusals(dsn: str) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise StoreUnavailable(f"database {address(dsn)} cannot be migrated: {str(error).strip()}") from error


def check_schema(connection: Connection) -> None:
    """Refuse a database that is not at this liqgrid's schema.

    Raises
    ------
    SchemaTooOld, SchemaTooNew
        Each says what to do.
    """
    _refuse_newer(connection)
    missing = set(migration_ids("migrations")) - _applied(connection)
    if missing:
        raise SchemaTooOld(f"the database lacks migration {min(missing)}; run `liqgrid migrate`", missing=min(missing))
    check_queue(connection)


def _refuse_newer(connection: Connection) -> None:
    known = {*migration_ids("migrations"), *migration_ids("timescale")}
    newer = _applied(connection) - known
    if newer:
        raise SchemaTooNew(
            f"the database has migration {max(newer)}, which this liqgrid does not know; install a newer liqgrid",
            migration=max(newer),
        )


def _applied(connection: Connection) -> set[str]:
    if connection.execute(_SQL["is_migrated"]).fetchone() != (True,):
        return set()
    return {row[0] for row in connection.execute(_SQL["applied"])}
