"""``liqgrid worker``: runs jobs until told to end; ``up`` has one as a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from liqgrid.cli.jobs import THREADS, Patient, works
from liqgrid.cli.logs import configure_logs
from liqgrid.cli.settings import Settings
from liqgrid.cli.text import say, warn
from liqgrid.engine.market.job import Queue
from liqgrid.engine.store.jobs import queue_changed
from liqgrid.engine.store.sessions import Sessions
from liqgrid.engine.store.worker import run_worker

_PATIENCE_S = 30


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


def end_with_parent() -> None:
    """End this process in good order when the one that started it is gone: its end of our standard input closes."""

    def watch() -> None:
        sys.stdin.read()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def worker_process() -> Iterator[None]:
    """Keep a worker running beside this process, with the same settings; it ends with the block, or with us."""
    command = [sys.executable, "-m", "liqgrid", "worker", "--with-parent"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                warn("the worker did not end in time and is killed; its job is taken up again by the next one")
                process.kill()
