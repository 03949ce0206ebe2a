"""Series, a page at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Generic, TypeVar

from liqgrid_client.errors import bad_answer
from liqgrid_client.joining import joined
from liqgrid_client.tables import SeriesTable

S = TypeVar("S", bound=SeriesTable)


class AsyncPages(Generic[S]):
    """A series: iterate over its pages, or take ``all`` of it.

    Pages are read when they are needed, by key: rows that arrive meanwhile are neither skipped nor repeated. To go on
    later from where a page ended, give its ``page_info.end_cursor`` as ``after``.
    """

    def __init__(self, read: Callable[[str | None, str | None], Awaitable[S]], after: str | None) -> None:
        self._read = read
        self._after = after

    async def __aiter__(self) -> AsyncIterator[S]:
        """Yield page after page, at least one."""
        after, symbol = self._after, None
        while True:
            page = await self._read(after, symbol)
            yield page
            if not page.page_info.has_next_page:
                return
            after, symbol = page.page_info.end_cursor, page.symbol
            if after is None:
                raise bad_answer("more follows, and no cursor says from where")

    async def all(self) -> S:
        """Return all pages as one."""
        return joined([page async for page in self])
