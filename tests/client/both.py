"""Either half of the client through one door, so that a test holds both to the same."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, closing
from dataclasses import dataclass
from queue import Queue
from typing import Any

from liqgrid_client import AsyncClient, AsyncPages, Client, Pages

PATIENCE_S = 30  # a stream that waits for ever must not make its test wait
HALVES = ("sync", "async")


@dataclass(frozen=True)
class Half:
    """One half of the client; every question on a client of its own."""

    name: str

    def ask(self, url: str, method: str, *arguments: Any, **options: Any) -> Any:
        """Return what a method answers; of an iterator a list."""
        return self.run(url, lambda client: getattr(client, method)(*arguments, **options))

    def all(self, url: str, method: str, *arguments: Any, **options: Any) -> Any:
        """Return the whole of a series."""
        return self.run(url, lambda client: getattr(client, method)(*arguments, **options).all())

    def run(self, url: str, call: Callable[[Any], Any], **settings: Any) -> Any:
        """Return what a call on a client gives."""
        if self.name == "sync":
            with Client(url, **settings) as client:
                given = call(client)
                return list(given) if isinstance(given, Iterator | Pages) else given
        return asyncio.run(self._run(url, call, settings))

    async def _run(self, url: str, call: Callable[[Any], Any], settings: dict[str, Any]) -> Any:
        async with AsyncClient(url, **settings) as client:
            given = call(client)
            if isinstance(given, AsyncIterator | AsyncPages):
                return [one async for one in given]
            return await given

    def follow(
        self, url: str, call: Callable[[Any], Any], each: Callable[[Any, int], object], count: int, **settings: Any
    ) -> list[Any]:
        """Return the first events of a stream; ``each`` is told of every one and how many came before it."""
        if self.name == "async":
            return asyncio.run(self._follow(url, call, each, count, settings))

        def follow() -> list[Any]:
            with Client(url, **settings) as client, closing(call(client)) as stream:
                return _taken(stream, each, count)

        answers: Queue[list[Any] | Exception] = Queue()
        threading.Thread(target=_put, args=(answers, follow), daemon=True).start()
        given = answers.get(timeout=PATIENCE_S)
        if isinstance(given, Exception):
            raise given
        return given

    async def _follow(
        self, url: str, call: Callable[[Any], Any], each: Callable[[Any, int], object], count: int, settings: Any
    ) -> list[Any]:
        events: list[Any] = []
        async with (
            asyncio.timeout(PATIENCE_S),
            AsyncClient(url, **settings) as client,
            aclosing(call(client)) as stream,
        ):
            async for event in stream:
                await asyncio.to_thread(each, event, len(events))
                events.append(event)
                if len(events) == count:
                    break
        return events


def _put(answers: Queue[list[Any] | Exception], call: Callable[[], list[Any]]) -> None:
    try:
        answers.put(call())
    except Exception as error:
        answers.put(error)


def _taken(stream: Iterator[Any], each: Callable[[Any, int], object], count: int) -> list[Any]:
    events: list[Any] = []
    for event in stream:
        each(event, len(events))
        events.append(event)
        if len(events) == count:
            break
    return events
