"""The vendor's ranges and intervals in ours."""

from __future__ import annotations

from dataclasses import dataclass

from liqgrid.api.database import Pool
from liqgrid.api.reads import InstrumentRow, read_built_intervals, read_newest_close
from liqgrid.engine.market.errors import NotBuilt
from liqgrid.engine.market.interval import Interval

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS

# How long each range is, and the interval it is answered in: some 150 to 550 columns.
RANGES = {
    "12h": (12 * _HOUR_MS, Interval.M5),
    "24h": (_DAY_MS, Interval.M5),
    "1d": (_DAY_MS, Interval.M5),
    "48h": (2 * _DAY_MS, Interval.M15),
    "3d": (3 * _DAY_MS, Interval.M15),
    "7d": (7 * _DAY_MS, Interval.H1),
    "14d": (14 * _DAY_MS, Interval.H1),
    "30d": (30 * _DAY_MS, Interval.H4),
    "90d": (90 * _DAY_MS, Interval.H4),
    "180d": (180 * _DAY_MS, Interval.D1),
    "1y": (365 * _DAY_MS, Interval.D1),
}
HEATMAP_RANGES = ("12h", "24h", "3d", "7d", "30d", "90d", "180d", "1y")
MAP_RANGES = ("1d", "7d", "30d")
MAX_PAIN_RANGES = ("12h", "24h", "48h", "3d", "7d", "14d", "30d")
TOTAL_HOURS = {"1h": 1, "4h": 4, "12h": 12, "24h": 24}


@dataclass(frozen=True, slots=True)
class Span:
    """Columns of an interval that close in (newest − range, newest]: a range ends where the stored grid does."""

    interval: Interval
    first_ms: int
    newest_ms: int


async def span_of(pool: Pool, instruments: list[InstrumentRow], named: str) -> Span:
    """Return the columns of a range, in its interval or the next coarser one that is built.

    Raises
    ------
    NotBuilt
        If none is.
    """
    length_ms, wanted = RANGES[named]
    built = await read_built_intervals(pool, [row.instrument_id for row in instruments])
    have = {one.interval for intervals in built.values() for one in intervals}
    for interval in Interval:
        if interval.ms >= wanted.ms and interval in have:
            newest_ms = await read_newest_close(pool, instruments, interval)
            return Span(interval, newest_ms - length_ms + 1, newest_ms)
    raise NotBuilt(f"range was {named!r}; no grid of {wanted} or coarser is built", parameter="range", value=named)


@dataclass(frozen=True, slots=True)
class Buckets:
    """Stretches of time that history is summed over: ``parts`` of one of our intervals, from ``offset_ms`` on."""

    interval: Interval
    parts: int
    offset_ms: int = 0

    @property
    def ms(self) -> int:
        """Length of a bucket."""
        return self.interval.ms * self.parts

    def open_of(self, ts_ms: int) -> int:
        """Return when the bucket of a time opens."""
        return (ts_ms - self.offset_ms) // self.ms * self.ms + self.offset_ms


BUCKETS = {
    "1m": Buckets(Interval.M1, 1),
    "3m": Buckets(Interval.M1, 3),
    "5m": Buckets(Interval.M5, 1),
    "15m": Buckets(Interval.M15, 1),
    "30m": Buckets(Interval.M15, 2),
    "1h": Buckets(Interval.H1, 1),
    "4h": Buckets(Interval.H4, 1),
    "6h": Buckets(Interval.H1, 6),
    "8h": Buckets(Interval.H4, 2),
    "12h": Buckets(Interval.H4, 3),
    "1d": Buckets(Interval.D1, 1),
    "1w": Buckets(Interval.D1, 7, 4 * _DAY_MS),  # 1970-01-05 was a Monday
}
