"""The role the API reads as: ``liqgrid_api``, which may read what the API reads and note when a key was used."""

from __future__ import annotations

from psycopg.errors import InsufficientPrivilege

from liqgrid.engine.store.database import Connection
from liqgrid.sql import queries

_SQL = queries("access")


def ensure_api_role(connection: Connection) -> str | None:
    """Make the role and let it read; return why not, where the operator's role may not do that.

    Without it the API reads as the operator's role, in sessions that are read-only all the same.
    """
    try:
        with connection.transaction():
            for step in ("create_role", "join_role", "grant_reads", "grant_note_use"):
                connection.execute(_SQL[step])
    except InsufficientPrivilege as error:
        return " ".join(str(error).split())
    return None
