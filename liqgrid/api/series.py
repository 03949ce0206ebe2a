"""Series of one instrument, a page at a time: bars, samples, and realised liquidations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from liqgrid.api.database import Pool
from liqgrid.api.reads import InstrumentRow
from liqgrid.engine.market.arrays import F64, I64
from liqgrid.engine.market.bars import Bars, aggregate, finest_series
from liqgrid.engine.market.instrument import Side
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.strung import decode_doubles, decode_timestamps
from liqgrid.sql import queries

_SQL = queries("api")
_SERIES = queries("api_series")
_MOST_READ_MS = 100 * 86_400_000  # a page of bars is made of this much time: 144 000 bars of one minute


@dataclass(frozen=True, slots=True)
class SeriesPage:
    """One page of a series: times (N,) epoch ms, columns (N,) by name, and whether more follows.

    ``end`` is the position of its last row, from which the next page goes on; None for an empty page.
    """

    times_ms: I64
    columns: Mapping[str, F64]
    has_next: bool
    end: str | None


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
        bars = aggregate(finest_series([_bars(*row) for row in rows]), interval)
        at_ms = until_ms
    has_next = await pool.fetchval(_SQL["first_bar"], instrument.instrument_id, finer, at_ms, end_ms) is not None
    columns = {name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume_base")}
    return SeriesPage(bars.open_ms, columns, has_next, _last(bars.open_ms))


def _bars(interval: str, open_ms: bytes, *columns: bytes) -> Bars:
    return Bars(Interval(interval), decode_timestamps(open_ms), *map(decode_doubles, columns))


async def read_open_interest(pool: Pool, instrument: InstrumentRow, from_ms: int, to_ms: int, limit: int) -> SeriesPage:
    """Return open interest samples in [from_ms, to_ms), base units of one side."""
    rows = await pool.fetch(_SQL["open_interest"], instrument.instrument_id, from_ms, to_ms, limit + 1)
    return _page([tuple(row) for row in rows], ("ts_ms", "open_interest_base"), limit)


async def read_funding_rates(pool: Pool, instrument: InstrumentRow, from_ms: int, to_ms: int, limit: int) -> SeriesPage:
    """Return funding rates paid in [from_ms, to_ms), fractions of notional; above 0 longs pay shorts."""
    rows = await pool.fetch(_SERIES["funding_rates"], instrument.instrument_id, from_ms, to_ms, limit + 1)
    return _page([tuple(row) for row in rows], ("ts_ms", "rate_fraction"), limit)


async def read_long_short_ratios(
    pool: Pool, instrument: InstrumentRow, from_ms: int, to_ms: int, limit: int
) -> SeriesPage:
    """Return account ratios whose period ends in [from_ms, to_ms); fractions NaN where unknown."""
    rows = await pool.fetch(_SERIES["long_short_ratios"], instrument.instrument_id, from_ms, to_ms, limit + 1)
    return _page([tuple(row) for row in rows], ("ts_ms", "ratio", "long_fraction", "short_fraction"), limit)


@dataclass(frozen=True, slots=True)
class LiquidationPosition:
    """Where a page of single liquidations ends: several may share a time, so the key stands beside it."""

    ts_us: int = -1
    key: str = ""


async def read_liquidations(
    pool: Pool, instrument: InstrumentRow, from_ms: int, to_ms: int, after: LiquidationPosition, limit: int
) -> SeriesPage:
    """Return single realised liquidations in [from_ms, to_ms) after a position, base units by side of the position."""
    rows = await pool.fetch(
        _SERIES["liquidations"], instrument.instrument_id, from_ms, to_ms, after.ts_us, after.key, limit + 1
    )
    page = _page(
        [
            (row["ts_us"] // 1000, row["price"], *_by_side(row["side"], row["amount_base"]))
            for row in rows
        ],
        ("ts_ms", "price", "long_base", "short_base"),
        limit,
    )  # fmt: skip
    if not page.end:
        return page
    last = rows[min(len(rows), limit) - 1]
    return replace(page, end=f"{last['ts_us']}:{last['liquidation_key']}")


def _by_side(side: str, amount: float) -> tuple[float, float]:
    return (amount, 0.0) if side == Side.LONG else (0.0, amount)


async def read_liquidation_bars(
    pool: Pool, instrument: InstrumentRow, interval: Interval, from_ms: int, to_ms: int, limit: int
) -> SeriesPage:
    """Return realised liquidations summed over intervals that open in [from_ms, to_ms), base units and notional.

    Only intervals something is stored of; where several sources are, the largest counts. A page may be short of
    ``limit`` beside a stretch without liquidations; more may still follow.
    """
    finer = [str(one) for one in Interval if one.ms <= interval.ms]
    width = min(limit, max(_MOST_READ_MS // interval.ms, 1))  # intervals looked at together
    at_ms, end_ms = (-(-ms // interval.ms) * interval.ms for ms in (from_ms, to_ms))
    first_ms = await pool.fetchval(_SERIES["first_liquidation"], instrument.instrument_id, finer, at_ms, end_ms)
    names = ("open_ms", "long_base", "short_base", "long_quote", "short_quote")
    if first_ms is None:
        return _page([], names, limit)
    at_ms = first_ms // interval.ms * interval.ms
    until_ms = min(at_ms + width * interval.ms, end_ms)
    rows = await pool.fetch(
        _SERIES["liquidation_bars"], instrument.instrument_id, finer, interval.ms, at_ms, until_ms
    )  # fmt: skip
    later_ms = await pool.fetchval(_SERIES["first_liquidation"], instrument.instrument_id, finer, until_ms, end_ms)
    return replace(_page([tuple(row) for row in rows], names, limit), has_next=later_ms is not None)


def _page(rows: list[tuple[float, ...]], names: tuple[str, ...], limit: int) -> SeriesPage:
    table = np.array(rows[:limit], dtype=np.float64).reshape(min(len(rows), limit), len(names))  # (N, C)
    columns = {name: np.ascontiguousarray(table[:, index]) for index, name in enumerate(names)}
    times_ms = columns.pop(names[0]).astype(np.int64)
    return SeriesPage(times_ms, columns, len(rows) > limit, _last(times_ms))


def _last(times_ms: I64) -> str | None:
    return str(int(times_ms[-1])) if len(times_ms) else None
