"""Reads: each function is one question to the database and gives typed values, never a driver's rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from liqgrid.api.column_rows import ColumnRow
from liqgrid.api.database import Pool
from liqgrid.engine.market.errors import BadRequest, NotBuilt, UnknownPair
from liqgrid.engine.market.instrument import DOLLARS, Coin, Pair, pair_from_joined
from liqgrid.engine.market.interval import Interval
from liqgrid.sql import queries

_SQL = queries("api")


@dataclass(frozen=True, slots=True)
class InstrumentRow:
    """A stored instrument and what is known of it now; times epoch ms, None where there is nothing yet."""

    instrument_id: int
    venue: str
    pair: str
    coin: str
    quote: str
    open_interest_base: float | None
    last_bar_ms: int | None
    built_until_ms: int | None
    built_at_ms: int | None
    model_version: str | None
    parameters_hash: str | None
    formula_version: str | None
    simulated: bool


@dataclass(frozen=True, slots=True)
class BuiltInterval:
    """How many columns of an interval are stored, and between which close times."""

    interval: Interval
    columns: int
    first_ms: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class Extent:
    """When the first and the last of some columns close, how many times that are, and between which prices."""

    first_ms: int
    last_ms: int
    columns: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class GapRow:
    """A recorded missing stretch [starts_ms, ends_ms) of a stream."""

    instrument_id: int
    stream: str
    starts_ms: int
    ends_ms: int


@dataclass(frozen=True, slots=True)
class SkillRow:
    """Skill of one instrument at one interval, over bars in [starts_ms, ends_ms)."""

    venue: str
    interval: Interval
    long: float
    short: float
    long_bars: int
    short_bars: int
    starts_ms: int
    ends_ms: int
    model_version: str
    parameters_hash: str


async def read_instruments(
    pool: Pool, pairs: Sequence[str] | None = None, venue: str | None = None, coin: str | None = None
) -> list[InstrumentRow]:
    """Return instruments by pair, those of a pair with the largest open interest first."""
    rows = await pool.fetch(_SQL["instruments"], pairs, venue, coin)
    return [InstrumentRow(**row) for row in rows]


async def read_pair(pool: Pool, pair: Pair | Coin, venues: Sequence[str] | None = None) -> list[InstrumentRow]:
    """Return the instruments of one pair, or of all dollar pairs of a coin, largest open interest first.

    Raises
    ------
    UnknownPair
        If none is stored.
    BadRequest
        If a venue asked for does not have it, or the coin is a pair without its hyphen.
    """
    if isinstance(pair, Coin):
        found = [row for row in await read_instruments(pool, coin=pair.base) if row.quote in DOLLARS]
        found.sort(key=lambda row: (-(row.open_interest_base or 0.0), row.venue, row.pair))
    else:
        found = await read_instruments(pool, [str(pair)])
    if not found:
        what = "pair"
        if isinstance(pair, Coin):
            what = "coin"
            _check_not_joined(pair)
        raise UnknownPair(f"{what} {pair} is not stored here; `pairs` lists those that are", pair=str(pair))
    if venues is None:
        return found
    known = {row.venue for row in found}
    unknown = sorted(set(venues) - known)
    if unknown or not venues:
        raise BadRequest(
            f"venues of {pair} are {', '.join(sorted(known))}; asked for {', '.join(unknown) or 'none'}",
            venues=list(venues),
        )
    return [row for row in found if row.venue in venues]


def leading(instruments: Sequence[InstrumentRow]) -> InstrumentRow:
    """Return the instrument with the largest open interest, of those whose bars go on; they are ordered by it.

    One that has no bars of the newest day has stopped, and must not stand for those that have.
    """
    newest_ms = max(row.last_bar_ms or 0 for row in instruments)
    return next(row for row in instruments if (row.last_bar_ms or 0) >= newest_ms - Interval.D1.ms)


def _check_not_joined(coin: Coin) -> None:
    """Raise if a coin nobody has looks like a pair."""
    try:
        meant = pair_from_joined(coin.base)
    except BadRequest:
        return
    raise BadRequest(f"pair was {coin}; write {meant}, or a coin such as {meant.base}", pair=coin.base)


async def read_pair_page(pool: Pool, venue: str | None, coin: str | None, after: str | None, limit: int) -> list[str]:
    """Return up to ``limit`` pairs after a pair, by name."""
    return [row["pair"] for row in await pool.fetch(_SQL["pair_page"], venue, coin, after, limit)]


async def read_built_intervals(pool: Pool, instrument_ids: Sequence[int]) -> dict[int, list[BuiltInterval]]:
    """Return what is built of each instrument, finest interval first."""
    built: dict[int, list[BuiltInterval]] = {instrument_id: [] for instrument_id in instrument_ids}
    for row in await pool.fetch(_SQL["built_intervals"], instrument_ids):
        built[row["instrument_id"]].append(
            BuiltInterval(Interval(row["interval"]), row["columns"], row["first_ms"], row["last_ms"])
        )
    for intervals in built.values():
        intervals.sort(key=lambda one: one.interval.ms)
    return built


async def read_gaps(pool: Pool, instrument_ids: Sequence[int], from_ms: int, to_ms: int) -> list[GapRow]:
    """Return the recorded gaps that touch [from_ms, to_ms), earliest first, at most 1000."""
    return [GapRow(**row) for row in await pool.fetch(_SQL["gaps"], instrument_ids, from_ms, to_ms)]


async def read_newest_close(
    pool: Pool, instruments: Sequence[InstrumentRow], interval: Interval, until_ms: int | None = None
) -> int:
    """Return the newest close time of a column at or before ``until_ms``.

    Raises
    ------
    NotBuilt
        If there is none.
    """
    ids = [row.instrument_id for row in instruments]
    newest = await pool.fetchval(_SQL["newest_column"], ids, str(interval), until_ms)
    if newest is None:
        built = await read_built_intervals(pool, ids)
        have = sorted({one.interval for intervals in built.values() for one in intervals}, key=lambda one: one.ms)
        pairs = " and ".join(sorted({row.pair for row in instruments}))
        when = "yet" if until_ms is None else "at or before that time"
        raise NotBuilt(
            f"{pairs} has no {interval} column {when}; built intervals: {', '.join(have) or 'none'}",
            pair=pairs,
            interval=str(interval),
        )
    return int(newest)


async def read_extent(
    pool: Pool,
    instruments: Sequence[InstrumentRow],
    interval: Interval,
    first_ms: int,
    until_ms: int | None,
    most: int,
) -> Extent | None:
    """Return the extent of the newest ``most`` columns that close in [first_ms, until_ms], None if there are none."""
    ids = [row.instrument_id for row in instruments]
    (row,) = await pool.fetch(_SQL["extent"], ids, str(interval), first_ms, until_ms, most)
    return Extent(**row) if row["columns"] else None


async def read_columns(
    pool: Pool,
    instruments: Sequence[InstrumentRow],
    interval: Interval,
    first_ms: int,
    last_ms: int,
    bins: tuple[int, int] | None = None,
) -> list[ColumnRow]:
    """Return the columns that close in [first_ms, last_ms], ascending in time.

    With ``bins``, the first and the one after the last, they have no others.
    """
    ids = [row.instrument_id for row in instruments]
    first_bin, stop_bin = bins or (None, None)
    rows = await pool.fetch(_SQL["columns"], ids, str(interval), first_ms, last_ms, first_bin, stop_bin)
    return [ColumnRow(*row) for row in rows]


def largest_first(instruments: Sequence[InstrumentRow], columns: Sequence[ColumnRow]) -> list[InstrumentRow]:
    """Return the instruments by their open interest in the newest columns, at least one; nothing later decides."""
    newest_ms = columns[-1].close_ms
    interest = {column.instrument_id: column.open_interest_base for column in columns if column.close_ms == newest_ms}
    return sorted(instruments, key=lambda row: (-interest.get(row.instrument_id, 0.0), row.venue, row.pair))


async def read_skills(pool: Pool, pair: Pair) -> list[SkillRow]:
    """Return the stored skill of the pair's instruments."""
    rows = await pool.fetch(_SQL["skills"], str(pair))
    return [SkillRow(**{**row, "interval": Interval(row["interval"])}) for row in rows]


async def read_database_kind(pool: Pool) -> str:
    """Return what the database is, for people."""
    server = await pool.fetchval(_SQL["database_kind"])
    timescale = await pool.fetchval(_SQL["timescale_version"])
    return f"PostgreSQL {server}" + (f" with TimescaleDB {timescale}" if timescale else "")


@dataclass(frozen=True, slots=True)
class VenueRow:
    """Whether the collector can reach a venue, since when it is so, and why not."""

    venue: str
    reachable: bool
    reason: str | None
    since_ms: int


async def read_venues(pool: Pool) -> list[VenueRow]:
    """Return what collection last saw of venues, by name."""
    return [VenueRow(**row) for row in await pool.fetch(_SQL["venues"])]
