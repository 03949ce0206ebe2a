"""Series, a page at a time: bars and open interest of one instrument."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from liqgrid.api.database import Pool
from liqgrid.api.reads import InstrumentRow
from liqgrid.engine.market.arrays import F64, I64
from liqgrid.engine.market.bars import Bars, aggregate, finest_series
from liqgrid.engine.market.interval import Interval
from liqgrid.sql import queries

_SQL = queries("api")
_MOST_READ_MS = 100 * 86_400_000  # a page of bars is made of this much time: 144 000 bars of one minute


@dataclass(frozen=True, slots=True)
class SeriesPage:
    """One page of a series: times (N,) epoch ms, columns (N,) by name, and whether more follows."""

    times_ms: I64
    columns: Mapping[str, F64]
    has_next: bool


async def read_bars(
    pool: Pool, instrument: InstrumentRow, interval: Interval, from_ms: int, to_ms: int, limit: int
) -> SeriesPage:
    """Return closed bars that open in [from_ms, to_ms), put together from the finest stored ones where need be.

    A page may be short of ``limit`` where it is made of very many bars or lies beside a gap; more may still follow.
    """
    finer = [str(one) for one in Interval if one.ms <= interval.ms]
    width = min(limit, max(_MOST_READ_MS // interval.ms, 1))  # bars looked at together
    at_ms, end_ms = (-(-ms // interval.ms) * interval.ms for ms in (from_ms, to_ms))
    bars = aggregate(finest_series([]), interval)
    while not len(bars):
        first_ms = await pool.fetchval(_SQL["first_bar"], instrument.instrument_id, finer, at_ms, end_ms)
        if first_ms is None:
            break
        at_ms = first_ms // interval.ms * interval.ms
        until_ms = min(at_ms + width * interval.ms, end_ms)
        rows = await pool.fetch(_SQL["bars"], instrument.instrument_id, finer, at_ms, until_ms)
        bars = aggregate(finest_series(_stored_bars(rows)), interval)
        at_ms = until_ms
    has_next = await pool.fetchval(_SQL["first_bar"], instrument.instrument_id, finer, at_ms, end_ms) is not None
    columns = {name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume_base")}
    return SeriesPage(bars.open_ms, columns, has_next)


def _stored_bars(rows: Sequence[Any]) -> list[Bars]:
    """Return rows of bars, ascending in time, as bars by interval."""
    by_interval: dict[str, list[tuple[Any, ...]]] = {}
    for interval, *values in rows:
        by_interval.setdefault(interval, []).append(tuple(values))
    stored = []
    for interval, values in by_interval.items():
        table = np.array(values, dtype=np.float64)  # (N, 6)
        stored.append(Bars(Interval(interval), table[:, 0].astype(np.int64), *table[:, 1:].T))
    return stored


async def read_open_interest(pool: Pool, instrument: InstrumentRow, from_ms: int, to_ms: int, limit: int) -> SeriesPage:
    """Return open interest samples in [from_ms, to_ms), base units of one side."""
    rows = await pool.fetch(_SQL["open_interest"], instrument.instrument_id, from_ms, to_ms, limit + 1)
    return _page([tuple(row) for row in rows], ("ts_ms", "open_interest_base"), limit)


def _page(rows: list[tuple[float, ...]], names: tuple[str, ...], limit: int) -> SeriesPage:
    table = np.array(rows[:limit], dtype=np.float64).reshape(min(len(rows), limit), len(names))  # (N, C)
    columns = {name: np.ascontiguousarray(table[:, index]) for index, name in enumerate(names)}
    return SeriesPage(columns.pop(names[0]).astype(np.int64), columns, has_next=len(rows) > limit)
