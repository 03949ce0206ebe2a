"""What runs over a home, by what the system says of every process; and waiting for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

PATIENCE_S = 240


def processes_over(home: Path) -> list[list[str]]:
    """The command lines of the parts that ``up`` runs as processes of their own over a home."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                command = (folder / "cmdline").read_bytes().decode().split("\0")
                is_over = f"LIQGRID_HOME={home}".encode() in (folder / "environ").read_bytes().split(b"\0")
            except OSError:  # it has ended meanwhile
                continue
            if is_over and "--with-parent" in command:
                found.append(command)
    return found


def wait_until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
