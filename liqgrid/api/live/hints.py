"""One listening connection a process, which wakes whoever waits for rows of an instrument.

A notification is only a hint to read: one that is lost, doubled or late changes nothing that is sent, for what is new
is found by reading from a position. So after a lost connection, and now and then anyway, everybody is woken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum

import asyncpg
import orjson
import structlog

from liqgrid.api.live.changes import CHANNEL, Changes
from liqgrid.sql import queries

_LOOK_ANYWAY_S = 15
_ASKED_EVERY_S = 1  # a connection that died in silence is found out then
_TRY_AGAIN_S = 1
_TIMEOUT_S = 10
_SQL = queries("api")
_log = structlog.get_logger()


class Channel(StrEnum):
    """What is written, as the database's channels are called."""

    BUILD = "liqgrid_build"
    LIQUIDATION = "liqgrid_liquidation"


class Hints:
    """Who waits for what; ``listen`` is run beside it."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, int], set[asyncio.Event]] = {}
        self.given = 0  # how many hints there were

    @contextmanager
    def watch(self, channel: Channel, instrument_ids: Iterable[int]) -> Iterator[asyncio.Event]:
        """Yield an event that is set when rows of one of the instruments may be new; clear it, then read."""
        event = asyncio.Event()
        topics = [(str(channel), instrument_id) for instrument_id in instrument_ids]
        for topic in topics:
            self._waiting.setdefault(topic, set()).add(event)
        try:
            yield event
        finally:
            for topic in topics:
                self._waiting[topic].discard(event)
                if not self._waiting[topic]:
                    del self._waiting[topic]

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(set().union(*self._waiting.values()))

    def wake(self, channel: str, instrument_id: int) -> None:
        """Wake who waits for this."""
        self.given += 1
        for event in self._waiting.get((channel, instrument_id), ()):
            event.set()

    def wake_all(self) -> None:
        """Wake everybody."""
        self.given += 1
        for events in self._waiting.values():
            for event in events:
                event.set()


async def listen(dsn: str, hints: Hints, changes: Changes) -> None:
    """Listen until cancelled; a lost database is connected to again."""
    while True:
        try:
            await _listen_once(dsn, hints, changes)
        except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresError) as error:
            # What the driver says names hosts and users; it is for the log only.
            _log.warning("listening for new rows failed; trying again", error=f"{type(error).__name__}: {error}")
        except Exception:
            _log.exception("listening for new rows failed in a way nobody expected; trying again")
        await asyncio.sleep(_TRY_AGAIN_S)


async def _listen_once(dsn: str, hints: Hints, changes: Changes) -> None:
    settings = {"application_name": "liqgrid api listening", "default_transaction_read_only": "on"}
    connection = await asyncpg.connect(dsn, timeout=_TIMEOUT_S, server_settings=settings)
    lost = asyncio.Event()

    def lose(_connection: object) -> None:
        changes.lost()
        lost.set()

    try:
        connection.add_termination_listener(lose)
        await connection.add_listener(CHANNEL, lambda _from, _pid, _name, table: changes.note(table))
        for channel in Channel:
            await connection.add_listener(str(channel), lambda _from, _pid, name, text: _hint(hints, name, text))
        changes.note_all()
        asked = 0
        while not lost.is_set():
            if asked % _LOOK_ANYWAY_S == 0:
                hints.wake_all()
            asked += _ASKED_EVERY_S
            # The database tells of what was committed before it answers, so an answer means that all was heard.
            asked_ns = changes.now()
            await connection.execute(_SQL["ping"], timeout=_TIMEOUT_S)
            changes.heard(asked_ns)
            with suppress(TimeoutError):
                await asyncio.wait_for(lost.wait(), _ASKED_EVERY_S)
        _log.warning("the connection that listens for new rows was lost; connecting again")
    finally:
        changes.lost()
        with suppress(OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresError):
            await connection.close(timeout=_TIMEOUT_S)


def _hint(hints: Hints, channel: str, text: str) -> None:
    try:
        instrument_id = int(orjson.loads(text)["instrument_id"])
    except (ValueError, TypeError, KeyError):
        _log.warning("a notification that is none of ours", channel=channel, text=text[:100])
        return
    hints.wake(channel, instrument_id)
