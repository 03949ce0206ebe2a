"""Reads through the API's own functions, for verbs that ask once and end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from liqgrid.api.database import Pool, open_pool

_Answer = TypeVar("_Answer")


def ask(dsn: str, question: Callable[[Pool], Awaitable[_Answer]]) -> _Answer:
    """Return the answer to a question put to a migrated database.

    Raises
    ------
    StoreUnavailable, SchemaTooOld, SchemaTooNew
        From ``open_pool``.
    """
    answers: list[_Answer] = []

    async def put() -> None:
        pool = await open_pool(dsn)
        try:
            # Handed out by a list: Python 3.11 makes the repr of what a main task returns, seconds for a grid.
            answers.append(await question(pool))
        finally:
            await pool.close()

    asyncio.run(put())
    return answers[0]
