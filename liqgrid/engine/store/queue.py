"""The job queue's own tables: procrastinate's schema, made and checked beside ours.

procrastinate brings its schema and numbered migrations of it, but does not write into the database how far that is. We
do: ``queue_schema`` names the last of its migrations.
"""

# ruff: noqa: PLC0415 - every verb checks the schema, and only migrating needs procrastinate, which is slow to import

from __future__ import annotations

from pathlib import Path

from liqgrid.engine.market.errors import SchemaTooNew, SchemaTooOld
from liqgrid.engine.store.database import Connection
from liqgrid.sql import queries

_SQL = queries("jobs")
# The last migration of the procrastinate this liqgrid is made for; a test holds it against the one installed.
QUEUE_MIGRATION = "03.04.00_50_post_add_retry_failed_job_procedure"


def migrate_queue(connection: Connection) -> None:
    """Make procrastinate's tables, or bring them to what this liqgrid needs; for one process at a time.

    Raises
    ------
    SchemaTooNew
        If a newer liqgrid made them.
    """
    from procrastinate.schema import SchemaManager

    found = _found(connection)
    if found == QUEUE_MIGRATION:
        return
    _refuse_newer(found)
    if found is None:
        _apply(connection, SchemaManager.get_schema(), QUEUE_MIGRATION)
        return
    for path in sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql")):
        if found < path.stem <= QUEUE_MIGRATION:
            _apply(connection, path.read_text("utf-8"), path.stem)


def _apply(connection: Connection, statements: str, migration: str) -> None:
    with connection.transaction():
        connection.execute(statements)
        connection.execute(_SQL["save_queue_migration"], [migration])


def check_queue(connection: Connection) -> None:
    """Refuse tables that are not those this liqgrid needs.

    Raises
    ------
    SchemaTooOld, SchemaTooNew
        Each says what to do.
    """
    found = _found(connection)
    _refuse_newer(found)
    if found != QUEUE_MIGRATION:
        raise SchemaTooOld(
            f"the job queue's tables are at {found or 'nothing'}, this liqgrid needs {QUEUE_MIGRATION}; run "
            "`liqgrid migrate`",
            missing=QUEUE_MIGRATION,
        )


def _refuse_newer(found: str | None) -> None:
    if found is not None and found > QUEUE_MIGRATION:
        raise SchemaTooNew(
            f"the job queue's tables are at {found}, which this liqgrid does not know; install a newer liqgrid",
            migration=found,
        )


def _found(connection: Connection) -> str | None:
    row = connection.execute(_SQL["load_queue_migration"]).fetchone()
    return None if row is None else str(row[0])
