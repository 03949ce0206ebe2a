"""How far collection has come: cursors and gaps of each stream, contracts, and which venues answer."""

from __future__ import annotations

from dataclasses import dataclass

from liqgrid.engine.market.stream import Stream
from liqgrid.engine.store.database import Connection
from liqgrid.sql import queries

_SQL, _RAW = queries("collect"), queries("raw")


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time [start_ms, end_ms), epoch milliseconds."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch without rows, how often it was asked for again, and how long ago that was (or it was found)."""

    span: Span
    attempts: int
    waited_ms: int


@dataclass(frozen=True, slots=True)
class VenueStatus:
    """Whether a venue can be reached since ``since_ms``; ``reason`` says why not."""

    venue: str
    reachable: bool
    reason: str | None
    since_ms: int


def load_cursors(connection: Connection, instrument_id: int) -> dict[Stream, Span]:
    """Return over which time each stream has been collected.

    All of a span was asked for: what is not stored in it is a gap, or lies before the instrument's first row.
    """
    return {
        Stream(stream): Span(start_ms, end_ms)
        for stream, start_ms, end_ms in connection.execute(_SQL["load_cursors"], [instrument_id])
    }


def extend_cursor(connection: Connection, instrument_id: int, stream: Stream, span: Span) -> None:
    """Remember that a span of a stream was collected too; in the transaction that writes its rows.

    It must touch what was collected before, for a cursor is one span.
    """
    connection.execute(_SQL["extend_cursor"], [instrument_id, str(stream), span.start_ms, span.end_ms])


def load_gaps(connection: Connection, instrument_id: int, stream: Stream) -> list[Gap]:
    """Return a stream's gaps, earliest first."""
    rows = connection.execute(_SQL["load_gaps"], [instrument_id, str(stream)])
    return [Gap(Span(start_ms, end_ms), attempts, waited_ms) for start_ms, end_ms, attempts, waited_ms in rows]


def record_gap(connection: Connection, instrument_id: int, stream: Stream, span: Span) -> None:
    """Remember that a stream lacks rows over a span; of bars ``raw.save_bar_gaps`` finds it by itself."""
    connection.execute(_SQL["record_gap"], [instrument_id, str(stream), span.start_ms, span.end_ms])


def save_sample_gaps(connection: Connection, instrument_id: int, stream: Stream, within: Span, step_ms: int) -> None:
    """Record where samples of open interest or of ratios lie over one and a half steps apart, in and next to a span.

    They are found between the samples now stored, so samples that came in any order leave the same gaps.
    """
    name = str(stream)
    connection.execute(_RAW["delete_gaps"], [instrument_id, name, within.start_ms, within.end_ms])
    connection.execute(_SQL[f"save_{name}_gaps"], [instrument_id, within.start_ms, within.end_ms, step_ms])


def note_attempts(connection: Connection, instrument_id: int, stream: Stream, span: Span, attempts: int) -> None:
    """Remember that what is still missing in a span was asked for now, for the ``attempts``-th time."""
    connection.execute(_SQL["note_attempts"], [instrument_id, str(stream), span.start_ms, span.end_ms, attempts])


def save_contract(
    connection: Connection, instrument_id: int, symbol: str, contract_size: float, *, linear: bool
) -> None:
    """Store how a venue spells an instrument and what a contract is: base units, or quote units where inverse."""
    connection.execute(_SQL["save_contract"], [instrument_id, symbol, linear, contract_size])


def save_venue_status(connection: Connection, venue: str, reason: str | None) -> None:
    """Store that a venue can be reached, or why it cannot."""
    connection.execute(_SQL["save_venue_status"], [venue, reason is None, reason])


def load_venue_status(connection: Connection) -> list[VenueStatus]:
    """Return what is known of venues, by name."""
    return [VenueStatus(*row) for row in connection.execute(_SQL["load_venue_status"])]
