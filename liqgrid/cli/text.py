"""What people read: times, stretches, lines of a report."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

_LABEL_WIDTH = 10


def utc(ts_ms: int) -> str:
    """Return a time to the minute, ``2024-06-19 21:00``."""
    return datetime.fromtimestamp(ts_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def utc_range(start_ms: int, end_ms: int) -> str:
    """Return a stretch of time, ``2024-06-19 21:00 … 2024-08-19 22:00 UTC``."""
    return f"{utc(start_ms)} … {utc(end_ms)} UTC"


def iso(ts_ms: int) -> str:
    """Return a time as data, ``2024-06-19T21:00:00Z``."""
    return datetime.fromtimestamp(ts_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


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
