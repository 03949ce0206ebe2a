"""Pages of a series put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from liqgrid_client.tables import SeriesTable, arrays_of

MAX_PAGE = 10_000
S = TypeVar("S", bound=SeriesTable)


def joined(pages: Sequence[S]) -> S:
    """Return pages of one series, at least one, as one."""
    if len(pages) == 1:
        return pages[0]
    columns = {name: np.concatenate([getattr(page, name) for page in pages]) for name in arrays_of(pages[0])}
    for values in columns.values():
        values.flags.writeable = False
    return replace(pages[0], **columns, page_info=pages[-1].page_info)  # type: ignore[type-var]
