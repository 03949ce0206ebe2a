"""Reads of what an answer rests on: the builds behind its columns, margin tiers, and which instruments lag."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from liqgrid.api.database import Pool
from liqgrid.engine.market.interval import Interval
from liqgrid.sql import queries

_SQL = queries("api")


@dataclass(frozen=True, slots=True)
class BuildRow:
    """What made columns of one instrument.

    ``tiers_assumed``: a default stood in for margin tiers; ``bars_without_volume`` of those this build replayed;
    ``parameters`` of the model, JSON.
    """

    build_id: int
    model_version: str
    parameters_hash: str
    formula_version: str
    finished_ms: int
    instrument_id: int
    tiers_assumed: bool
    bars_without_volume: int
    parameters: str


async def read_newest_columns(
    pool: Pool, instrument_ids: Sequence[int], interval: Interval, until_ms: int
) -> dict[int, int]:
    """Return the close of the newest column at or before ``until_ms`` of each instrument that has one."""
    rows = await pool.fetch(_SQL["newest_columns"], instrument_ids, str(interval), until_ms)
    return {row["instrument_id"]: row["close_ms"] for row in rows}


async def read_builds(pool: Pool, build_ids: set[int]) -> list[BuildRow]:
    """Return the builds, newest first."""
    rows = [BuildRow(**row) for row in await pool.fetch(_SQL["builds"], sorted(build_ids))]
    return sorted(rows, key=lambda row: -row.build_id)


async def read_first_tiers(pool: Pool, instrument_ids: Sequence[int]) -> dict[int, int]:
    """Return since when margin tiers are known, epoch ms by instrument."""
    rows = await pool.fetch(_SQL["first_tiers"], instrument_ids)
    return {row["instrument_id"]: row["valid_from_ms"] for row in rows}
