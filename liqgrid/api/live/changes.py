"""When each table was last heard to change, so that an answer can be told still right without asking the database.

The database notifies of every table that a transaction wrote to (migration 0050). An answer that was begun after the
last change of all its tables is as new as one made now. That can be told as long as this process listens; when it does
not, nothing is known.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

CHANNEL = "liqgrid_change"
# Every table that tells of its changes; what is read of others is not known to be still so.
TABLES = (
    "bar", "build", "collect_gap", "funding_rate", "grid_column", "instrument", "leverage_tier", "liquidation",
    "liquidation_bar", "long_short_ratio", "model", "open_interest", "provenance", "skill",
)  # fmt: skip
PAGE_BYTES = 8 * len(TABLES)
# What was heard of the database this long ago is still believed: a connection may die in silence.
HEARD_NS = 3_000_000_000


class Changes:
    """When tables changed, by the clock all processes of this machine share.

    ``page`` of PAGE_BYTES may be memory that several processes write to: what one has heard, all know, so that a client
    who heard of something from one is not answered by another that has yet to hear of it.
    """

    def __init__(self, page: memoryview | None = None) -> None:
        self._changed_ns = (memoryview(bytearray(PAGE_BYTES)) if page is None else page).cast("q")
        self._row_of = {table: row for row, table in enumerate(TABLES)}
        self._heard_ns = -HEARD_NS

    @staticmethod
    def now() -> int:
        """Return the time of the clock, nanoseconds."""
        return time.monotonic_ns()

    def note(self, table: str) -> None:
        """Hear of a change of a table; of one that is not known, as of all."""
        row = self._row_of.get(table)
        if row is None:
            self.note_all()
        else:
            self._changed_ns[row] = self.now()

    def note_all(self) -> None:
        """Take everything for changed: something may have been missed."""
        for row in range(len(TABLES)):
            self._changed_ns[row] = self.now()

    def heard(self, asked_ns: int) -> None:
        """Know that the database answered what it was asked at a time, and told of all that had changed by then."""
        self._heard_ns = asked_ns

    def lost(self) -> None:
        """Know nothing, until something is heard again."""
        self._heard_ns = -HEARD_NS

    @property
    def are_heard(self) -> bool:
        """Whether changes are heard of."""
        return self.now() - self._heard_ns < HEARD_NS

    def none_since(self, begun_ns: int, tables: Iterable[str] = TABLES) -> bool:
        """Whether changes are heard of and none of these tables has changed since a time."""
        return self.are_heard and all(self._changed_ns[self._row_of[table]] < begun_ns for table in tables)
