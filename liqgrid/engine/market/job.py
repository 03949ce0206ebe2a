"""Jobs: what is done in the background, and where it waits."""

from __future__ import annotations

from enum import StrEnum


class Task(StrEnum):
    """What a job does."""

    BUILD = "build"  # new bars onto the grid as it is
    REBUILD = "rebuild"  # from the earliest change on, however long ago
    BACKFILL = "backfill"
    RETENTION = "retention"


class Queue(StrEnum):
    """Where jobs wait: what is quick and due at once does not wait behind what takes long."""

    LIVE = "live"
    REBUILD = "rebuild"
    BACKFILL = "backfill"
    UPKEEP = "upkeep"
