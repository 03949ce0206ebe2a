"""The rows of archives: each of the forms Binance publishes, and each of the faults that stop a file."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from liqgrid.engine.collect.archive.names import ArchiveKind, Overrides, archive_of
from liqgrid.engine.collect.archive.read import ArchiveRows, read_archive
from liqgrid.engine.market.errors import BadData
from liqgrid.engine.market.instrument import PriceType
from liqgrid.engine.market.interval import Interval
from tests.collect.archives import FUNDING_RATE, KLINES, METRICS, kline_lines, write, write_checksum
from tests.markets import BITCOIN, market

ROWS = market(200, Interval.M1)


def read(path: Path, said: Overrides | None = None) -> ArchiveRows:
    return read_archive(archive_of(path, said or Overrides()))


@pytest.mark.parametrize("suffix", ["zip", "csv"])
@pytest.mark.parametrize("header", [None, KLINES])
@pytest.mark.parametrize("parts_per_ms", [1, 1000])
def test_klines_in_every_form(tmp_path: Path, suffix: str, header: str | None, parts_per_ms: int) -> None:
    lines = kline_lines(ROWS, parts_per_ms)
    rows = read(write(tmp_path / f"BTCUSDT-1m-2024-06.{suffix}", lines, header))
    assert (rows.lines, rows.repeated) == (200, 0)
    assert rows.bars is not None
    assert rows.bars.price_type is PriceType.LAST
    bars = rows.bars.bars
    np.testing.assert_array_equal(bars.open_ms, ROWS.open_ms)
    for name in ("open", "high", "low", "close"):
        np.testing.assert_array_equal(getattr(bars, name), ROWS.columns[name])
    np.testing.assert_array_equal(bars.volume_base, ROWS.columns["volume"])
    np.testing.assert_array_equal(rows.bars.taker_buy_volume_base, ROWS.columns["buy_volume"])
    np.testing.assert_array_equal(rows.bars.trades, ROWS.columns["trades"])
    assert np.isnan(rows.bars.taker_buy_trades).all()
    assert rows.within_ms == (int(ROWS.open_ms[0]), int(ROWS.open_ms[-1]) + 60_000)


def test_unsorted_and_repeated_rows_are_put_in_order(tmp_path: Path) -> None:
    lines = kline_lines(ROWS)
    shuffled = [lines[t] for t in np.random.default_rng(3).permutation(200)]
    path = write(tmp_path / "BTCUSDT-1m-2024-06.zip", [*shuffled, *lines[20:30], lines[20]], KLINES)
    rows = read(path)
    assert (rows.lines, rows.repeated) == (211, 11)
    assert rows.bars is not None
    np.testing.assert_array_equal(rows.bars.bars.open_ms, ROWS.open_ms)
    np.testing.assert_array_equal(rows.bars.bars.close, ROWS.columns["close"])


def test_rows_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    lines = kline_lines(ROWS)
    wrong = kline_lines(ROWS.changed("volume", 7, 0.5).changed("buy_volume", 7, 0.25))[7]
    path = write(tmp_path / "BTCUSDT-1m-2024-06.zip", [*lines, wrong], KLINES)
    with pytest.raises(BadData, match=r"line 202, column volume: was '0.5', which is not what another row of the same"):
        read(path)


def test_coin_margined_amounts_are_those_in_the_coin(tmp_path: Path) -> None:
    lines = kline_lines(ROWS, coin_margined=True)
    rows = read(write(tmp_path / "BTCUSD_PERP-1m-2024-06.csv", lines))
    assert rows.bars is not None
    np.testing.assert_array_equal(rows.bars.bars.volume_base, ROWS.columns["volume"])
    np.testing.assert_array_equal(rows.bars.taker_buy_volume_base, ROWS.columns["buy_volume"])


def test_bars_of_the_mark_price_have_no_volume(tmp_path: Path) -> None:
    path = write(tmp_path / "markPriceKlines/BTCUSDT/1m/BTCUSDT-1m-2024-06.zip", kline_lines(ROWS, mark=True), KLINES)
    rows = read(path)
    assert rows.bars is not None
    assert rows.bars.price_type is PriceType.MARK
    assert np.isnan(rows.bars.bars.volume_base).all()


def test_bars_of_the_mark_price_are_not_taken_for_trades(tmp_path: Path) -> None:
    path = write(tmp_path / "BTCUSDT-1m-2024-06.zip", kline_lines(ROWS, mark=True), KLINES)
    with pytest.raises(BadData, match="may be bars of the mark price; say which with --kind"):
        read(path)
    assert read(path, Overrides(kind=ArchiveKind.KLINES)).bars is not None
    assert read(path, Overrides(kind=ArchiveKind.MARK_PRICE_KLINES)).bars is not None


CELLS = {  # column, what stands there, what is said of it; in line 5 of a file with a header
    "no number": (1, "abc", "column open: was 'abc', which is not a number"),
    "empty": (4, "", "column close: was '', which is not a finite number"),
    "nan": (2, "NaN", "column high: was 'NaN', which is not a finite number"),
    "no price": (3, "0", "column low: was '0', which must be within"),
    "negative": (5, "-1", "column volume: was '-1', which must be a number of 0 or more"),
    "half a trade": (8, "1.5", "column count: was '1.5', which must be a whole number"),
    "bought more": (9, "1e12", "column taker_buy_volume: was '1e12', which is more than volume"),
    "seconds": (0, "1718902980", "column open_time: was '1718902980', which is no time in milliseconds or micro"),
    "nanoseconds": (0, "1718902980000000000", "column open_time: was '1718902980000000000', which is"),
    "time with letters": (0, "17189029x", "column open_time: was '17189029x', which is not a whole number"),
    "off the raster": (0, "1718902980001", "column open_time: was '1718902980001', which is not the start of a 1m bar"),
    "another interval": (6, "1718903279999", "column close_time: was '1718903279999', which is not the end of a 1m"),
    "high below low": (2, "1", "column high: was '1', which is below low"),
}


@pytest.mark.parametrize("fault", CELLS)
@pytest.mark.parametrize(("suffix", "header"), [("zip", KLINES), ("csv", None)])
def test_a_fault_is_named_with_file_line_column_and_value(
    tmp_path: Path, fault: str, suffix: str, header: str | None
) -> None:
    at, value, says = CELLS[fault]
    lines = kline_lines(ROWS)
    cells = lines[3].split(",")
    cells[at] = value
    lines[3] = ",".join(cells)
    path = write(tmp_path / f"BTCUSDT-1m-2024-06.{suffix}", lines, header)
    with pytest.raises(BadData) as refusal:
        read(path)
    member = ", member BTCUSDT-1m-2024-06.csv" if suffix == "zip" else ""
    assert refusal.value.message.startswith(f"{path}{member}, line {5 if header else 4}, {says}"), refusal.value.message
    assert refusal.value.context["line"] == (5 if header else 4)
    assert refusal.value.context["value"] == value


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "is empty"),
        ([KLINES], "holds a header and no rows"),
        (["1718902980000,1,2"], "line 1: has 3 columns, expected 12: open_time, open,"),
        ([KLINES.replace("close,", "last,", 1)], "line 1: column 5 was 'last', expected close"),
        ([KLINES, *kline_lines(ROWS)[:2], "1,2,3"], "line 4: has 3 columns, the header has 12"),
        ([*kline_lines(ROWS)[:2], "1,2,3"], "line 3: has 3 columns, the first line has 12"),
    ],
)
def test_another_form_is_refused(tmp_path: Path, lines: list[str], says: str) -> None:
    with pytest.raises(BadData, match=says):
        read(write(tmp_path / "BTCUSDT-1m-2024-06.csv", lines))


def test_a_damaged_zip_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "BTCUSDT-1m-2024-06.zip", kline_lines(market(5000, Interval.M1)), KLINES)
    whole = path.read_bytes()
    path.write_bytes(whole[:2000])
    with pytest.raises(BadData, match=r"BTCUSDT-1m-2024-06\.zip: cannot be read as a zip"):
        read(path)
    path.write_bytes(whole[:9000] + b"\0" * 500 + whole[9500:])
    with pytest.raises(BadData, match=r"BTCUSDT-1m-2024-06\.zip, member .*: the zip is damaged: .*; fetch it again"):
        read(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", "1")
        archive.writestr("b.csv", "1")
    with pytest.raises(BadData, match="holds 2 CSV files, an archive has one"):
        read(path)


def test_metrics_as_binance_publishes_them(market_data: Path) -> None:
    rows = read(market_data / "venue" / "BTCUSDT-metrics-2023-11-14_first25rows.csv", _METRICS)
    assert rows.lines == 25
    assert rows.open_interest.ts_ms[0] == 1_699_920_000_000
    assert rows.open_interest.open_interest_base[0] == 80424.539
    assert rows.long_short_ratio.ratio[0] == 1.09030379
    other = read(market_data / "venue" / "raw_vision_row_format.csv", _METRICS)
    assert other.open_interest.open_interest_base.tolist() == [76643.191]
    assert other.long_short_ratio.ratio.tolist() == [1.87546479]


_METRICS = Overrides(BITCOIN, ArchiveKind.METRICS)


def test_metrics_that_say_nothing_are_counted(tmp_path: Path) -> None:
    lines = [
        "2024-06-20 00:05:00,BTCUSDT,2.5,100,1,1,1.5,1",
        '2024-06-20 00:00:00,BTCUSDT,,"",,,"",1',
        "2024-06-20 00:10:00,BTCUSDT,0.0000,0,1,1,0.5,1",
        "2024-06-20 00:05:00,BTCUSDT,2.5,100,1,1,1.5,1",
    ]
    rows = read(write(tmp_path / "BTCUSDT-metrics-2024-06-20.zip", lines, METRICS))
    assert (rows.lines, rows.repeated, rows.unknown) == (4, 1, 2)
    assert rows.open_interest.open_interest_base.tolist() == [2.5]
    assert rows.long_short_ratio.ratio.tolist() == [1.5, 0.5]
    assert rows.within_ms == (1_718_841_600_000, 1_718_842_200_001)


def test_coin_margined_open_interest_is_that_in_the_coin(tmp_path: Path) -> None:
    lines = ['2023-06-25 00:00:00,BTCUSD_PERP,5578700.00000000,18265.00911826,"","","",0.00855776']
    rows = read(write(tmp_path / "BTCUSD_PERP-metrics-2023-06-25.csv", lines, METRICS))
    assert rows.open_interest.open_interest_base.tolist() == [18265.00911826]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("2024-06-20 00:05:00,ETHUSDT,2.5,100,1,1,1.5,1", "column symbol: was 'ETHUSDT', which is not BTCUSDT"),
        ("2024-06-20 00:05:00,BTCUSDT,-2.5,100,1,1,1.5,1", "column sum_open_interest: was '-2.5', which must be"),
        ("2024-06-20 00:05:00,BTCUSDT,2.5,100,1,1,inf,1", "column count_long_short_ratio: was 'inf', which must"),
        ("20.6.2024,BTCUSDT,2.5,100,1,1,1.5,1", "column create_time: was '20.6.2024', which is not a time such as"),
        (",BTCUSDT,2.5,100,1,1,1.5,1", "column create_time: was '', which is empty"),
    ],
)
def test_faulty_metrics_are_named(tmp_path: Path, line: str, says: str) -> None:
    lines = ["2024-06-20 00:00:00,BTCUSDT,2.5,100,1,1,1.5,1", line]
    with pytest.raises(BadData, match=rf"line 3, {says}"):
        read(write(tmp_path / "BTCUSDT-metrics-2024-06-20.csv", lines, METRICS))


def test_funding_is_paid_on_the_minute(tmp_path: Path) -> None:
    lines = ["1717228800005,8,0.0001", "1717200000000,8,-0.00005703", "1717200000000,8,-0.00005703"]
    rows = read(write(tmp_path / "BTCUSDT-fundingRate-2024-06.zip", lines, FUNDING_RATE))
    assert (rows.lines, rows.repeated) == (3, 1)
    assert rows.funding_rate.ts_ms.tolist() == [1_717_200_000_000, 1_717_228_800_000]
    assert rows.funding_rate.rate_fraction.tolist() == [-0.00005703, 0.0001]


def test_funding_that_is_no_fraction_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"column last_funding_rate: was '1.5', which must be a fraction"):
        read(write(tmp_path / "BTCUSDT-fundingRate-2024-06.csv", ["1717200000000,8,1.5"]))
    with pytest.raises(BadData, match="two funding rates of the minute 1717200000000"):
        read(write(tmp_path / "BTCUSDT-fundingRate-2024-06.csv", ["1717200000000,8,0.1", "1717200000001,8,0.2"]))


def test_progress_is_told_in_bytes_of_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "BTCUSDT-1m-2024-06.zip", kline_lines(ROWS), KLINES)
    write_checksum(path)
    seen: list[int] = []
    read_archive(archive_of(path, Overrides()), seen.append)
    assert 0 < seen[-1] <= path.stat().st_size
