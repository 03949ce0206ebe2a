"""Times: as text for people and for files, and as somebody gave them."""

from __future__ import annotations

from datetime import UTC, datetime


def in_utc(time: datetime) -> datetime:
    """Return a time with its zone; one without is UTC, whatever the clock of this machine says."""
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def utc(ts_ms: int) -> str:
    """Return a time to the minute, ``2024-06-19 21:00``."""
    return datetime.fromtimestamp(ts_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def utc_range(start_ms: int, end_ms: int) -> str:
    """Return a stretch of time, ``2024-06-19 21:00 … 2024-08-19 22:00 UTC``."""
    return f"{utc(start_ms)} … {utc(end_ms)} UTC"


def iso(ts_ms: int) -> str:
    """Return a time as data, ``2024-06-19T21:00:00Z``."""
    return datetime.fromtimestamp(ts_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
