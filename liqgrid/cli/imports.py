"""Import of files: each is looked at before anything is started, then imported whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from liqgrid.cli.progress import progress
from liqgrid.cli.text import duration, say, utc_range, warn
from liqgrid.engine.collect.import_csv import import_csv
from liqgrid.engine.collect.own_csv import CsvSource, csv_source, read_csv
from liqgrid.engine.market.errors import BadData
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.store.database import Connection


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """A file whose name, header and first rows are in order; ``first_ms`` is the open of its first bar."""

    source: CsvSource
    first_ms: int


def check_file(path: Path, symbol: str | None, interval: Interval | None) -> CheckedFile:
    """Return the file, once its beginning has been read.

    Raises
    ------
    BadData, BadRequest
        If it is not there, cannot be read, or its name, header or first rows are wrong.
    """
    source = csv_source(path, symbol, interval)
    try:
        return CheckedFile(source, int(next(read_csv(source)).bars.bars.open_ms[0]))
    except OSError as error:
        raise BadData(f"{path}: cannot be read: {error.strerror}", file=str(path)) from error


def import_file(connection: Connection, file: CheckedFile) -> None:
    """Import a file and say what came of it; gaps are warned of.

    Raises
    ------
    BadData
        Naming file, line and column; then nothing of the file is stored.
    """
    source = file.source
    what = f"{source.instrument} {source.interval}"
    with progress(f"importing {source.path.name}", "bars") as report:
        done = import_csv(connection, source, lambda bars: report(bars, None))
    if done.already_imported:
        say("import", f"{source.path.name}: already imported, {done.bars} bars of {what}")
        return
    missing_ms = sum(end - start for start, end in done.gaps)
    end_ms = file.first_ms + done.bars * source.interval.ms + missing_ms  # bars and gaps cover the time between
    say("import", f"{source.path.name}: {done.bars} bars of {what}, {utc_range(file.first_ms, end_ms)}")
    if done.gaps:
        warn(f"{source.path.name}: {describe_gaps(done.gaps)}")


def describe_gaps(gaps: list[tuple[int, int]]) -> str:
    """Return what is missing, for people; gaps [start, end) epoch ms, at least one."""
    longest = max(gaps, key=lambda gap: gap[1] - gap[0])
    missing = duration(sum(end - start for start, end in gaps))
    if len(gaps) == 1:
        return f"1 gap, {missing} missing: {utc_range(*longest)}; recorded, not filled in"
    return f"{len(gaps)} gaps, {missing} missing, the longest {utc_range(*longest)}; recorded, not filled in"
