"""What an answer is made of, noted while it is made: the tables that are read, and times it tells the age of."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from itertools import zip_longest

import orjson

from liqgrid.api.live.changes import TABLES

# Of a query that reads the clock, the server, or a table that does not tell of its changes.
_UNKNOWN = "unknown"
_SILENT = re.compile(
    r"\b(_yoyo_migration|api_key|job_failure|procrastinate_jobs|venue_status|current_\w+)\b|\bnow\(|\bpg_"
)
_COMMENT = re.compile(r"--.*$", re.MULTILINE)
_WORD = re.compile(r"[a-z_]+")
_FAR_PAST = 1e300  # seconds before any time there is; a random one of these stands for an age


@dataclass(frozen=True, slots=True)
class Reading:
    """The tables read so far, and for every number that stands for an age, as JSON has it, since when: epoch ms."""

    tables: set[str] = field(default_factory=set)
    since_ms: dict[bytes, int] = field(default_factory=dict)

    @property
    def can_be_kept(self) -> bool:
        """Whether whatever changes the answer is told of."""
        return bool(self.tables) and _UNKNOWN not in self.tables

    def split(self, text: bytes) -> tuple[list[bytes], list[int]]:
        """Return an answer's JSON in pieces, and the times whose ages go between them."""
        if not self.since_ms:
            return [text], []
        parts = re.split(b"(" + b"|".join(map(re.escape, self.since_ms)) + b")", text)
        return parts[::2], [self.since_ms[stands] for stands in parts[1::2]]

    def with_ages(self, text: bytes) -> bytes:
        """Return an answer's JSON with the ages as they are now."""
        return b"".join(interleaved(*self.split(text)))


_now: ContextVar[Reading | None] = ContextVar("reading", default=None)


@contextmanager
def noting() -> Iterator[Reading]:
    """Yield what is read within the block, by whatever it awaits."""
    reading = Reading()
    before = _now.set(reading)
    try:
        yield reading
    finally:
        _now.reset(before)


def note_read(tables: Iterable[str]) -> None:
    """Note that tables are read, if anybody wants to know."""
    reading = _now.get()
    if reading is not None:
        reading.tables.update(tables)


@cache
def tables_of(query: str) -> frozenset[str]:
    """Return the tables a query reads, some too many perhaps, and that there is more where there is."""
    text = _COMMENT.sub("", query)
    tables = frozenset(TABLES) & frozenset(_WORD.findall(text))
    return tables if tables and not _SILENT.search(text) else tables | {_UNKNOWN}


def interleaved(pieces: Sequence[bytes], since_ms: Sequence[int]) -> list[bytes]:
    """Return the pieces of an answer with the ages, as they are now, between them."""
    ages = [orjson.dumps(seconds_since(one)) for one in since_ms]
    return [part for pair in zip_longest(pieces, ages, fillvalue=b"") for part in pair]


def age_s(since_ms: int) -> float:
    """Return how long ago a time was, seconds; in an answer that may be kept, a number that stands for it."""
    reading = _now.get()
    if reading is None:
        return seconds_since(since_ms)
    stands = -_FAR_PAST * (1 + secrets.randbelow(2**52) / 2**52)
    reading.since_ms[orjson.dumps(stands)] = since_ms
    return stands


def seconds_since(since_ms: int) -> float:
    """Return how long ago a time was, seconds."""
    return time.time() - since_ms / 1000
