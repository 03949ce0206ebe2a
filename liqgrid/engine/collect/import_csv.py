"""Import of one file: everything in it or nothing, and nothing twice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from liqgrid.engine.collect.own_csv import CsvSource, read_csv
from liqgrid.engine.market.bars import gaps
from liqgrid.engine.market.instrument import PriceType
from liqgrid.engine.market.stream import Stream
from liqgrid.engine.store.database import Connection
from liqgrid.engine.store.provenance import claim
from liqgrid.engine.store.raw import (
    ensure_instrument,
    find_import,
    lock_instrument,
    save_bar_gaps,
    save_import,
    save_rows,
)


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did: ``bars`` in the file, ``written`` rows over all tables.

    ``within_ms`` is the time from the open of the file's first bar to the close of its last, ``gaps`` what is missing
    in between, [start, end) epoch ms; None and empty where the content had been imported before. The database records
    what is missing between all stored bars.
    """

    source: CsvSource
    bars: int
    written: int
    within_ms: tuple[int, int] | None
    gaps: list[tuple[int, int]]
    already_imported: bool


def import_csv(
    connection: Connection, source: CsvSource, on_progress: Callable[[int], None] = lambda _: None
) -> ImportReport:
    """Import a file in one transaction; a fault anywhere leaves the database as it was.

    Parameters
    ----------
    connection
        To the migrated database.
    source
        The file and what its rows are of.
    on_progress
        Called with the number of bars written so far.

    Raises
    ------
    BadData
        From ``read_csv``, naming file, line and column.
    BadSetting
        If the database holds simulated data.
    """
    stream = f"{Stream.BAR_LAST}:{source.interval}"
    with source.path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    with connection.transaction():
        claim(connection, simulated=False)
        stored = ensure_instrument(connection, source.instrument)
        lock_instrument(connection, stored.instrument_id)
        before = find_import(connection, stored.instrument_id, stream, content)
        if before is not None:
            return ImportReport(source, before, 0, None, [], already_imported=True)
        bars = written = 0
        missing: list[tuple[int, int]] = []
        first_ms = previous_ms = None
        for rows in read_csv(source):
            written += save_rows(connection, stored.instrument_id, rows)
            open_ms = rows.bars.bars.open_ms
            first_ms = int(open_ms[0]) if first_ms is None else first_ms
            if previous_ms is not None and open_ms[0] > previous_ms:
                missing.append((previous_ms, int(open_ms[0])))
            missing += gaps(open_ms, rows.bars.bars.close_ms)
            previous_ms = int(rows.bars.bars.close_ms[-1])
            bars += len(open_ms)
            on_progress(bars)
        assert first_ms is not None and previous_ms is not None  # noqa: S101, PT018 - read_csv refuses an empty file
        within_ms = (first_ms, previous_ms)
        save_bar_gaps(connection, stored.instrument_id, PriceType.LAST, within_ms, missing)
        save_import(connection, stored.instrument_id, stream, content, source.path.name, bars, within_ms)
        return ImportReport(source, bars, written, within_ms, missing, already_imported=False)
