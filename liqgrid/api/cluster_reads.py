"""Reads behind clusters: leverage shares, earlier columns, and where the liquidating price went between two times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from liqgrid.api.column_rows import ColumnRow
from liqgrid.api.database import Pool
from liqgrid.engine.market.arrays import F32, U8
from liqgrid.engine.market.axis import MAX_PRICE, MIN_PRICE
from liqgrid.engine.market.errors import NotBuilt
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.span import decode_shares, decode_span
from liqgrid.sql import queries

_SQL = queries("api_clusters")


@dataclass(frozen=True, slots=True)
class Shares:
    """Leverage classes (J,) of one instrument's column, and the parts of each in 255ths, (2, J, SHARE_BLOCKS)."""

    leverages: tuple[float, ...]
    parts: U8


@dataclass(frozen=True, slots=True)
class Reached:
    """Range of the liquidating price over some time, quote per base; NOWHERE if no column says."""

    lowest: float
    highest: float


NOWHERE = Reached(MAX_PRICE, MIN_PRICE)


@dataclass(frozen=True, slots=True)
class EarlierSide:
    """One side of an earlier column: base units per bin from ``first_bin``; ``log_kept`` see ``ColumnSide``."""

    first_bin: int
    base: F32
    log_kept: float


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier column, long and short, and where the liquidating price went since."""

    sides: tuple[EarlierSide, EarlierSide]
    reached: Reached


def covering(interval: Interval) -> list[str]:
    """Return the intervals whose columns tell of the past of one's column: its own, and those kept for long."""
    return sorted({str(one) for one in (interval, Interval.H1, Interval.H4, Interval.D1)})


async def read_shares(pool: Pool, columns: Sequence[ColumnRow], interval: Interval) -> dict[int, Shares]:
    """Return the leverage shares of columns of one time, by instrument.

    Raises
    ------
    NotBuilt
        If a newer build replaced one of them meanwhile.
    """
    ids = [column.instrument_id for column in columns]
    builds = [column.build_id for column in columns]
    rows = await pool.fetch(_SQL["leverage_shares"], ids, str(interval), columns[0].close_ms, builds)
    if len(rows) < len(columns):
        raise NotBuilt("these columns were just replaced by a newer build; ask again")
    shares = {}
    for row in rows:
        leverages = tuple(float(one) for one in orjson.loads(row["leverages"]))
        shares[row["instrument_id"]] = Shares(leverages, decode_shares(row["shares"], len(leverages)))
    return shares


async def read_earlier(
    pool: Pool, instrument_ids: Sequence[int], interval: Interval, before_ms: Sequence[int], until_ms: int
) -> dict[tuple[int, int], Earlier]:
    """Return, by instrument and time, the newest column by then and where the price went from there to ``until_ms``.

    Where nothing is stored by a time, it is left out.
    """
    rows = await pool.fetch(_SQL["earlier_columns"], instrument_ids, covering(interval), before_ms, until_ms)
    return {
        (row["instrument_id"], row["before_ms"]): Earlier(
            (
                EarlierSide(
                    row["long_first_bin"], decode_span(row["long"], row["long_exponent"]), row["long_log_kept"]
                ),
                EarlierSide(
                    row["short_first_bin"], decode_span(row["short"], row["short_exponent"]), row["short_log_kept"]
                ),
            ),
            NOWHERE if row["mark_low"] is None else Reached(row["mark_low"], row["mark_high"]),
        )
        for row in rows
    }


async def read_reached(
    pool: Pool, instrument_ids: Sequence[int], interval: Interval, after_ms: int, until_ms: int
) -> dict[int, Reached]:
    """Return where the liquidating price of each instrument went from one time to another."""
    rows = await pool.fetch(_SQL["reached"], instrument_ids, covering(interval), after_ms, until_ms)
    return {row["instrument_id"]: Reached(row["mark_low"], row["mark_high"]) for row in rows}


async def read_column_keys(
    pool: Pool, instrument_ids: Sequence[int], interval: Interval, first_ms: int, last_ms: int, most: int
) -> list[tuple[int, tuple[int, ...]]]:
    """Return close time and builds of the newest ``most`` columns in [first_ms, last_ms], the newest first."""
    rows = await pool.fetch(_SQL["column_keys"], instrument_ids, str(interval), first_ms, last_ms, most)
    return [(row["close_ms"], tuple(row["build_ids"])) for row in rows]
