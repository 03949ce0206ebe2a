"""Import of files: each is looked at before anything is started, then imported whole or not at all."""

from __future__ import annotations

from pathlib import Path

from liqgrid.cli.progress import progress
from liqgrid.cli.text import duration, say, warn
from liqgrid.engine.collect.import_csv import import_csv
from liqgrid.engine.collect.own_csv import CsvSource, csv_source, read_csv
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.times import utc_range
from liqgrid.engine.store.database import Connection


def check_file(path: Path, symbol: str | None, interval: Interval | None) -> CsvSource:
    """Return what a file is, once its beginning has been read.

    Raises
    ------
    BadData, BadRequest
        If it is not there, cannot be read, or its name, header or first rows are wrong.
    """
    source = csv_source(path, symbol, interval)
    next(read_csv(source))
    return source


def import_file(connection: Connection, source: CsvSource) -> None:
    """Import a file and say what came of it; gaps are warned of.

    Raises
    ------
    BadData
        Naming file, line and column; then nothing of the file is stored.
    """
    what = f"{source.instrument} {source.interval}"
    with progress(f"importing {source.path.name}", "bars") as report:
        done = import_csv(connection, source, lambda bars: report(bars, None))
    if done.within_ms is None:
        say("import", f"{source.path.name}: already imported, {done.bars} bars of {what}")
        return
    say("import", f"{source.path.name}: {done.bars} bars of {what}, {utc_range(*done.within_ms)}")
    if done.gaps:
        warn(f"{source.path.name}: {describe_gaps(done.gaps)}")


def describe_gaps(gaps: list[tuple[int, int]]) -> str:
    """Return what is missing, for people; gaps [start, end) epoch ms, at least one."""
    longest = max(gaps, key=lambda gap: gap[1] - gap[0])
    missing = duration(sum(end - start for start, end in gaps))
    if len(gaps) == 1:
        return f"1 gap, {missing} missing: {utc_range(*longest)}; recorded, not filled in"
    return f"{len(gaps)} gaps, {missing} missing, the longest {utc_range(*longest)}; recorded, not filled in"
