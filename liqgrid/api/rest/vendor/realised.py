"""Realised liquidations in the vendor's shapes: history, and totals of the last hours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from liqgrid.api.database import Pool
from liqgrid.api.reads import InstrumentRow
from liqgrid.api.rest.vendor.names import exchange_name
from liqgrid.api.rest.vendor.ranges import TOTAL_HOURS, Buckets
from liqgrid.api.series import read_liquidation_bars
from liqgrid.engine.market.arrays import F64, I64
from liqgrid.engine.market.errors import BadRequest
from liqgrid.engine.market.interval import Interval
from liqgrid.sql import queries

_SQL = queries("api_rest")
_AT_ONCE = 10_000
_HOUR_MS = 3_600_000
_LATEST_MS = 253_402_300_799_000
_HOURLY = Buckets(Interval.H1, 1)


@dataclass(frozen=True, slots=True)
class Sums:
    """Liquidated notional by side over stretches that open at ``open_ms``, all (N,)."""

    open_ms: I64
    long_quote: F64
    short_quote: F64


async def history(
    pool: Pool, instruments: list[InstrumentRow], buckets: Buckets, start_ms: int | None, end_ms: int | None, limit: int
) -> Sums:
    """Return the first ``limit`` buckets from a start, or the last before an end or the newest liquidation.

    Only buckets something is stored of.
    """
    until_ms = await _newest(pool, instruments) if end_ms is None else min(end_ms, _LATEST_MS)
    if until_ms is None:
        return Sums(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
    stop_ms = buckets.open_of(until_ms) + buckets.ms
    from_ms = stop_ms - limit * buckets.ms if start_ms is None else buckets.open_of(min(start_ms, _LATEST_MS))
    if start_ms is not None:
        if end_ms is not None and start_ms >= end_ms:
            raise BadRequest(f"start_time was {start_ms}; it must be before end_time, which was {end_ms}")
        stop_ms = min(stop_ms, from_ms + limit * buckets.ms)
    found = [await _sums(pool, row, buckets, max(from_ms, 0), stop_ms) for row in instruments]
    return _added(found)


async def _newest(pool: Pool, instruments: list[InstrumentRow]) -> int | None:
    newest: int | None = await pool.fetchval(
        _SQL["newest_liquidation"], [row.instrument_id for row in instruments]
    )  # fmt: skip
    return newest


async def _sums(pool: Pool, instrument: InstrumentRow, buckets: Buckets, from_ms: int, to_ms: int) -> Sums:
    """Return one instrument's liquidations by bucket."""
    parts: list[Sums] = []
    while True:
        page = await read_liquidation_bars(pool, instrument, buckets.interval, from_ms, to_ms, _AT_ONCE)
        parts.append(Sums(page.times_ms, page.columns["long_quote"], page.columns["short_quote"]))
        if not page.has_next:
            break
        from_ms = int(page.times_ms[-1]) + 1
    joined = _joined(parts)
    opens = (joined.open_ms - buckets.offset_ms) // buckets.ms * buckets.ms + buckets.offset_ms
    return _added([Sums(opens, joined.long_quote, joined.short_quote)])


def _joined(parts: list[Sums]) -> Sums:
    return Sums(
        np.concatenate([part.open_ms for part in parts]),
        np.concatenate([part.long_quote for part in parts]),
        np.concatenate([part.short_quote for part in parts]),
    )


def _added(parts: list[Sums]) -> Sums:
    """Return sums with those that open together added up, ascending."""
    joined = _joined(parts)
    opens, at = np.unique(joined.open_ms, return_inverse=True)
    long, short = np.zeros(len(opens)), np.zeros(len(opens))
    np.add.at(long, at, np.nan_to_num(joined.long_quote))
    np.add.at(short, at, np.nan_to_num(joined.short_quote))
    return Sums(opens, long, short)


async def coin_totals(pool: Pool, instruments: list[InstrumentRow]) -> list[dict[str, Any]]:
    """Return each coin's liquidations of the last 24, 12, 4 and 1 hours, the largest first."""
    last = await _last_day(pool, instruments)
    totals = []
    for coin in sorted({row.coin for row in instruments}):
        answer: dict[str, Any] = {"symbol": coin}
        for name, hours in reversed(TOTAL_HOURS.items()):
            answer |= _by_side(last.total([row for row in instruments if row.coin == coin], hours), f"_{name}")
        totals.append(answer)
    return sorted(totals, key=lambda one: -one["liquidation_usd_24h"])


async def exchange_totals(pool: Pool, instruments: list[InstrumentRow], hours: int) -> list[dict[str, Any]]:
    """Return each exchange's liquidations of the last hours after those of all, the largest first."""
    last = await _last_day(pool, instruments)
    totals: list[dict[str, Any]] = [
        {
            "exchange": exchange_name(venue),
            **_by_side(last.total([row for row in instruments if row.venue == venue], hours)),
        }
        for venue in sorted({row.venue for row in instruments})
    ]
    ranked = sorted(totals, key=lambda one: -one["liquidation_usd"])
    return [{"exchange": "All", **_by_side(last.total(instruments, hours))}, *ranked]


@dataclass(frozen=True, slots=True)
class _LastDay:
    """Hourly sums by instrument, of the 24 hours that end with the hour of the newest liquidation."""

    stop_ms: int
    sums: Mapping[int, Sums]

    def total(self, instruments: list[InstrumentRow], hours: int) -> tuple[float, float]:
        """Return what was liquidated of longs and shorts in the last hours."""
        long = short = 0.0
        for row in instruments:
            sums = self.sums[row.instrument_id]
            within = sums.open_ms >= self.stop_ms - hours * _HOUR_MS
            long += float(sums.long_quote[within].sum())
            short += float(sums.short_quote[within].sum())
        return long, short


async def _last_day(pool: Pool, instruments: list[InstrumentRow]) -> _LastDay:
    newest_ms = await _newest(pool, instruments)
    stop_ms = 0 if newest_ms is None else _HOURLY.open_of(newest_ms) + _HOUR_MS
    start_ms = max(stop_ms - 24 * _HOUR_MS, 0)
    return _LastDay(
        stop_ms,
        {row.instrument_id: await _sums(pool, row, _HOURLY, start_ms, stop_ms) for row in instruments},
    )


def _by_side(total: tuple[float, float], suffix: str = "") -> Mapping[str, float]:
    long, short = total
    return {
        f"liquidation_usd{suffix}": long + short,
        f"long_liquidation_usd{suffix}": long,
        f"short_liquidation_usd{suffix}": short,
    }
