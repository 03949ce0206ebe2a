"""``liqgrid import binance`` as a person meets it: folders, faults, and what is said of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from liqgrid.engine.market.interval import Interval
from tests.cli.conftest import Inside, Liqgrid
from tests.collect.archives import FUNDING_RATE, KLINES, METRICS, kline_lines, write, write_checksum
from tests.conftest import NewDatabase
from tests.markets import market

UM = "data/futures/um/monthly"
DAYS = [market(1440, Interval.M1, start=f"2024-06-2{day}T00:00:00Z", seed=day) for day in range(2)]
METRIC_LINES = [f"2024-06-20 {hour:02}:00:00,BTCUSDT,{80_000 + hour},1,1,1,1.5,1" for hour in range(24)]


@pytest.fixture
def archives(tmp_path: Path) -> Path:
    folder = tmp_path / "downloads"
    for day, rows in enumerate(DAYS):
        name = f"{UM}/klines/BTCUSDT/1m/BTCUSDT-1m-2024-06-2{day}.zip"
        write_checksum(write(folder / name, kline_lines(rows), KLINES if day else None))
    mark = f"{UM}/markPriceKlines/BTCUSDT/1m/BTCUSDT-1m-2024-06-20.zip"
    write(folder / mark, kline_lines(DAYS[0], mark=True), KLINES)
    write(folder / f"{UM}/metrics/BTCUSDT/BTCUSDT-metrics-2024-06-20.zip", METRIC_LINES, METRICS)
    write(folder / f"{UM}/fundingRate/BTCUSDT/BTCUSDT-fundingRate-2024-06.zip", ["1717200000000,8,1e-4"], FUNDING_RATE)
    write(folder / f"{UM}/trades/BTCUSDT/BTCUSDT-trades-2024-06.zip", ["1,2,3"])
    return folder


def test_a_folder_is_imported_and_built(new_database: NewDatabase, liqgrid: Liqgrid, archives: Path) -> None:
    with new_database() as dsn:
        liqgrid.run("migrate", LIQGRID_DSN=dsn)
        first = liqgrid.run("import", "binance", archives, LIQGRID_DSN=dsn)
        assert first.returncode == 0, first.stderr
        assert first.stdout.splitlines() == [
            "import     binance:BTC-USDT fundingRate: 1 rows of 1 files, 1 new or changed; "
            "2024-06-01 00:00 … 2024-06-01 00:00 UTC",
            "import     binance:BTC-USDT bar:last:1m: 2,880 rows of 2 files, 2,880 new or changed; "
            "2024-06-20 00:00 … 2024-06-22 00:00 UTC",
            "import     binance:BTC-USDT bar:mark:1m: 1,440 rows of 1 files, 1,440 new or changed; "
            "2024-06-20 00:00 … 2024-06-21 00:00 UTC",
            "import     binance:BTC-USDT metrics: 24 rows of 1 files, 48 new or changed; "
            "2024-06-20 00:00 … 2024-06-20 23:00 UTC",
        ]
        assert "warning: 1 other files are passed over; the first: " in first.stderr
        assert "importing 6 archives" not in first.stdout
        again = liqgrid.run("import", "binance", archives, LIQGRID_DSN=dsn)
        assert again.returncode == 0
        assert all("files were imported before" in line for line in again.stdout.splitlines())
        built = liqgrid.run("build", LIQGRID_DSN=dsn)
        assert built.returncode == 0, built.stderr
        (status,) = json.loads(liqgrid.run("status", "--json", LIQGRID_DSN=dsn).stdout)["instruments"]
        assert status["built_until"] == "2024-06-22T00:00:00Z"
        assert status["columns"]["1h"] == 48


def test_a_faulty_file_is_named_and_the_others_are_imported(
    new_database: NewDatabase, liqgrid: Liqgrid, archives: Path
) -> None:
    bad = write(archives / "BTCUSDT-1m-2024-07-01.csv", ["1719792000000,1,2,3"])
    with new_database() as dsn:
        liqgrid.run("migrate", LIQGRID_DSN=dsn)
        result = liqgrid.run("import", "binance", archives, LIQGRID_DSN=dsn)
        assert result.returncode == 1
        assert f"warning: not imported: {bad}, line 1: has 4 columns, expected 12" in result.stderr
        assert f"error BAD_DATA: {bad}, line 1" in result.stderr
        assert "2,880 rows of 2 files" in result.stdout


def test_a_file_that_is_none_of_binance_stops_before_anything_starts(inside: Inside, tmp_path: Path) -> None:
    result = inside.run("import", "binance", write(tmp_path / "BTCUSDT_1h.csv", ["1"]))
    assert (result.code, result.output) == (1, "")
    assert "the name must be like BTCUSDT-1m-2024-05.zip" in result.errors
    assert not inside.home.exists()


@pytest.mark.parametrize("words", [["import"], ["import", "csv"]])
def test_our_own_csv_is_read_with_and_without_its_name(inside: Inside, tmp_path: Path, words: list[str]) -> None:
    result = inside.run(*words, "--interval", "1h", tmp_path / "nowhere.csv", "--symbol", "binance:BTC-USDT")
    assert (result.code, result.errors) == (1, f"error BAD_DATA: {tmp_path / 'nowhere.csv'}: no such file\n")
