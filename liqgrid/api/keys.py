"""Keys as the API checks them: held for two seconds, so that one taken back is refused within that time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hmac import compare_digest

import asyncpg
import structlog

from liqgrid.api.database import Pool
from liqgrid.api.visit import Limits
from liqgrid.engine.market.api_key import Scope, hash_of, id_of
from liqgrid.engine.market.errors import LiqgridError, StoreUnavailable
from liqgrid.sql import queries

HELD_S = 2.0
_NOTED_EVERY_S = 60.0
_SQL = queries("access")
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Key:
    """A key that opens."""

    key_id: str
    key_hash: bytes
    scopes: frozenset[str]
    limits: Limits


class KeyRing:
    """The keys that open. All of them are read at once, so that a made-up key costs the database nothing."""

    def __init__(self, pool: Pool, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._clock = clock
        self._keys: dict[str, Key] = {}
        self._read_s = -HELD_S
        self._noted_s: dict[str, float] = {}
        self._reading = asyncio.Lock()

    async def find(self, text: str) -> Key | None:
        """Return the key that a client sent, None if it does not open.

        Raises
        ------
        StoreUnavailable
            If that cannot be told now.
        """
        key_id = id_of(text)
        if key_id is None:
            return None
        await self._fresh()
        key = self._keys.get(key_id)
        # The id is no secret; of the secret part only hashes are compared, and in constant time.
        if key is None or not compare_digest(key.key_hash, hash_of(text)):
            return None
        await self._note(key_id)
        return key

    async def still_opens(self, key_id: str) -> bool:
        """Whether a key that opened has not been taken back; while the database is away, as far as is known."""
        with suppress(StoreUnavailable):
            await self._fresh()
        return key_id in self._keys

    async def _fresh(self) -> None:
        async with self._reading:
            if self._clock() - self._read_s >= HELD_S:
                await self._read()

    async def _read(self) -> None:
        now_s = self._clock()
        rows = await self._pool.fetch(_SQL["live_keys"])
        self._keys = {
            row["key_id"]: Key(
                row["key_id"],
                row["key_hash"],
                frozenset(row["scopes"]) & set(Scope),
                Limits(row["requests_per_minute"], row["cost_per_minute"]),
            )
            for row in rows
        }
        self._noted_s = {key_id: noted_s for key_id, noted_s in self._noted_s.items() if key_id in self._keys}
        self._read_s = now_s

    async def _note(self, key_id: str) -> None:
        """Have the database know that a key was used, once a minute; a database that takes no writes is fine too."""
        now_s = self._clock()
        if now_s - self._noted_s.get(key_id, -_NOTED_EVERY_S) < _NOTED_EVERY_S:
            return
        self._noted_s[key_id] = now_s
        try:
            await self._pool.write(_SQL["note_use"], key_id)
        except (LiqgridError, asyncpg.PostgresError) as error:
            _log.warning("the last use of a key is not noted", key=key_id, error=type(error).__name__)
