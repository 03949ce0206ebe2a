"""``liqgrid import binance``: public archives, each whole or not at all, folders of them in one go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from liqgrid.cli.imports import describe_gaps
from liqgrid.cli.progress import progress
from liqgrid.cli.text import say, warn
from liqgrid.engine.collect.archive.load import ArchiveReport, import_archive
from liqgrid.engine.collect.archive.names import Archive, ArchiveKind, Overrides, find_archives
from liqgrid.engine.market.errors import BadData
from liqgrid.engine.market.instrument import parse_instrument
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.times import utc_range
from liqgrid.engine.store.database import Connection

_KB = 1024


@dataclass(slots=True)
class _Sum:
    """What came of the files of one instrument and stream."""

    files: int = 0
    known: int = 0
    lines: int = 0
    written: int = 0
    repeated: int = 0
    unknown: int = 0
    missing_trades: int = 0
    first_ms: int | None = None
    last_ms: int = 0


def check_archives(
    paths: Sequence[Path], symbol: str | None, kind: ArchiveKind | None, interval: Interval | None
) -> list[Archive]:
    """Return the archives in files and folders; what lies there besides is warned of.

    Raises
    ------
    BadData
        If a named file is not there or is none, or there are none at all.
    """
    instrument = None if symbol is None else parse_instrument(symbol)
    archives, passed_over = find_archives(paths, Overrides(instrument, kind, interval))
    if passed_over:
        warn(f"{len(passed_over)} other files are passed over; the first: {passed_over[0][1]}")
    return archives


def import_archives(connection: Connection, archives: Sequence[Archive]) -> list[BadData]:
    """Import each archive and say what came of it; a faulty one is warned of, and the others go on.

    Returns
    -------
    list
        What kept some from being imported.
    """
    failures: list[BadData] = []
    sums: dict[tuple[str, str], _Sum] = {}
    sizes = [archive.path.stat().st_size for archive in archives]
    total_kb = sum(sizes) // _KB
    before = 0
    with progress(f"importing {len(archives)} archives", "kB") as report:
        for archive, size in zip(archives, sizes, strict=True):

            def on_read(read: int, before: int = before) -> None:
                report((before + read) // _KB, total_kb)

            try:
                done = import_archive(connection, archive, on_read)
            except BadData as error:
                warn(f"not imported: {error.message}")
                failures.append(error)
            else:
                _add(sums.setdefault((str(archive.instrument), archive.stream), _Sum()), done)
            before += size
            report(before // _KB, total_kb)
    for (instrument, stream), one in sums.items():
        say("import", _described(instrument, stream, one))
    return failures


def _add(one: _Sum, done: ArchiveReport) -> None:
    one.files += 1
    one.lines += done.lines
    one.written += done.written
    if done.rows is None:
        one.known += 1
        return
    start_ms, end_ms = done.rows.within_ms
    one.first_ms = start_ms if one.first_ms is None else min(one.first_ms, start_ms)
    one.last_ms = max(one.last_ms, end_ms)
    one.repeated += done.rows.repeated
    one.unknown += done.rows.unknown
    one.missing_trades += done.rows.missing_trades
    if done.gaps:
        warn(f"{done.archive.path.name}: {describe_gaps(done.gaps)}")


def _described(instrument: str, stream: str, one: _Sum) -> str:
    parts = [f"{instrument} {stream}: {one.lines:,} rows of {one.files} files, {one.written:,} new or changed"]
    if one.first_ms is not None:
        parts.append(utc_range(one.first_ms, one.last_ms))
    for count, text in (
        (one.known, "files were imported before"),
        (one.repeated, "rows repeat others"),
        (one.unknown, "rows have no open interest"),
        (one.missing_trades, "trade ids are missing, so the bars of their time are a floor"),
    ):
        if count:
            parts.append(f"{count:,} {text}")
    return "; ".join(parts)
