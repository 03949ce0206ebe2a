"""Pictures of grids, drawn one at a time in a thread, the newest few kept by the tag of their build."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from liqgrid.api.grids import Grid

_KEPT = 32  # of about 300 kB each


class Pictures:
    """Pictures by tag. Of many that ask for one at once, the first has it drawn and the others wait.

    One is drawn at a time, which leaves the other cores to answers that are quicker.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._drawing = asyncio.Lock()

    async def of(self, tag: str | None, load: Callable[[], Awaitable[Grid]]) -> bytes:
        """Return the picture a tag stands for, of the grid that ``load`` gives if it is not kept."""
        async with self._drawing:
            if tag is not None and tag in self._kept:
                self._kept.move_to_end(tag)
                return self._kept[tag]
            grid = await load()
            picture = await asyncio.to_thread(_draw, grid)
            if tag is not None:
                self._kept[tag] = picture
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            return picture


def _draw(grid: Grid) -> bytes:
    from liqgrid.api.heatmap import draw, to_heatmap  # noqa: PLC0415 - half a second that only pictures need

    return draw(to_heatmap(grid), "png")
