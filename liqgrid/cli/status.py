"""``liqgrid status``: what is stored and how far it is built."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from liqgrid.api.database import Pool, Reader, read_role
from liqgrid.api.jobs import FailureRow, QueueRow, read_failures, read_queues
from liqgrid.api.reads import (
    BuiltInterval,
    GapRow,
    InstrumentRow,
    SkillRow,
    VenueRow,
    read_built_intervals,
    read_database_kind,
    read_gaps,
    read_instruments,
    read_skills,
    read_venues,
)
from liqgrid.cli.reads import ask
from liqgrid.cli.text import SIMULATED_DATA, duration, say
from liqgrid.engine.market.instrument import parse_pair
from liqgrid.engine.market.stream import Stream
from liqgrid.engine.market.times import iso, utc

_END_OF_TIME_MS = 253_402_300_799_000  # 9999-12-31


@dataclass(frozen=True, slots=True)
class InstrumentStatus:
    """One instrument and what there is of it."""

    row: InstrumentRow
    built: list[BuiltInterval]
    gaps: list[GapRow]
    skills: list[SkillRow]

    @property
    def name(self) -> str:
        """Venue and pair, ``binance:BTC-USDT``."""
        return f"{self.row.venue}:{self.row.pair}"


def print_status(dsn: str, where: str, *, as_json: bool) -> None:
    """Print the state of a migrated database, ``where`` saying which it is."""
    kind, simulated, reader, venues, instruments, queues, failures = ask(dsn, _load)
    if as_json:
        jobs = {
            "queues": {one.name: {"waiting": one.waiting, "running": one.running} for one in queues},
            "failures": [_failure_as_data(one) for one in failures],
        }
        told = {
            "database": kind,
            "location": where,
            "simulated": simulated,
            "api_role": reader.name,
            "venues": [_venue_as_data(one) for one in venues],
            "jobs": jobs,
            "instruments": [_as_data(one) for one in instruments],
        }
        print(json.dumps(told))
        return
    say("database", f"{kind}, {where}")
    if simulated:
        say("", SIMULATED_DATA)
    say("api", f"reads as {reader.name}" + (", which may write; see docs/operations.md" if reader.may_write else ""))
    for venue in venues:
        say("venue", _describe_venue(venue))
    if queues:
        say("jobs", "; ".join(f"{one.name}: {one.running} running, {one.waiting} waiting" for one in queues))
    for failure in failures:
        say("failed", _described_failure(failure))
    for one in instruments:
        print()
        _print_instrument(one)
    if not instruments:
        say("", "nothing is stored yet; `liqgrid up` collects from venues, `liqgrid import FILE.csv` brings bars in")


async def _load(
    pool: Pool,
) -> tuple[str, bool, Reader, list[VenueRow], list[InstrumentStatus], list[QueueRow], list[FailureRow]]:
    rows = await read_instruments(pool)
    instruments = [await _load_instrument(pool, row) for row in rows]
    kind, simulated, reader = await read_database_kind(pool), await pool.simulated(), await read_role(pool)
    venues, queues, failures = await read_venues(pool), await read_queues(pool), await read_failures(pool)
    return kind, simulated, reader, venues, instruments, queues, failures


async def _load_instrument(pool: Pool, row: InstrumentRow) -> InstrumentStatus:
    built = await read_built_intervals(pool, [row.instrument_id])
    known = await read_gaps(pool, [row.instrument_id], 0, _END_OF_TIME_MS)
    gaps = [gap for gap in known if gap.stream == Stream.BAR_LAST]  # docs/operations.md says where the others are
    skills = [skill for skill in await read_skills(pool, parse_pair(row.pair)) if skill.venue == row.venue]
    return InstrumentStatus(row, built[row.instrument_id], gaps, skills)


def _describe_venue(venue: VenueRow) -> str:
    since = f"since {utc(venue.since_ms)} UTC"
    return f"{venue.venue}: reached {since}" if venue.reachable else f"{venue.venue}: gone {since}; {venue.reason}"


def _venue_as_data(venue: VenueRow) -> dict[str, Any]:
    return {
        "venue": venue.venue,
        "reachable": venue.reachable,
        "since": iso(venue.since_ms),
        "reason": venue.reason,
    }


def _missing_ms(gaps: list[GapRow]) -> int:
    return sum(gap.ends_ms - gap.starts_ms for gap in gaps)


def _described_failure(one: FailureRow) -> str:
    times = "once" if one.attempts == 1 else f"{one.attempts} times in a row"
    again = "" if one.retry_ms is None else f"; tried again at {utc(one.retry_ms)} UTC"
    return f"{one.task} of {one.subject}, {times}, last {utc(one.failed_ms)} UTC: {one.code}: {one.message}{again}"


def _failure_as_data(one: FailureRow) -> dict[str, Any]:
    return {
        "task": one.task,
        "subject": one.subject,
        "attempts": one.attempts,
        "code": one.code,
        "message": one.message,
        "failed_at": iso(one.failed_ms),
        "retry_at": None if one.retry_ms is None else iso(one.retry_ms),
    }


def _as_data(one: InstrumentStatus) -> dict[str, Any]:
    row = one.row
    return {
        "instrument": one.name,
        "last_bar": None if row.last_bar_ms is None else iso(row.last_bar_ms),
        "built_until": None if row.built_until_ms is None else iso(row.built_until_ms),
        "columns": {str(built.interval): built.columns for built in one.built},
        "gaps": {"count": len(one.gaps), "missing_ms": _missing_ms(one.gaps)},
        "skill": {str(skill.interval): {"long": skill.long, "short": skill.short} for skill in one.skills},
        "model_version": row.model_version,
        "parameters_hash": row.parameters_hash,
    }


def _print_instrument(one: InstrumentStatus) -> None:
    row = one.row
    columns = ", ".join(f"{built.columns} of {built.interval}" for built in one.built) or "none"
    skills = ", ".join(f"{(skill.long + skill.short) / 2:.3f} at {skill.interval}" for skill in one.skills)
    gaps = f"{len(one.gaps)}, {duration(_missing_ms(one.gaps))} missing" if one.gaps else "none"
    print(one.name)
    for label, text in (
        ("last bar", "none" if row.last_bar_ms is None else f"{utc(row.last_bar_ms)} UTC"),
        ("built", "not yet" if row.built_until_ms is None else f"until {utc(row.built_until_ms)} UTC"),
        ("columns", columns),
        ("gaps", gaps),
        ("skill", skills or "not measured"),
    ):
        say(f"  {label}", text)
