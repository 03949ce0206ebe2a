"""A file that writers write to and whose bytes are taken out as they come, so that none pile up."""

from __future__ import annotations

from io import IOBase
from typing import Any, cast

import pyarrow as pa


class Drain:
    """A file of the kind pyarrow's writers want; ``take`` what they wrote since the last time."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._written = 0
        self.closed = False
        self.file = pa.PythonFile(cast("IOBase", self), mode="w")

    def write(self, piece: Any) -> int:
        """Keep a piece until it is taken."""
        self._pieces.append(bytes(piece))
        self._written += len(self._pieces[-1])
        return len(self._pieces[-1])

    def take(self) -> bytes:
        """Return what was written since the last time."""
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken

    def tell(self) -> int:
        """Return how many bytes were written in all."""
        return self._written

    def flush(self) -> None:
        """Do nothing: bytes wait for whoever takes them."""

    def close(self) -> None:
        """Mark the end; what was written can still be taken."""
        self.closed = True
