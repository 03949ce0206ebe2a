"""Import of one archive: everything in it or nothing, and nothing twice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from liqgrid.engine.collect.archive.names import Archive
from liqgrid.engine.collect.archive.read import ArchiveRows, read_archive
from liqgrid.engine.market.bars import Bars, gaps
from liqgrid.engine.market.errors import BadData
from liqgrid.engine.market.rows import BarRows
from liqgrid.engine.store.database import Connection
from liqgrid.engine.store.provenance import claim
from liqgrid.engine.store.raw import (
    ensure_instrument,
    find_import,
    list_instruments,
    lock_instrument,
    save_bar_gaps,
    save_import,
)
from liqgrid.engine.store.streams import save_bars, save_funding_rates, save_long_short_ratios, save_open_interest

_BARS_AT_ONCE = 250_000  # bounds what their bytes take on the way
_CHECKSUM = ".CHECKSUM"


@dataclass(frozen=True, slots=True)
class ArchiveReport:
    """What an import did: ``lines`` in the file, ``written`` rows over all tables; ``rows`` None where it was known.

    ``gaps`` are missing between the file's bars, [start, end) epoch ms.
    """

    archive: Archive
    lines: int
    written: int
    rows: ArchiveRows | None
    gaps: list[tuple[int, int]]


def import_archive(
    connection: Connection, archive: Archive, on_read: Callable[[int], None] = lambda _: None
) -> ArchiveReport:
    """Import an archive in one transaction; a fault anywhere leaves the database as it was.

    The file is read before the instrument is locked: one of trades takes a while, and its instrument goes on meanwhile.

    Parameters
    ----------
    connection
        To the migrated database.
    archive
        The file and what it is.
    on_read
        Called with the number of the file's bytes that have been read.

    Raises
    ------
    BadData
        Naming file, member of the zip, line, column and value; or if the file is not what its checksum says.
    BadSetting
        If the database holds simulated data.
    """
    content = _checked_hash(archive.path)
    for stored in list_instruments(connection):
        if stored.instrument == archive.instrument:
            before = find_import(connection, stored.instrument_id, archive.stream, content)
            if before is not None:
                return ArchiveReport(archive, before, 0, None, [])
    rows = read_archive(archive, on_read)
    missing: list[tuple[int, int]] = []
    with connection.transaction():
        claim(connection, simulated=False)
        instrument_id = ensure_instrument(connection, archive.instrument).instrument_id
        lock_instrument(connection, instrument_id)
        written = save_open_interest(connection, instrument_id, rows.open_interest)
        written += save_long_short_ratios(connection, instrument_id, rows.long_short_ratio)
        written += save_funding_rates(connection, instrument_id, rows.funding_rate)
        if rows.bars is not None:
            bars = rows.bars.bars
            for part in _parts(rows.bars):
                written += save_bars(connection, instrument_id, part)
            missing = gaps(bars.open_ms, bars.close_ms)
            save_bar_gaps(connection, instrument_id, rows.bars.price_type, rows.within_ms, missing)
        save_import(connection, instrument_id, archive.stream, content, archive.path.name, rows.lines, rows.within_ms)
    return ArchiveReport(archive, rows.lines, written, rows, missing)


def _checked_hash(path: Path) -> str:
    """Return the SHA-256 of a file's content, held against the checksum that may lie beside it."""
    try:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        beside = path.with_name(path.name + _CHECKSUM)
        expected = beside.read_text("ascii", "replace").split()[:1] if beside.is_file() else []
    except OSError as error:
        raise BadData(f"{path}: cannot be read: {error.strerror}", file=str(path)) from error
    if expected and expected[0].lower() != content:
        raise BadData(
            f"{path}: its SHA-256 was {content}, {beside.name} says {expected[0][:64]}; fetch it again",
            file=str(path), value=content,
        )  # fmt: skip
    return content


def _parts(rows: BarRows) -> Iterator[BarRows]:
    bars = rows.bars
    for start in range(0, len(bars), _BARS_AT_ONCE):
        part = slice(start, start + _BARS_AT_ONCE)
        columns = (bars.open_ms, bars.open, bars.high, bars.low, bars.close, bars.volume_base)
        yield replace(
            rows,
            bars=Bars(bars.interval, *(np.ascontiguousarray(values[part]) for values in columns)),  # type: ignore[arg-type]
            taker_buy_volume_base=rows.taker_buy_volume_base[part],
            trades=rows.trades[part],
            taker_buy_trades=rows.taker_buy_trades[part],
        )
