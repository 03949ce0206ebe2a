"""Keys of the API, as they are made and taken back; what is stored of one does not open anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from liqgrid.engine.market.api_key import Scope, hash_of, id_of, make_key
from liqgrid.engine.market.errors import BadRequest
from liqgrid.engine.store.database import Connection
from liqgrid.sql import queries

_SQL = queries("access")


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as it is listed; times are epoch ms, None where it never was."""

    key_id: str
    name: str
    scopes: list[str]
    requests_per_minute: int
    cost_per_minute: int
    created_ms: int
    last_used_ms: int | None
    revoked_ms: int | None


def create_key(
    connection: Connection, name: str, scopes: Sequence[Scope], requests_per_minute: int, cost_per_minute: int
) -> str:
    """Store a new key and return it; it cannot be had again."""
    key = make_key()
    with connection.transaction():
        connection.execute(
            _SQL["create_key"],
            [id_of(key), name, hash_of(key), [str(scope) for scope in scopes], requests_per_minute, cost_per_minute],
        )
    return key


def list_keys(connection: Connection) -> list[KeyRow]:
    """Return all keys, the oldest first, those taken back as well."""
    return [KeyRow(*row) for row in connection.execute(_SQL["list_keys"])]


def revoke_key(connection: Connection, key_id: str) -> str:
    """Take a key back and return its name; once more does no harm.

    Raises
    ------
    BadRequest
        If there is none with that id.
    """
    with connection.transaction():
        row = connection.execute(_SQL["revoke_key"], [key_id]).fetchone()
    if row is None:
        # Not repeated as it was given: it may be a whole key.
        raise BadRequest("no key has that id; give the 12 hex digits that `liqgrid keys list` shows")
    return str(row[0])


def has_key(connection: Connection) -> bool:
    """Tell whether any key opens."""
    return connection.execute(_SQL["any_key"]).fetchone() == (True,)
