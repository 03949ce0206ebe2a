"""The same counting for several processes of one machine: in memory they share, under locks the system frees."""

from __future__ import annotations

import fcntl
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b

from liqgrid.api.rates import Allowance, Use

_ENTRY = struct.Struct("=16sqqq")  # a client's digest, and its use: number, now, before
_WAYS = 8  # entries of a place; a new client takes that of the one that was silent longest
_PLACES = 2500
WINDOW_BYTES = _ENTRY.size * _WAYS * _PLACES


class SharedWindow:
    """Counts what clients use, as ``SlidingWindow`` does, in WINDOW_BYTES that other processes count in as well.

    ``file`` is what their locks are on: a byte of it from ``first_byte`` on for each place. A process that is killed
    holds none. The times given must be of one clock for all.
    """

    def __init__(self, memory: memoryview, file: int, first_byte: int) -> None:
        self._memory = memory
        self._file = file
        self._first_byte = first_byte

    def take(self, client: str, amount: int, limit: int, now_s: float) -> Allowance:
        """Count ``amount`` against a client if that much is left, and say what is left."""
        digest = blake2b(client.encode(), digest_size=16).digest()
        place = int.from_bytes(digest[:4], "little") % _PLACES
        begin = place * _WAYS * _ENTRY.size
        with self._locked(place):
            entries = list(_ENTRY.iter_unpack(self._memory[begin : begin + _WAYS * _ENTRY.size]))
            way = next((way for way, entry in enumerate(entries) if entry[0] == digest), None)
            if way is None:
                way, use = min(range(_WAYS), key=lambda one: entries[one][1]), Use(0)
            else:
                use = Use(*entries[way][1:])
            allowance = use.take(amount, limit, now_s)
            _ENTRY.pack_into(self._memory, begin + way * _ENTRY.size, digest, use.number, use.now, use.before)
        return allowance

    @contextmanager
    def _locked(self, place: int) -> Iterator[None]:
        """Hold a place for the microseconds that counting takes."""
        fcntl.lockf(self._file, fcntl.LOCK_EX, 1, self._first_byte + place)
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, self._first_byte + place)
