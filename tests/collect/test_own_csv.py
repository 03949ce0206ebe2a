"""liqgrid's own CSV: what is read, and for every fault the file, the line, the column and the value as written."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from liqgrid.engine.collect import own_csv
from liqgrid.engine.collect.own_csv import OPTIONAL, PRICES, TIME, CsvSource, csv_source, read_csv, read_whole
from liqgrid.engine.market.errors import BadData, BadRequest
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.rows import MarketRows
from tests.markets import BITCOIN, market

HEADER = "open_time_utc,open,high,low,close,volume,trades,oi_close,long_pct"
ROWS = [
    "2024-06-19T21:00:00Z,10,12,9,11,5,3,700,51",
    "2024-06-19T22:00:00Z,11,13,10,12,6,4,710,52",
    "2024-06-19T23:00:00Z,12,14,11,13,7,5,720,53",
    "2024-06-20T00:00:00Z,13,15,12,14,8,6,730,54",
]
GOOD = "\n".join([HEADER, *ROWS]) + "\n"
OPENS_MS = 1_718_830_800_000 + np.arange(4) * 3_600_000


def with_cell(column: str, value: str, row: int = 1) -> str:
    """Return the good file with another text in one cell; row 1 stands on line 3."""
    cells = [line.split(",") for line in ROWS]
    cells[row][HEADER.split(",").index(column)] = value
    return "\n".join([HEADER, *(",".join(line) for line in cells)]) + "\n"


def source_of(folder: Path, content: str | bytes) -> CsvSource:
    path = folder / "BTCUSDT_1h.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return csv_source(path)


def opens(rows: MarketRows) -> list[int]:
    return [int(ms) for ms in rows.bars.bars.open_ms]


# What is wrong in one cell of line 3: column, text, what the message says of it.
CELLS = [
    ("close", "nan", "is not a finite number"),
    ("close", "NaN", "is not a finite number"),
    ("close", "inf", "is not a finite number"),
    ("low", "-inf", "is not a finite number"),
    ("high", "1e400", "is not a finite number"),
    ("volume", "nan", "is not a finite number"),
    ("open", "-1", "must be greater than 0"),
    ("low", "0", "must be greater than 0"),
    ("low", "-0.0", "must be greater than 0"),
    ("oi_close", "0", "must be greater than 0"),
    ("volume", "-1", "must not be negative"),
    ("trades", "-1", "must not be negative"),
    ("trades", "1.5", "must be a whole number"),
    ("trades", "1e30", "must be a whole number"),
    ("long_pct", "100.5", "must be a percentage up to 100"),
    ("high", "2e9", "must be within 1e-09 and 1e+09"),
    ("low", "1e-10", "must be within 1e-09 and 1e+09"),
    ("high", "9", "is below low"),
    ("high", "11.5", "is below close"),
    ("high", "10.5", "is below open"),
    ("low", "11.5", "is above open"),
    ("open", "", "is empty"),
    ("high", '""', "is empty"),
    ("close", "", "is empty"),
    ("close", "abc", "is not a number"),
    ("close", "NULL", "is not a number"),
    ("close", "NA", "is not a number"),
    ("close", "1_000", "is not a number"),
    ("close", "0x1A", "is not a number"),
    ("close", "１２", "is not a number"),
    ("close", "1.2.3", "is not a number"),
    ("close", "12\0", "is not a number"),
    ("volume", "-", "is not a number"),
    (TIME, "", "is empty"),
    (TIME, "2024-06-19T22:00:00", "is not a UTC time such as"),
    (TIME, "2024-06-19 22:00", "is not a UTC time such as"),
    (TIME, "2024-06-19", "is not a UTC time such as"),
    (TIME, "20240619T220000Z", "is not a UTC time such as"),
    (TIME, "2024-W25-3T22:00Z", "is not a UTC time such as"),
    (TIME, "2024-02-30T22:00:00Z", "is not a UTC time such as"),
    (TIME, "2024-06-19T25:00:00Z", "is not a UTC time such as"),
    (TIME, "2024-06-19T22:00:00.0001Z", "is not a UTC time such as"),
    (TIME, "1718834400000", "is not a UTC time such as"),
    (TIME, "yesterday", "is not a UTC time such as"),
    (TIME, "2024-06-19T22:30:00Z", "is not the start of a 1h bar"),
    (TIME, "2024-06-19T22:00:00+00:30", "is not the start of a 1h bar"),
    (TIME, "2024-06-19T21:00:00Z", "repeats the time of the row before"),
    (TIME, "2024-06-19T20:00:00Z", "is earlier than the row before; sort the file by time"),
    (TIME, "1969-12-31T22:00:00Z", "is earlier than the row before"),
]


@pytest.mark.parametrize(("column", "value", "fault"), CELLS, ids=[f"{c}={v!r}" for c, v, _ in CELLS])
@pytest.mark.parametrize("block_bytes", [8 << 20, 120], ids=["one block", "many blocks"])
def test_a_bad_cell_is_named(tmp_path: Path, column: str, value: str, fault: str, block_bytes: int) -> None:
    source = source_of(tmp_path, with_cell(column, value))
    with pytest.raises(BadData) as caught:
        list(read_csv(source, block_bytes))
    value = value.strip('"')
    assert str(caught.value).startswith(f"{source.path}, line 3, column {column}: was {value!r}, which {fault}")
    assert caught.value.context == {"file": str(source.path), "line": 3, "column": column, "value": value}


def test_the_first_of_several_faults_is_named(tmp_path: Path) -> None:
    content = GOOD.replace("12,14,11,13", "12,14,11,-13").replace("13,15,12,14", "nan,15,12,14")
    with pytest.raises(BadData, match="line 4, column close: was '-13'"):
        read_whole(source_of(tmp_path, content))


def test_a_time_before_1970_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="line 2, column open_time_utc: was '1969-12-31T23:00:00Z', which is before 1970"):
        read_whole(source_of(tmp_path, with_cell(TIME, "1969-12-31T23:00:00Z", row=0)))


HEADERS = [
    ("missing", HEADER.replace(",close", ""), "lacks column close;", "close"),
    ("missing two", HEADER.replace(",high,low", ""), "lacks column high, low;", "high"),
    ("time missing", HEADER.replace("open_time_utc", "time"), "lacks column open_time_utc;", TIME),
    ("unknown", HEADER.replace("trades", "tades"), "has unknown column tades;", "tades"),
    ("repeated", HEADER.replace("trades", "volume"), "repeats column volume;", "volume"),
    ("other case", HEADER.replace("close", "Close", 1), "lacks column close;", "close"),
    ("spaces", HEADER.replace(",volume", ", volume"), "has unknown column  volume;", " volume"),
    ("semicolons", HEADER.replace(",", ";"), "lacks column open_time_utc, open, high, low, close;", TIME),
    ("a blank line first", "", "lacks column open_time_utc, open, high, low, close;", TIME),
    ("no header at all", ROWS[0], "lacks column open_time_utc, open, high, low, close;", TIME),
]


@pytest.mark.parametrize(("header", "fault", "column"), [row[1:] for row in HEADERS], ids=[row[0] for row in HEADERS])
def test_a_wrong_header_is_named_with_its_column(tmp_path: Path, header: str, fault: str, column: str) -> None:
    source = source_of(tmp_path, "\n".join([header, *ROWS]))
    with pytest.raises(BadData) as caught:
        list(read_csv(source))
    assert str(caught.value).startswith(f"{source.path}, line 1: the header {fault} columns are open_time_utc, open,")
    assert caught.value.context == {"file": str(source.path), "line": 1, "column": column}


FILES: list[tuple[str, str | bytes, str]] = [
    ("empty", "", ": is empty; the first line must name the columns"),
    ("header only", HEADER + "\n", ": holds a header and no rows"),
    ("header without its line end", HEADER, ": holds a header and no rows"),
    ("header and blank lines", HEADER + "\n\n\r\n\n", ": holds a header and no rows"),
    ("short row", GOOD.replace(",12,6,4,710,52", ""), ", line 3: has 4 columns, the header has 9"),
    ("long row", GOOD.replace("710,52", "710,52,1"), ", line 3: has 10 columns, the header has 9"),
    (
        "comma at the ends",
        GOOD.replace("\n", ",\n").replace("pct,", "pct"),
        ", line 2: has 10 columns, the header has 9",
    ),
    ("line of spaces", GOOD.replace("\n2024-06-19T22", "\n  \n2024-06-19T22"), ", line 3: has 1 columns"),
    ("cut off", GOOD[:-20], ", line 5: has 3 columns, the header has 9"),
    ("an open quote", with_cell("close", '"12'), ", line 5: has 5 columns"),
    (
        "Latin-1 in a row",
        GOOD.encode().replace(b"11,13", b"\xe911,13"),
        ", line 3, column open: was '\ufffd11', which is",
    ),
    ("Latin-1 in the header", HEADER.encode().replace(b"trades", b"tr\xe9des"), ", line 1: is not UTF-8 text"),
    ("UTF-16", GOOD.encode("utf-16"), ", line 1: is not UTF-8 text"),
    ("bytes", bytes(range(256)) * 4, ", line 1: "),
    ("one endless line", "x" * 200_000, ", line 1: field larger than field limit"),
    ("an endless cell", with_cell("close", "1" * 200_000), ", line 3: field larger than field limit"),
]


@pytest.mark.parametrize(("content", "fault"), [row[1:] for row in FILES], ids=[row[0] for row in FILES])
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, content: str | bytes, fault: str) -> None:
    source = source_of(tmp_path, content)
    with pytest.raises(BadData, match=re.escape(f"{source.path}{fault}")):
        list(read_csv(source))


def test_a_fault_late_in_a_file_of_many_blocks_has_its_line(tmp_path: Path) -> None:
    lines = market(2_000).csv(tmp_path / "good.csv").path.read_text().splitlines()
    for line, column in ((1_900, 4), (1_999, 0), (2_001, 2)):
        for value, fault in (("x", "is not a"), ("-1" if column else "2020-01-01T00:00:00Z", "")):
            cells = lines[line - 1].split(",")
            cells[column] = value
            changed = [*lines[: line - 1], ",".join(cells), *lines[line:]]
            source = source_of(tmp_path, "\n".join(changed))
            wanted = (
                rf"BTCUSDT_1h\.csv, line {line}, column {lines[0].split(',')[column]}: was '{value}', which {fault}"
            )
            with pytest.raises(BadData, match=wanted):
                list(read_csv(source, block_bytes=10_000))


def test_blank_lines_are_counted_but_not_read(tmp_path: Path) -> None:
    content = GOOD.replace("\n", "\n\n").replace("12,14,11,13", "12,14,11,-13")
    with pytest.raises(BadData, match="line 7, column close: was '-13'"):
        read_whole(source_of(tmp_path, content))


ALIKE: list[tuple[str, str | bytes]] = [
    ("plain", GOOD),
    ("no end of the last line", GOOD[:-1]),
    ("CRLF", GOOD.replace("\n", "\r\n")),
    ("CR", GOOD.replace("\n", "\r")),
    ("byte order mark", b"\xef\xbb\xbf" + GOOD.encode()),
    ("byte order mark and CRLF", b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()),
    ("blank lines", GOOD.replace("\n", "\n\n")),
    ("quotes", "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in GOOD.splitlines())),
    ("spaces around numbers", GOOD.replace(",12,", ", 12 ,")),
    ("a space for the T", GOOD.replace("T2", " 2").replace("T0", " 0")),
    ("milliseconds", GOOD.replace(":00Z", ":00.000Z")),
    ("no seconds", GOOD.replace(":00:00Z", ":00Z")),
    ("an offset", GOOD.replace("00Z", "00+00:00").replace("2024-06-19T22:00:00+00:00", "2024-06-20T00:00:00+02:00")),
    ("exponents", GOOD.replace(",12,", ",1.2e1,").replace(",700,", ",7E+2,")),
    (
        "columns in another order",
        "\n".join(",".join(reversed(line.split(","))) for line in GOOD.splitlines()),
    ),
]


@pytest.mark.parametrize("content", [row[1] for row in ALIKE], ids=[row[0] for row in ALIKE])
@pytest.mark.parametrize("block_bytes", [8 << 20, 150], ids=["one block", "many blocks"])
def test_spellings_of_the_same_file(tmp_path: Path, content: str | bytes, block_bytes: int) -> None:
    blocks = list(read_csv(source_of(tmp_path, content), block_bytes))
    assert [ms for rows in blocks for ms in opens(rows)] == OPENS_MS.tolist()
    for name, wanted in (("high", [12, 13, 14, 15]), ("close", [11, 12, 13, 14]), ("volume_base", [5, 6, 7, 8])):
        assert [value for rows in blocks for value in getattr(rows.bars.bars, name)] == wanted
    assert [value for rows in blocks for value in rows.open_interest.open_interest_base] == [700, 710, 720, 730]


def test_samples_are_stamped_with_the_close_of_their_bar(tmp_path: Path) -> None:
    rows = market(6).market_rows(tmp_path / "bars.csv")
    closes = [ms + Interval.H1.ms for ms in opens(rows)]
    assert rows.open_interest.ts_ms.tolist() == closes
    assert rows.long_short_ratio.ts_ms.tolist() == closes
    assert rows.liquidation_bars.open_ms.tolist() == opens(rows)
    assert np.array_equal(rows.long_short_ratio.long_fraction, market(6).columns["long_pct"] / 100)


@pytest.mark.parametrize("empty", [False, True], ids=["missing", "empty"])
def test_every_optional_column_may_be_missing_or_empty(tmp_path: Path, empty: bool) -> None:
    whole = market(8)
    for name in (name for name in OPTIONAL if name in whole.columns):
        less = whole.changed(name, slice(None), np.nan) if empty else whole.without(name)
        rows = less.market_rows(tmp_path / "bars.csv")
        assert len(rows.bars.bars) == 8
        assert len(rows.open_interest.ts_ms) == (0 if name == "oi_close" else 8)
        assert len(rows.long_short_ratio.ts_ms) == (0 if name == "ls_ratio" else 8)
        assert len(rows.liquidation_bars.open_ms) == (0 if name in {"long_liq_base", "short_liq_base"} else 8)
        assert np.isnan(rows.bars.bars.volume_base).all() == (name == "volume")
        assert np.isnan(rows.bars.trades).all() == (name == "trades")
    bare = whole.only(*PRICES).market_rows(tmp_path / "bars.csv")
    assert (len(bare.bars.bars), len(bare.open_interest.ts_ms)) == (8, 0)


def test_a_sample_is_there_where_its_cell_is_filled(tmp_path: Path) -> None:
    rows = market(8).changed("oi_close", slice(2, 5), np.nan).changed("short_liq_base", 6, np.nan)
    read = rows.market_rows(tmp_path / "bars.csv")
    assert read.open_interest.ts_ms.tolist() == (rows.open_ms[[0, 1, 5, 6, 7]] + Interval.H1.ms).tolist()
    assert read.liquidation_bars.open_ms.tolist() == rows.open_ms[[0, 1, 2, 3, 4, 5, 7]].tolist()


def test_blocks_together_are_the_whole_file(tmp_path: Path) -> None:
    source = market(3_000, Interval.M5).csv(tmp_path / "bars.csv")
    blocks = list(read_csv(source, block_bytes=20_000))
    whole = read_whole(source)
    assert len(blocks) > 5
    assert [ms for rows in blocks for ms in opens(rows)] == opens(whole)
    joined = np.concatenate([rows.open_interest.open_interest_base for rows in blocks])
    assert np.array_equal(joined, whole.open_interest.open_interest_base)


def test_numbers_are_read_to_the_last_bit(tmp_path: Path) -> None:
    rows = market(500)
    read = rows.market_rows(tmp_path / "bars.csv")
    for name in (*PRICES, "volume"):
        found = getattr(read.bars.bars, "volume_base" if name == "volume" else name)
        assert np.array_equal(found, rows.columns[name])


def test_the_name_of_the_file_says_what_it_holds(tmp_path: Path) -> None:
    def named(name: str, **given: str) -> CsvSource:
        (tmp_path / name).touch()
        return csv_source(tmp_path / name, **given)

    assert named("BTCUSDT_1h.csv") == CsvSource(tmp_path / "BTCUSDT_1h.csv", BITCOIN, Interval.H1)
    assert str(named("1000PEPEUSDC_5m.csv").instrument) == "binance:1000PEPE-USDC"
    other = named("BTCUSDT_1h.csv", symbol="bybit:ETH-USDT", interval="15m")
    assert (str(other.instrument), other.interval) == ("bybit:ETH-USDT", Interval.M15)
    assert named("any name.csv", symbol="binance:BTC-USDT", interval="1d").interval is Interval.D1
    for name in ("bars.csv", "btcusdt_1h.csv", "BTC-USDT_1h.csv"):
        with pytest.raises(BadData, match=r"the name must be like BTCUSDT_1h\.csv, or --symbol"):
            named(name)
    with pytest.raises(BadData, match="the name must be like"):
        named("bars.csv", interval="1h")
    with pytest.raises(BadRequest, match="interval was '2h'; use one of 1m, 5m, 15m, 1h, 4h, 1d"):
        named("BTCUSDT_2h.csv")
    with pytest.raises(BadRequest, match="symbol was 'BTCEUR'"):
        named("BTCEUR_1h.csv")
    with pytest.raises(BadRequest, match="instrument was 'BTCUSDT'"):
        named("BTCUSDT_1h.csv", symbol="BTCUSDT")


@pytest.mark.parametrize("name", ["BTCUSDT_1h.csv", "."])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadData, match=f"{re.escape(str(tmp_path / name))}: no such file"):
        csv_source(tmp_path / name)


def test_the_recorded_market_data_is_read_whole(market_data: Path) -> None:
    files = sorted((market_data / "market").glob("*.csv"))
    assert files
    for path in files:
        rows = read_whole(csv_source(path))
        assert len(rows.bars.bars) == path.read_text().count("\n") - 1
        assert own_csv.csv_source(path).instrument == rows.instrument


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = market(3).csv(tmp_path / "BTCUSDT_1h.csv")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(BadData, match=r"BTCUSDT_1h\.csv: cannot be read: Permission denied"):
        next(read_csv(source))
