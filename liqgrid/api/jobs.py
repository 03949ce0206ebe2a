"""What the workers are about: queues, and what failed."""

from __future__ import annotations

from dataclasses import dataclass

from liqgrid.api.database import Pool
from liqgrid.sql import queries

_SQL = queries("api")


@dataclass(frozen=True, slots=True)
class QueueRow:
    """Jobs of a queue that wait, also for their time, and that are under way."""

    name: str
    waiting: int
    running: int


@dataclass(frozen=True, slots=True)
class FailureRow:
    """A task that failed and did not succeed since; ``subject`` is an instrument, or ``all``.

    ``attempts`` are those in a row; ``retry_ms`` is None where nothing tries it again before something new is queued.
    """

    task: str
    subject: str
    attempts: int
    code: str
    message: str
    failed_ms: int
    retry_ms: int | None


async def read_queues(pool: Pool) -> list[QueueRow]:
    """Return the queues that have jobs, by name."""
    return [QueueRow(*row) for row in await pool.fetch(_SQL["queues"])]


async def read_failures(pool: Pool) -> list[FailureRow]:
    """Return what failed, newest first."""
    return [FailureRow(*row) for row in await pool.fetch(_SQL["job_failures"])]
