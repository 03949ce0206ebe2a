"""The import of archives: everything in a file or nothing, nothing twice, the same rows from every form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

from liqgrid.engine.collect.archive import load as load_module
from liqgrid.engine.collect.archive.load import ArchiveReport, import_archive
from liqgrid.engine.collect.archive.names import Overrides, archive_of
from liqgrid.engine.collect.import_csv import import_csv
from liqgrid.engine.market.errors import BadData
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.store.database import Connection, connected
from liqgrid.engine.store.raw import ensure_instrument, list_instruments, lock_instrument
from tests.collect.archives import FUNDING_RATE, KLINES, METRICS, kline_lines, write, write_checksum
from tests.markets import BITCOIN, market

ROWS = market(500, Interval.M1)
TABLES = ("instrument", "bar", "open_interest", "long_short_ratio", "funding_rate", "collect_gap", "imported_file")
NAME = "BTCUSDT-1m-2024-06.zip"


def bring(connection: Connection, path: Path) -> ArchiveReport:
    return import_archive(connection, archive_of(path, Overrides()))


def contents(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    return {table: connection.execute(f"TABLE {table} ORDER BY 1, 2, 3, 4").fetchall() for table in TABLES}


def bars(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT price_type, ts, open, high, low, close, volume_base, taker_buy_volume_base, trades FROM bar "
        "ORDER BY 1, 2"
    ).fetchall()


def test_an_archive_stores_what_our_own_csv_stores(connection: Connection, tmp_path: Path) -> None:
    import_csv(connection, ROWS.only("open", "high", "low", "close", "volume", "buy_volume", "trades").csv(
        tmp_path / "BTCUSDT_1m.csv"))  # fmt: skip
    wanted = bars(connection)
    connection.execute("TRUNCATE bar, imported_file")
    report = bring(connection, write(tmp_path / NAME, kline_lines(ROWS), KLINES))
    assert (report.lines, report.written, report.gaps) == (500, 500, [])
    assert bars(connection) == wanted
    assert len(wanted) == 500


def test_bars_in_parts_are_the_same_bars(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_module, "_BARS_AT_ONCE", 70)
    assert bring(connection, write(tmp_path / NAME, kline_lines(ROWS), KLINES)).written == 500
    assert len(bars(connection)) == 500


def test_all_kinds_of_one_instrument(connection: Connection, tmp_path: Path) -> None:
    bring(connection, write(tmp_path / NAME, kline_lines(ROWS), KLINES))
    bring(connection, write(tmp_path / "markPriceKlines" / NAME, kline_lines(ROWS, mark=True), KLINES))
    metrics = "2024-06-20 00:00:00,BTCUSDT,2.5,100,1,1,1.5,1"
    bring(connection, write(tmp_path / "BTCUSDT-metrics-2024-06-20.zip", [metrics], METRICS))
    funding = write(tmp_path / "BTCUSDT-fundingRate-2024-06.zip", ["1717200000000,8,0.0001"], FUNDING_RATE)
    assert bring(connection, funding).written == 1
    found = contents(connection)
    assert [len(found[table]) for table in TABLES] == [1, 1000, 1, 1, 1, 0, 4]
    streams = connection.execute("SELECT stream FROM imported_file ORDER BY 1").fetchall()
    assert streams == [("bar:last:1m",), ("bar:mark:1m",), ("fundingRate",), ("metrics",)]


def test_the_same_archive_again_writes_nothing(connection: Connection, tmp_path: Path) -> None:
    path = write(tmp_path / NAME, kline_lines(ROWS), KLINES)
    bring(connection, path)
    before = contents(connection)
    again = bring(connection, path)
    assert (again.rows, again.lines, again.written) == (None, 500, 0)
    plain = bring(connection, write(tmp_path / "BTCUSDT-1m-2024-06.csv", kline_lines(ROWS, 1000)))
    assert plain.written == 0, "other bytes, the same bars"
    found = contents(connection)
    assert len(found.pop("imported_file")) == 2
    assert all(found[table] == before[table] for table in found)


def test_a_fault_leaves_the_database_as_it_was(connection: Connection, tmp_path: Path) -> None:
    lines = kline_lines(ROWS)
    broken = [*lines[:-1], lines[-1].replace(",", ",-", 1)]
    with pytest.raises(BadData, match="line 501, column open"):
        bring(connection, write(tmp_path / NAME, broken, KLINES))
    assert list_instruments(connection) == []
    bring(connection, write(tmp_path / NAME, lines[:300], KLINES))
    before = contents(connection)
    with pytest.raises(BadData):
        bring(connection, write(tmp_path / NAME, broken, KLINES))
    assert contents(connection) == before


def test_a_database_that_goes_away_in_the_middle_leaves_nothing(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise psycopg.OperationalError("gone")

    monkeypatch.setattr(load_module, "save_import", fail)
    with pytest.raises(psycopg.OperationalError):
        bring(connection, write(tmp_path / NAME, kline_lines(ROWS), KLINES))
    assert bars(connection) == []
    assert list_instruments(connection) == []


def test_a_file_that_is_not_what_its_checksum_says_is_refused(connection: Connection, tmp_path: Path) -> None:
    path = write(tmp_path / NAME, kline_lines(ROWS), KLINES)
    write_checksum(path, b"another file")
    with pytest.raises(BadData, match=r"its SHA-256 was \w{64}, BTCUSDT-1m-2024-06\.zip\.CHECKSUM says \w{64}"):
        bring(connection, path)
    write_checksum(path)
    assert bring(connection, path).written == 500


def test_gaps_are_reported_and_recorded(connection: Connection, tmp_path: Path) -> None:
    there = np.ones(500, dtype=bool)
    there[100:110] = False
    report = bring(connection, write(tmp_path / NAME, kline_lines(ROWS.rows(there)), KLINES))
    assert report.gaps == [(int(ROWS.open_ms[100]), int(ROWS.open_ms[110]))]
    assert connection.execute("SELECT stream, ends_at - starts_at FROM collect_gap").fetchall()[0][0] == "bar:last"
    bring(connection, write(tmp_path / "BTCUSDT-1m-2024-06-20.zip", kline_lines(ROWS), KLINES))
    assert contents(connection)["collect_gap"] == []


def test_an_instrument_is_marked_changed_from_the_first_row(connection: Connection, tmp_path: Path) -> None:
    bring(connection, write(tmp_path / NAME, kline_lines(ROWS), KLINES))
    connection.execute("UPDATE instrument SET changed_from = NULL")  # as after a build
    changed = ROWS.changed("volume", 400, 9_999.0)
    assert bring(connection, write(tmp_path / NAME, kline_lines(changed), KLINES)).written == 1
    row = connection.execute("SELECT (extract(epoch FROM changed_from) * 1000)::bigint FROM instrument").fetchone()
    assert row == (int(ROWS.open_ms[400]),)


def test_an_import_waits_for_whoever_writes_the_instrument(
    connection: Connection, migrated_dsn: str, tmp_path: Path
) -> None:
    path = write(tmp_path / NAME, kline_lines(ROWS), KLINES)
    stored = ensure_instrument(connection, BITCOIN)
    connection.execute("SET lock_timeout = '200ms'")
    with connected(migrated_dsn) as other, other.transaction():
        lock_instrument(other, stored.instrument_id)
        with pytest.raises(psycopg.errors.LockNotAvailable):
            bring(connection, path)
    assert bring(connection, path).written == 500
