"""Instruments and their raw rows in and out of the database; the writers of single streams are in ``streams``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from liqgrid.engine.market.bars import Bars
from liqgrid.engine.market.instrument import Instrument, PriceType, parse_instrument
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.rows import MarketRows, OpenInterestRows
from liqgrid.engine.market.strung import decode_doubles, decode_timestamps
from liqgrid.engine.market.tiers import Tier, TierSet
from liqgrid.engine.store.database import Connection
from liqgrid.engine.store.streams import (
    mark_changed,
    save_bars,
    save_liquidation_bars,
    save_long_short_ratios,
    save_open_interest,
)
from liqgrid.sql import queries

_SQL = queries("raw")


@dataclass(frozen=True, slots=True)
class StoredInstrument:
    """An instrument and its key in the database."""

    instrument_id: int
    instrument: Instrument


def lock_instrument(connection: Connection, instrument_id: int) -> None:
    """Wait until no other transaction writes or builds this instrument; held to the end of the transaction."""
    connection.execute(_SQL["lock_instrument"], [instrument_id])


def ensure_instrument(connection: Connection, instrument: Instrument) -> StoredInstrument:
    """Return the instrument's row, added if it is new."""
    pair = instrument.pair
    row = connection.execute(_SQL["ensure_instrument"], [instrument.venue, str(pair), pair.base, pair.quote]).fetchone()
    if row is None:  # another session added it after this statement's snapshot
        return ensure_instrument(connection, instrument)
    return StoredInstrument(row[0], instrument)


def list_instruments(connection: Connection) -> list[StoredInstrument]:
    """Return every stored instrument, by venue and pair."""
    return [
        StoredInstrument(row[0], parse_instrument(f"{row[1]}:{row[2]}"))
        for row in connection.execute(_SQL["list_instruments"])
    ]


def save_rows(connection: Connection, instrument_id: int, rows: MarketRows) -> int:
    """Write rows that are new or differ from what is stored; return how many were written.

    Needs a transaction that holds the instrument's lock, as every writer of ``streams`` does.
    """
    written = [
        save_bars(connection, instrument_id, rows.bars),
        save_open_interest(connection, instrument_id, rows.open_interest),
        save_long_short_ratios(connection, instrument_id, rows.long_short_ratio),
        save_liquidation_bars(connection, instrument_id, rows.bars.bars.interval, rows.liquidation_bars),
    ]
    return sum(written)


def find_import(connection: Connection, instrument_id: int, stream: str, content_sha256: str) -> int | None:
    """Return the row count of an earlier import of the same content, None if there was none.

    ``stream`` is what the file fills, ``bar:last:1m``: an import of it into another stream is another import.
    """
    row = connection.execute(_SQL["find_import"], [instrument_id, stream, content_sha256]).fetchone()
    return None if row is None else int(row[0])


def save_import(
    connection: Connection,
    instrument_id: int,
    stream: str,
    content_sha256: str,
    file_name: str,
    rows: int,
    within_ms: tuple[int, int],
) -> None:
    """Remember that a file's content was imported, and the time [start, end) it covers."""
    connection.execute(_SQL["save_import"], [instrument_id, stream, content_sha256, file_name, rows, *within_ms])


def save_bar_gaps(
    connection: Connection,
    instrument_id: int,
    price_type: PriceType,
    within_ms: tuple[int, int],
    missing_ms: list[tuple[int, int]],
) -> None:
    """Record where no bar of any interval is stored, in and next to a stretch of time [start, end).

    ``missing_ms`` are the stretches in it without bars just written; other bars may cover them. They are found between
    the bars now stored, so bars that came in any order leave the same gaps.
    """
    stream = f"bar:{price_type}"
    start_ms, end_ms = within_ms
    connection.execute(_SQL["delete_gaps"], [instrument_id, stream, start_ms, end_ms])
    for stretch_ms in [(start_ms, start_ms), *missing_ms, (end_ms, end_ms)]:
        connection.execute(_SQL["save_bar_gaps"], [instrument_id, stream, str(price_type), *stretch_ms])


def load_bars(connection: Connection, instrument_id: int, price_type: PriceType, from_ms: int) -> list[Bars]:
    """Return the stored bars of every interval that open at or after ``from_ms``, finest first."""
    stored = {(row[0], row[1]) for row in connection.execute(_SQL["bar_intervals"], [instrument_id])}
    return [
        _bars(connection, instrument_id, price_type, interval, from_ms)
        for interval in Interval
        if (str(price_type), str(interval)) in stored
    ]


def _bars(connection: Connection, instrument_id: int, price_type: PriceType, interval: Interval, from_ms: int) -> Bars:
    row = connection.execute(
        _SQL["load_bars"], [instrument_id, str(price_type), str(interval), from_ms], binary=True
    ).fetchone()
    assert row is not None  # noqa: S101 - an aggregate always has its row
    return Bars(interval, decode_timestamps(row[0]), *(decode_doubles(values) for values in row[1:]))


def load_open_interest(connection: Connection, instrument_id: int, from_ms: int) -> OpenInterestRows:
    """Return the stored samples from the one in force at ``from_ms`` on."""
    row = connection.execute(_SQL["load_open_interest"], [instrument_id, from_ms], binary=True).fetchone()
    assert row is not None  # noqa: S101 - an aggregate always has its row
    return OpenInterestRows(decode_timestamps(row[0]), decode_doubles(row[1]))


def save_tiers(connection: Connection, instrument_id: int, tier_sets: Sequence[TierSet]) -> None:
    """Store margin tiers, each dated set whole, in place of what is stored of its date.

    The instrument is marked changed from the earliest set that differs; from the beginning, where it is the first, for
    that one is assumed before its date as well.
    """
    stored = {tiers.valid_from_ms: tiers for tiers in load_tiers(connection, instrument_id)}
    differing = [tiers for tiers in tier_sets if stored.get(tiers.valid_from_ms) != tiers]
    for tiers in differing:
        connection.execute(_SQL["delete_tiers"], [instrument_id, tiers.valid_from_ms])
        for tier in tiers.tiers:
            connection.execute(_SQL["save_tier"], [instrument_id, tiers.valid_from_ms, *astuple(tier)])
    if differing:
        first_ms = min(tiers.valid_from_ms for tiers in differing)
        is_first = first_ms <= min(stored, default=first_ms)
        mark_changed(connection, instrument_id, 0 if is_first else first_ms)


def load_tiers(connection: Connection, instrument_id: int) -> tuple[TierSet, ...]:
    """Return the stored margin tiers, ascending by date."""
    sets: dict[int, list[Tier]] = {}
    for valid_from_ms, *values in connection.execute(_SQL["load_tiers"], [instrument_id]):
        sets.setdefault(valid_from_ms, []).append(Tier(*values))
    return tuple(TierSet(valid_from_ms, tuple(tiers)) for valid_from_ms, tiers in sets.items())
