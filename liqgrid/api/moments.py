"""What a moment is compared with: funding and open interest of the day before, exposure of the quarter before."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from liqgrid.api.column_rows import ColumnRow
from liqgrid.api.database import Pool
from liqgrid.api.profiles import Profile, sum_columns
from liqgrid.api.reads import largest_first
from liqgrid.engine.market.arrays import F64
from liqgrid.engine.model.exposure import Band, measure_bands
from liqgrid.engine.model.signals import WINDOW_MS, Funding, OpenInterest
from liqgrid.sql import queries

HISTORY_DAYS = 90
LEAST_COLUMNS = 30
_DAY_MS = 86_400_000
_SQL = queries("api_moment")


@dataclass(frozen=True, slots=True)
class BandPercentile:
    """Where a band lies among the same band of the past: the part of ``columns`` below it, 0 to 100, equals by half."""

    within_fraction: float
    long: float
    short: float
    imbalance: float
    columns: int
    since_ms: int


async def load_funding(pool: Pool, profile: Profile) -> Funding | None:
    """Return the funding of the leading instrument up to the profile's close; None if nothing was paid that day."""
    (row,) = await pool.fetch(_SQL["funding_days"], profile.instruments[0].instrument_id, profile.close_ms)
    return None if row["day_fraction"] is None else Funding(**row)


async def load_open_interest(pool: Pool, profile: Profile) -> OpenInterest | None:
    """Return the open interest of the leading instrument at the profile's close and a day before; None if unknown."""
    instrument_id = profile.instruments[0].instrument_id
    base = await pool.fetchval(_SQL["open_interest_at"], instrument_id, profile.close_ms)
    before_base = await pool.fetchval(_SQL["open_interest_at"], instrument_id, profile.close_ms - WINDOW_MS)
    return None if base is None else OpenInterest(base, before_base)


async def load_percentiles(
    pool: Pool, profile: Profile, within_fractions: Sequence[float]
) -> list[BandPercentile] | None:
    """Return where each band lies among those of the 90 days before; None where fewer than 30 columns are stored.

    They rest on the columns of interval 4h at midnight and noon (UTC) in which all venues of the profile's column are.
    """
    ids = sorted({column.instrument_id for column in profile.columns})
    from_ms = profile.close_ms - HISTORY_DAYS * _DAY_MS
    rows = await pool.fetch(_SQL["half_day_columns"], ids, from_ms, profile.close_ms)
    if len(rows) < LEAST_COLUMNS * len(ids):
        return None
    return await asyncio.to_thread(
        _percentiles, profile, list(within_fractions), len(ids), [ColumnRow(*row) for row in rows]
    )


def _percentiles(
    profile: Profile, within_fractions: list[float], venues: int, columns: list[ColumnRow]
) -> list[BandPercentile] | None:
    together = [list(some) for _, some in groupby(columns, key=lambda column: column.close_ms)]
    past = [
        _bands(
            sum_columns(profile.pair, profile.interval, largest_first(profile.instruments, some), some),
            within_fractions,
        )
        for some in together
        if len(some) == venues
    ]
    if len(past) < LEAST_COLUMNS:
        return None
    since_ms = next(some[0].close_ms for some in together if len(some) == venues)
    values = np.array([[_values(band) for band in bands] for bands in past])  # (N, bands, 3)
    now = _bands(profile, within_fractions)
    found = [_percentile(values[:, index], _values(band)) for index, band in enumerate(now)]
    return [
        BandPercentile(within, long, short, imbalance, len(past), since_ms)
        for within, (long, short, imbalance) in zip(within_fractions, found, strict=True)
    ]


def _bands(profile: Profile, within_fractions: list[float]) -> list[Band]:
    return measure_bands(profile.first_bin, profile.base[0], profile.base[1], profile.price, within_fractions)


def _values(band: Band) -> tuple[float, float, float]:
    return band.long_quote, band.short_quote, band.imbalance


def _percentile(past: F64, now: tuple[float, float, float]) -> list[float]:
    """Return the part of each column of ``past`` (N, 3) below ``now``, equals by half, 0 to 100."""
    percentiles: list[float] = (100 * ((past < now).mean(axis=0) + (past == now).mean(axis=0) / 2)).tolist()
    return percentiles
