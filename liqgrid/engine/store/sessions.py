"""Connections for a process that must go on when the database went away and came back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from queue import Empty, SimpleQueue
from typing import TypeVar

import psycopg

from liqgrid.engine.market.errors import StoreUnavailable
from liqgrid.engine.store.database import Connection, address, connected
from liqgrid.engine.store.migrate import check_schema

T = TypeVar("T")


class Sessions:
    """Connections to one database, for several threads; each is used by one of them at a time.

    One that failed is closed, and the next piece of work gets a new one.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._idle: SimpleQueue[tuple[ExitStack, Connection]] = SimpleQueue()
        self._closed = False

    def run(self, work: Callable[[Connection], T]) -> T:
        """Do a piece of work in one transaction.

        Raises
        ------
        StoreUnavailable
            If the database cannot be reached or went away; whether it has the work is then unknown, so work that is
            tried again must not mind having been done.
        SchemaTooOld, SchemaTooNew
            If it is not migrated to what this liqgrid needs.
        """
        stack, connection = self._take()
        try:
            with stack.pop_all() as using:
                with connection.transaction():
                    result = work(connection)
                self._idle.put((using.pop_all(), connection))
            if self._closed:  # meanwhile: a thread's work outlives the task that waited for it
                self.close()
        except psycopg.InterfaceError as error:  # the connection had been closed before
            raise StoreUnavailable(f"database {address(self._dsn)} went away: {error}") from error
        return result

    def _take(self) -> tuple[ExitStack, Connection]:
        try:
            return self._idle.get_nowait()
        except Empty:
            pass
        with ExitStack() as opening:
            connection = opening.enter_context(connected(self._dsn))
            check_schema(connection)
            return opening.pop_all(), connection

    def close(self) -> None:
        """Close the connections that are idle, and each other one after its work."""
        self._closed = True
        while True:
            try:
                stack, _ = self._idle.get_nowait()
            except Empty:
                return
            stack.close()
