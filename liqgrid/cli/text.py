"""What people read: lengths of time, lines of a report."""

from __future__ import annotations

import typer

_LABEL_WIDTH = 10
SIMULATED_DATA = "SIMULATED: all of it is of a market that does not exist"


def duration(ms: int) -> str:
    """Return a length of time in its two largest units, ``2 d 5 h``."""
    parts = []
    minutes = ms // 60_000
    for unit, length in (("d", 1440), ("h", 60), ("min", 1)):
        count, minutes = divmod(minutes, length)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "under a minute"


def say(label: str, text: str) -> None:
    """Print a line of a report at once, also where standard output is a file or a pipe."""
    print(f"{label:<{_LABEL_WIDTH}} {text}", flush=True)


def warn(text: str) -> None:
    """Print a warning on standard error."""
    typer.echo(f"{typer.style('warning:', fg='yellow')} {text}", err=True)


def pace(speed: float) -> str:
    """Return how fast a simulated market goes on, in words."""
    return "at the pace of time" if speed == 1 else f"{speed:g} times as fast as time"
