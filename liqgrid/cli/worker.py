"""``liqgrid worker``: runs jobs until told to end."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Collection

from liqgrid.cli.jobs import THREADS, Patient, works
from liqgrid.cli.logs import configure_logs
from liqgrid.cli.settings import Settings
from liqgrid.cli.text import say
from liqgrid.engine.market.job import Queue
from liqgrid.engine.store.jobs import queue_changed
from liqgrid.engine.store.sessions import Sessions
from liqgrid.engine.store.worker import run_worker


def work(settings: Settings, dsn: str, queues: Collection[Queue], *, drain: bool) -> None:
    """Run jobs of some queues, or of all; return when told to end, or, to drain, when none is due.

    Raises
    ------
    StoreUnavailable
        If the database goes away while draining; otherwise it is waited for.
    """
    configure_logs()
    stopping = threading.Event()
    sessions = Sessions(dsn)
    threads = {queue: count for queue, count in THREADS.items() if not queues or queue in queues}

    async def run() -> None:
        told = asyncio.Event()

        def end() -> None:
            stopping.set()
            told.set()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, end)
        await asyncio.to_thread(Patient(sessions, stopping).run, queue_changed)
        say("worker", f"takes jobs from {', '.join(threads)}")
        await run_worker(dsn, works(settings, sessions, dsn, stopping), threads, told, drain=drain)

    try:
        asyncio.run(run())
    finally:
        sessions.close()
