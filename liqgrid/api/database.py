"""The API's pool of read-only connections."""

from __future__ import annotations

import asyncpg

from liqgrid.engine.market.errors import SchemaTooNew, SchemaTooOld, StoreUnavailable
from liqgrid.sql import migration_ids, queries

Pool = asyncpg.Pool
_SQL = queries("api")
_STATEMENT_TIMEOUT_MS = 15_000
_POOL_SIZE = 8


async def open_pool(dsn: str) -> Pool:
    """Return a pool whose sessions cannot write and end long statements; the schema has been checked.

    Raises
    ------
    StoreUnavailable
        If the database cannot be reached.
    SchemaTooOld, SchemaTooNew
        If it is not migrated to what this liqgrid needs.
    """
    try:
        pool = await asyncpg.create_pool(
            dsn,
            min_size=1,
            max_size=_POOL_SIZE,
            command_timeout=_STATEMENT_TIMEOUT_MS / 1000 + 5,
            server_settings={
                "application_name": "liqgrid api",
                "default_transaction_read_only": "on",
                "statement_timeout": str(_STATEMENT_TIMEOUT_MS),
                "timezone": "UTC",
                "jit": "off",
            },
        )
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        raise StoreUnavailable(
            f"the database cannot be reached: {error}; is it running, and is LIQGRID_DSN right?"
        ) from error
    try:
        await _check_schema(pool)
    except BaseException:
        await pool.close()
        raise
    return pool


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
