"""What runs over a home, by what the system says of every process; and waiting for it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tests.waiting import wait_until as wait_for


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


wait_until = partial(wait_for, patience_s=120)
