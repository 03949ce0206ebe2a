"""Following a table from a position: read, send, wait for a hint, read on.

Nothing is queued for a client. Each stands at a position and reads from there when it is ready for more, so one that is
slow costs no memory, and resuming is the same as going on. Clients that stand at the same position share what was read:
those of one pair, interval and parameters that keep up read each column once.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Coroutine, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from liqgrid.api.live.hints import Channel, Hints
from liqgrid.engine.market.errors import CursorTooOld, StoreUnavailable

_BATCHES_KEPT = 64
_TRY_AGAIN_S = 1

E = TypeVar("E")
P = TypeVar("P", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Batch(Generic[E, P]):
    """What is new since a position, the first of it: events ascending, each with the position after it.

    ``waiting`` counts all that was new, up to a bound that is over what is sent one by one.
    """

    events: Sequence[tuple[E, P]]
    waiting: int


class SharedReads:
    """Batches under way and those read last, by what was asked from which position.

    A batch with events stays right: what was written since is found from the position after it. One under way is joined
    only by who was hinted at nothing since it began.
    """

    def __init__(self) -> None:
        self._batches: OrderedDict[Hashable, tuple[int, asyncio.Task[Any]]] = OrderedDict()

    async def read(
        self, key: Hashable, hints_given: int, read: Callable[[], Coroutine[Any, Any, Batch[E, P]]]
    ) -> Batch[E, P]:
        """Return the batch of a key, read once for all who ask at a time."""
        began, task = self._batches.get(key, (-1, None))
        if task is None or (began != hints_given and not task.done()):
            task = asyncio.create_task(read())
            self._batches[key] = (hints_given, task)
            task.add_done_callback(lambda done: self._settle(key, done))
        # One client that goes away must not take the batch from the others.
        batch: Batch[E, P] = await asyncio.shield(task)
        return batch

    def _settle(self, key: Hashable, done: asyncio.Task[Any]) -> None:
        kept = not done.cancelled() and done.exception() is None and bool(done.result().events)
        if not kept and key in self._batches and self._batches[key][1] is done:
            del self._batches[key]
        while len(self._batches) > _BATCHES_KEPT and next(iter(self._batches.values()))[1].done():
            self._batches.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Live:
    """What subscriptions share in a process."""

    hints: Hints = field(default_factory=Hints)
    reads: SharedReads = field(default_factory=SharedReads)


async def follow(
    live: Live,
    watched: tuple[Channel, Iterable[int]],
    asked: Hashable,
    position: P,
    read: Callable[[P], Coroutine[Any, Any, Batch[E, P]]],
    most: int,
) -> AsyncGenerator[tuple[E, P], None]:
    """Yield what comes after a position, each with the position after it, until the client goes.

    ``asked`` and a position say what is read: equal ones share it. A database that goes away is waited for.

    Raises
    ------
    CursorTooOld
        If more than ``most`` are waiting.
    StoreUnavailable
        If the database cannot be read at the beginning.
    """
    with live.hints.watch(*watched) as hint:
        begun = False
        while True:
            hint.clear()
            try:
                batch = await live.reads.read((asked, position), live.hints.given, partial(read, position))
            except StoreUnavailable:
                if not begun:
                    raise
                await asyncio.sleep(_TRY_AGAIN_S)
                continue
            begun = True
            if batch.waiting > most:
                raise CursorTooOld(
                    f"more than {most} are new since the cursor, or since this client last read; take the past by a "
                    "query, then subscribe without `after`"
                )
            for event, after in batch.events:
                yield event, after
                position = after
            if not batch.events:
                await hint.wait()
