"""Answers that are kept until a table they were made of changes, the least recently used going first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from cachetools import LRUCache

from liqgrid.api.live.changes import Changes
from liqgrid.api.reading import Reading, note_read, noting

DEFAULT_BYTES = 64 * 1024 * 1024
_LARGEST_PART = 4  # an answer over this part of all is not kept, for it would drive too many others out
_OVERHEAD_BYTES = 1024  # of an entry, beside its bytes

R = TypeVar("R")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Made(Generic[R, V]):
    """An answer to who asked first, and what of it others can be answered with: None for nothing, and how large."""

    answer: R
    kept: V | None = None
    size: int = 0


@dataclass(frozen=True, slots=True)
class _Kept:
    value: Any
    size: int
    begun_ns: int
    tables: frozenset[str]


class Answers:
    """What was answered, at most ``most_bytes`` of it; 0 keeps nothing, and has nobody wait for another."""

    def __init__(self, changes: Changes, most_bytes: int = DEFAULT_BYTES) -> None:
        self._changes = changes
        self._most = most_bytes
        self._kept: LRUCache[Hashable, _Kept] = LRUCache(max(most_bytes, 1), lambda kept: kept.size)
        self._making: dict[Hashable, tuple[int, asyncio.Future[_Kept | None]]] = {}

    @property
    def bytes(self) -> int:
        """How many bytes are kept."""
        return int(self._kept.currsize)

    async def serve(
        self, key: Hashable, use: Callable[[V], R | None], make: Callable[[Reading], Awaitable[Made[R, V]]]
    ) -> R:
        """Return the answer to a key: what ``use`` makes of one that is kept, else what ``make`` gives.

        Equal keys are made once at a time, and the others wait; but nobody gets what was begun before a change that was
        heard of before he asked. Where ``use`` gives None, or nothing can be kept, each has his own made. ``make`` is
        given what it reads.
        """
        kept = self._find(key)
        if kept is None and (waiting := self._under_way(key)) is not None:
            kept = await asyncio.shield(waiting)
        if kept is not None:
            note_read(kept.tables)
            answer = use(kept.value)
            if answer is not None:
                return answer
        return await self._make(key, make)

    def _find(self, key: Hashable) -> _Kept | None:
        kept = self._kept.get(key)
        return kept if kept is not None and self._changes.none_since(kept.begun_ns, kept.tables) else None

    def _under_way(self, key: Hashable) -> asyncio.Future[_Kept | None] | None:
        begun_ns, future = self._making.get(key, (0, None))
        return future if future is not None and self._changes.none_since(begun_ns) else None

    async def _make(self, key: Hashable, make: Callable[[Reading], Awaitable[Made[R, V]]]) -> R:
        begun_ns = self._changes.now()
        future: asyncio.Future[_Kept | None] | None = None
        if self._most and self._under_way(key) is None:
            future = asyncio.get_running_loop().create_future()
            self._making[key] = (begun_ns, future)
        kept = None
        try:
            with noting() as reading:
                made = await make(reading)
            note_read(reading.tables)
            if made.kept is not None and reading.can_be_kept:
                kept = _Kept(made.kept, made.size + _OVERHEAD_BYTES, begun_ns, frozenset(reading.tables))
                self._keep(key, kept)
            return made.answer
        finally:
            if future is not None:
                if self._making.get(key, (0, None))[1] is future:
                    del self._making[key]
                if not future.done():
                    future.set_result(kept)

    def _keep(self, key: Hashable, kept: _Kept) -> None:
        if kept.size * _LARGEST_PART <= self._most and self._changes.none_since(kept.begun_ns, kept.tables):
            self._kept[key] = kept
