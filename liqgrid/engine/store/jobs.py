"""Jobs of instruments: queued, given back, failed. Builds are queued by the rows themselves (``mark_changed``)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from psycopg.types.json import Jsonb

from liqgrid.engine.market.job import Queue, Task
from liqgrid.engine.store.database import Connection
from liqgrid.sql import queries

_SQL = queries("jobs")


def queue_job(
    connection: Connection,
    queue: Queue,
    task: Task,
    instrument_id: int,
    arguments: Mapping[str, object] | None = None,
    delay_s: float = 0.0,
) -> bool:
    """Queue a task of an instrument; return False where one waits already, which then stands for both."""
    values = [str(queue), str(task), instrument_id, Jsonb(dict(arguments or {})), delay_s]
    return connection.execute(_SQL["queue_job"], values).rowcount == 1


def queue_changed(connection: Connection) -> None:
    """Queue the build of every instrument whose rows changed since its last one, where none waits."""
    connection.execute(_SQL["queue_changed"])


def take_up_stalled(connection: Connection, silent_s: float) -> list[int]:
    """Let jobs wait again whose worker has shown no heartbeat for so long; return their ids."""
    return [row[0] for row in connection.execute(_SQL["take_up_stalled"], [silent_s])]


def save_failure(connection: Connection, task: Task, subject: str, code: str, message: str) -> int:
    """Write down that a task failed, of an instrument or of ``all``; return how often it did in a row."""
    row = connection.execute(_SQL["save_failure"], [str(task), subject, code, message]).fetchone()
    return int(row[0]) if row else 1


def save_retry(connection: Connection, task: Task, subject: str, delay_s: float) -> None:
    """Write down when a task that failed is tried again."""
    connection.execute(_SQL["save_retry"], [str(task), subject, delay_s])


def delete_failure(connection: Connection, task: Task, subject: str) -> None:
    """Forget that a task failed: it succeeded."""
    connection.execute(_SQL["delete_failure"], [str(task), subject])


def is_any_due(connection: Connection, queues: Collection[Queue]) -> bool:
    """Return whether a job waits in one of the queues that could run now."""
    return connection.execute(_SQL["is_any_due"], [[str(queue) for queue in queues]]).fetchone() == (True,)


def delete_finished_jobs(connection: Connection, hours: int) -> int:
    """Delete jobs that ended so long ago; return how many."""
    return connection.execute(_SQL["delete_finished_jobs"], [hours]).rowcount
