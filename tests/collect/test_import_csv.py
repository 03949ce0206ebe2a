"""The import of a file: everything in it or nothing, nothing twice, and what is missing is on record."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

from liqgrid.engine.collect import import_csv as import_module
from liqgrid.engine.collect.import_csv import ImportReport, import_csv
from liqgrid.engine.collect.own_csv import CsvSource, read_csv
from liqgrid.engine.market.errors import BadData
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.store.database import Connection, connected
from liqgrid.engine.store.raw import ensure_instrument, list_instruments, lock_instrument
from tests.markets import BITCOIN, Market, market

TABLES = (
    "instrument",
    "bar",
    "open_interest",
    "long_short_ratio",
    "liquidation_bar",
    "leverage_tier",
    "collect_gap",
    "imported_file",
)
HOUR = Interval.H1.ms
Bring = Callable[[Market], ImportReport]


def contents(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    return {table: connection.execute(f"TABLE {table} ORDER BY 1, 2, 3, 4").fetchall() for table in TABLES}


def gaps(connection: Connection, stream: str = "bar:last") -> list[tuple[int, int]]:
    return connection.execute(
        "SELECT (extract(epoch FROM starts_at) * 1000)::bigint, (extract(epoch FROM ends_at) * 1000)::bigint "
        "FROM collect_gap WHERE stream = $1 ORDER BY 1",
        [stream],
    ).fetchall()


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the import read a file in many blocks."""
    monkeypatch.setattr(import_module, "read_csv", partial(read_csv, block_bytes=4_000))


@pytest.fixture
def bring(connection: Connection, tmp_path: Path) -> Bring:
    """Import a market by way of a file."""
    return lambda rows: import_csv(connection, rows.csv(tmp_path / "bars.csv"))


def test_everything_in_the_file_is_stored(connection: Connection, tmp_path: Path, small_blocks: None) -> None:
    seen: list[int] = []
    source = market(300).csv(tmp_path / "bars.csv")
    report = import_csv(connection, source, seen.append)
    assert (report.source, report.bars, report.written, report.gaps) == (source, 300, 4 * 300, [])
    assert not report.already_imported
    assert len(seen) > 5
    assert seen == sorted(seen)
    assert seen[-1] == 300
    found = contents(connection)
    assert [len(found[table]) for table in TABLES[:5]] == [1, 300, 300, 300, 300]
    (stored,) = list_instruments(connection)
    assert stored.instrument == BITCOIN


def test_the_same_file_again_writes_nothing(connection: Connection, tmp_path: Path) -> None:
    source = market(100).csv(tmp_path / "bars.csv")
    import_csv(connection, source)
    connection.execute("UPDATE instrument SET changed_from = NULL")  # as after a build
    before = contents(connection)
    again = import_csv(connection, source)
    assert (again.already_imported, again.bars, again.written, again.gaps) == (True, 100, 0, [])
    renamed = CsvSource(source.path.rename(tmp_path / "other.csv"), source.instrument, source.interval)
    assert import_csv(connection, renamed).already_imported
    assert contents(connection) == before


def test_a_file_written_differently_is_read_but_writes_nothing(connection: Connection, tmp_path: Path) -> None:
    source = market(100).csv(tmp_path / "bars.csv")
    import_csv(connection, source)
    source.path.write_text(source.path.read_text().replace("\n", "\r\n"))
    again = import_csv(connection, source)
    assert (again.already_imported, again.bars, again.written) == (False, 100, 0)


def test_what_a_file_held_is_remembered_by_instrument_and_interval(connection: Connection, tmp_path: Path) -> None:
    source = market(30).csv(tmp_path / "bars.csv")
    import_csv(connection, source)
    other = CsvSource(source.path, source.instrument, Interval.M5)
    assert import_csv(connection, other).written == 30 + 30 + 30 + 30
    rows = connection.execute('SELECT "interval", count(*) FROM bar GROUP BY 1 ORDER BY 1').fetchall()
    assert rows == [("1h", 30), ("5m", 30)]


def test_a_fault_anywhere_leaves_the_database_as_it_was(
    connection: Connection, tmp_path: Path, small_blocks: None
) -> None:
    stretch = market(400)
    import_csv(connection, stretch.rows(slice(50, 90)).csv(tmp_path / "before.csv"))
    before = contents(connection)
    source = stretch.rows(slice(0, 300)).csv(tmp_path / "bars.csv")
    good = source.path.read_text()
    for line in (3, 299, 301):  # in the first block, in the last, and the last of all
        for old, new in (("Z,", "Z,-"), ("Z,", ","), (",", ",,"), (",", ",nan,"), ("2024", "2023")):
            lines = good.splitlines(keepends=True)
            lines[line - 1] = lines[line - 1].replace(old, new, 1)
            source.path.write_text("".join(lines))
            with pytest.raises(BadData, match=rf"bars\.csv, line {line}[:,]"):
                import_csv(connection, source)
            assert contents(connection) == before
    source.path.write_text(good)
    assert import_csv(connection, source).written == 4 * (300 - 40)


def test_a_fault_in_the_first_file_leaves_not_even_the_instrument(connection: Connection, tmp_path: Path) -> None:
    with pytest.raises(BadData, match="which is above open"):
        import_csv(connection, market(10).changed("low", 9, 1e6).changed("high", 9, 1e6).csv(tmp_path / "bars.csv"))
    assert list_instruments(connection) == []


def test_a_gap_is_reported_and_recorded(connection: Connection, bring: Bring, small_blocks: None) -> None:
    rows = market(300)
    there = np.ones(300, dtype=bool)
    there[[10, 100, 101, 102, 250]] = False
    report = bring(rows.rows(there))
    wanted = [(int(rows.open_ms[a]), int(rows.open_ms[b])) for a, b in ((10, 11), (100, 103), (250, 251))]
    assert report.gaps == wanted
    assert gaps(connection) == wanted


def test_a_gap_between_two_blocks_is_found(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_blocks = partial(read_csv, block_bytes=4_000)
    rows = market(300)
    cut = len(next(in_blocks(rows.csv(tmp_path / "bars.csv"))).bars.bars)
    source = rows.rows(np.arange(300) != cut).csv(tmp_path / "bars.csv")
    assert len(next(in_blocks(source)).bars.bars) == cut
    monkeypatch.setattr(import_module, "read_csv", in_blocks)
    report = import_csv(connection, source)
    assert report.gaps == gaps(connection) == [(int(rows.open_ms[cut]), int(rows.open_ms[cut]) + HOUR)]


def test_a_gap_that_a_later_file_fills_is_gone(connection: Connection, bring: Bring) -> None:
    rows = market(100)
    begin = int(rows.open_ms[0])

    def hours(*stretches: tuple[int, int]) -> list[tuple[int, int]]:
        return [(begin + a * HOUR, begin + b * HOUR) for a, b in stretches]

    bring(rows.rows(np.r_[0:20, 40:60]))
    assert gaps(connection) == hours((20, 40))
    assert bring(rows.rows(slice(25, 30))).gaps == []
    assert gaps(connection) == hours((20, 25), (30, 40))
    bring(rows.rows(slice(15, 27)))  # over its beginning
    assert gaps(connection) == hours((30, 40))
    bring(rows.rows(slice(38, 50)))  # over its end
    assert gaps(connection) == hours((30, 38))
    assert bring(rows.rows(np.r_[31:33, 36:60])).gaps == hours((33, 36))
    assert gaps(connection) == hours((30, 31), (33, 36))
    bring(rows.rows(slice(30, 36)))
    assert gaps(connection) == []


def test_a_gap_between_two_files_is_recorded_in_either_order(connection: Connection, bring: Bring) -> None:
    rows = market(100)
    bring(rows.rows(slice(60, 70)))
    bring(rows.rows(slice(10, 20)))
    wanted = [(int(rows.open_ms[20]), int(rows.open_ms[60]))]
    assert gaps(connection) == wanted
    bring(rows.rows(slice(90, 100)))
    assert gaps(connection) == [*wanted, (int(rows.open_ms[70]), int(rows.open_ms[90]))]


def test_a_file_with_a_gap_over_stored_bars_records_none(connection: Connection, bring: Bring) -> None:
    rows = market(50)
    bring(rows)
    assert bring(rows.rows(np.r_[0:10, 20:50])).gaps != []
    assert gaps(connection) == []


def test_a_gap_that_another_interval_covers_is_none(connection: Connection, bring: Bring) -> None:
    fine = market(480, Interval.M5, start="2024-07-01T00:00:00Z")
    bring(fine.rows(np.r_[0:120, 240:480]))
    assert gaps(connection) == [(int(fine.open_ms[120]), int(fine.open_ms[240]))]
    bring(fine.aggregated(Interval.H1))
    assert gaps(connection) == []


def test_a_gap_between_files_of_two_intervals_is_recorded(connection: Connection, bring: Bring) -> None:
    hours, minutes = market(30), market(100, Interval.M5, start="2024-06-25T00:00:00Z")
    bring(minutes)
    bring(hours)
    assert gaps(connection) == [(int(hours.open_ms[-1]) + HOUR, int(minutes.open_ms[0]))]


def test_a_file_that_another_one_wrote_over_is_imported_again(connection: Connection, bring: Bring) -> None:
    first = market(50)
    second = first.changed("volume", 10, 1.0)
    assert bring(first).already_imported is False
    assert bring(second).written == 1
    assert bring(first).written == 1, "the last word is the last file's"
    assert bring(first).already_imported is True
    assert bring(first.rows(slice(0, 5))).already_imported is False


def test_an_import_waits_for_whoever_writes_the_instrument(
    connection: Connection, migrated_dsn: str, tmp_path: Path
) -> None:
    stored = ensure_instrument(connection, BITCOIN)
    connection.execute("SET lock_timeout = '200ms'")
    source = market(10).csv(tmp_path / "bars.csv")
    with connected(migrated_dsn) as other, other.transaction():
        lock_instrument(other, stored.instrument_id)
        with pytest.raises(psycopg.errors.LockNotAvailable):
            import_csv(connection, source)
    assert import_csv(connection, source).bars == 10
