"""The memory that the processes of one server share: when tables changed, and what clients used."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from liqgrid.api.live.changes import PAGE_BYTES
from liqgrid.api.shared_rates import WINDOW_BYTES, SharedWindow
from liqgrid.api.visit import Meters

_BYTES = PAGE_BYTES + 2 * WINDOW_BYTES


@dataclass(frozen=True, slots=True)
class Shared:
    """One process's hold of it."""

    changes_page: memoryview
    meters: Meters


@contextmanager
def shared_file() -> Iterator[int]:
    """Yield the descriptor of a file for ``shared_memory``, which is gone when nobody has it open any more."""
    with tempfile.TemporaryFile(prefix="liqgrid ") as file:
        os.ftruncate(file.fileno(), _BYTES)
        yield file.fileno()


def shared_memory(file: int) -> Shared:
    """Return the memory behind a file of ``shared_file``."""
    memory = memoryview(mmap.mmap(file, _BYTES))
    first = memory[PAGE_BYTES : PAGE_BYTES + WINDOW_BYTES]
    second = memory[PAGE_BYTES + WINDOW_BYTES :]
    windows = SharedWindow(first, file, PAGE_BYTES), SharedWindow(second, file, PAGE_BYTES + WINDOW_BYTES)
    return Shared(memory[:PAGE_BYTES], Meters(windows=windows))
