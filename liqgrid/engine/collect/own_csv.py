"""liqgrid's own CSV: one row per bar, a header, empty = unknown; checked whole, with file, line and column.

Columns and meaning: docs/csv.md. Symbol and interval come from the file's name (``BTCUSDT_1h.csv``) or from the caller.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from liqgrid.engine.market.arrays import F64, I64, Bool
from liqgrid.engine.market.axis import MAX_PRICE, MIN_PRICE
from liqgrid.engine.market.bars import Bars
from liqgrid.engine.market.errors import BadData
from liqgrid.engine.market.instrument import Instrument, pair_from_joined, parse_instrument
from liqgrid.engine.market.interval import Interval, parse_interval
from liqgrid.engine.market.rows import (
    BarRows,
    LiquidationBarRows,
    LongShortRatioRows,
    MarketRows,
    OpenInterestRows,
)

TIME = "open_time_utc"
PRICES = ("open", "high", "low", "close")
OPTIONAL = (
    "volume", "buy_volume", "trades", "buy_trades", "long_liq_base", "short_liq_base",
    "oi_open", "oi_high", "oi_low", "oi_close", "ls_ratio", "long_pct", "short_pct",
)  # fmt: skip
_POSITIVE = (*PRICES, "oi_open", "oi_high", "oi_low", "oi_close")
_PERCENT = ("long_pct", "short_pct")
_BLOCK_BYTES = 8 << 20
_FILE_NAME = re.compile(r"([A-Z0-9]+)_(\w+)")


@dataclass(frozen=True, slots=True)
class CsvSource:
    """A file with what its rows are of."""

    path: Path
    instrument: Instrument
    interval: Interval


def csv_source(path: Path, symbol: str | None = None, interval: str | None = None) -> CsvSource:
    """Return the source a path names, ``BTCUSDT_1h.csv`` → binance:BTC-USDT, 1h, unless said otherwise.

    Raises
    ------
    BadData
        If the file is not there, or the name says nothing and nothing was said.
    BadRequest
        If the symbol or interval cannot be read.
    """
    if not path.is_file():
        raise BadData(f"{path}: no such file", file=str(path))
    match = _FILE_NAME.fullmatch(path.stem)
    if match is None and (symbol is None or interval is None):
        raise BadData(
            f"{path}: the name must be like BTCUSDT_1h.csv, or --symbol venue:base-quote and --interval be given",
            file=str(path),
        )
    if symbol is not None:
        instrument = parse_instrument(symbol)
    else:
        instrument = Instrument("binance", pair_from_joined(match[1] if match else ""))
    return CsvSource(path, instrument, parse_interval(interval or (match[2] if match else "")))


def read_csv(source: CsvSource, block_bytes: int = _BLOCK_BYTES) -> Iterator[MarketRows]:
    """Yield the file's rows in blocks, ascending; a fault anywhere is raised when its block is reached.

    Raises
    ------
    BadData
        Naming file, line and column: wrong header, not a number, empty or not positive price, high below low,
        unsorted or repeated time, time off the interval's raster.
    """
    columns = _read_header(source.path)
    previous_ms: int | None = None
    rows_before = 0
    try:
        reader = arrow_csv.open_csv(
            source.path,
            read_options=arrow_csv.ReadOptions(block_size=block_bytes),
            convert_options=arrow_csv.ConvertOptions(
                column_types={name: pa.timestamp("ms", tz="UTC") if name == TIME else pa.float64() for name in columns},
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
        for batch in reader:
            if not batch.num_rows:
                continue
            table = {name: _values(batch.column(name), name) for name in columns}
            empty = {name: batch.column(name).is_null().to_numpy(zero_copy_only=False) for name in columns}
            open_ms = batch.column(TIME).cast(pa.int64()).fill_null(0).to_numpy()
            _check(source, rows_before, open_ms, table, empty, previous_ms)
            yield _market_rows(source, open_ms, table)
            previous_ms = int(open_ms[-1])
            rows_before += batch.num_rows
    except pa.ArrowInvalid as error:
        raise _located(source.path, columns, str(error)) from error
    if not rows_before:
        raise BadData(f"{source.path}: holds a header and no rows", file=str(source.path))


def read_whole(source: CsvSource) -> MarketRows:
    """Return all rows of the file at once; raises as ``read_csv``."""
    (rows,) = read_csv(source, block_bytes=source.path.stat().st_size + 1)
    return rows


def _read_header(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file), None)
    except UnicodeDecodeError as error:
        raise BadData(f"{path}: is not UTF-8 text ({error.reason} at byte {error.start})", file=str(path)) from error
    if header is None:
        raise BadData(f"{path}: is empty; the first line must name the columns", file=str(path))
    missing = [name for name in (TIME, *PRICES) if name not in header]
    unknown = [name for name in header if name not in {TIME, *PRICES, *OPTIONAL}]
    repeated = [name for name in dict.fromkeys(header) if header.count(name) > 1]
    for fault, names in (("lacks", missing), ("has unknown", unknown), ("repeats", repeated)):
        if names:
            raise BadData(
                f"{path}, line 1: the header {fault} column {', '.join(names)}; columns are "
                f"{', '.join((TIME, *PRICES, *OPTIONAL))}",
                file=str(path),
                line=1,
                column=names[0],
            )
    return header


def _values(column: pa.Array[Any], name: str) -> F64:
    if name == TIME:
        return np.zeros(len(column))
    values: F64 = column.to_numpy(zero_copy_only=False).astype(np.float64)
    return values


def _check(
    source: CsvSource,
    rows_before: int,
    open_ms: I64,
    table: dict[str, F64],
    empty: dict[str, Bool],
    previous_ms: int | None,
) -> None:
    """Raise the fault of the earliest bad row of a block."""
    before = np.concatenate(
        [[previous_ms if previous_ms is not None else open_ms[0] - source.interval.ms], open_ms[:-1]]
    )
    faults: list[tuple[Bool, str, str]] = [(empty[name], name, "is empty") for name in (TIME, *PRICES)]
    faults += [
        (open_ms == before, TIME, "repeats the time of the row before"),
        (open_ms < before, TIME, "is earlier than the row before; sort the file by time"),
        (open_ms % source.interval.ms != 0, TIME, f"is not the start of a {source.interval} bar"),
    ]
    for name, values in table.items():
        if name == TIME:
            continue
        wrong = ~np.isfinite(values) & ~empty[name]
        faults.append((wrong, name, "is not a finite number"))
        if name in _POSITIVE:
            faults.append((values <= 0, name, "must be greater than 0"))
        else:
            faults.append((values < 0, name, "must not be negative"))
    faults += [((values < MIN_PRICE) | (values > MAX_PRICE), name, f"must be within {MIN_PRICE:g} and {MAX_PRICE:g}")
               for name in PRICES for values in (table[name],)]  # fmt: skip
    faults += [(table[name] > 100, name, "must be a percentage up to 100") for name in _PERCENT if name in table]
    high, low = table["high"], table["low"]
    faults.append((high < low, "high", "is below low"))
    faults += [(high < table[name], "high", f"is below {name}") for name in ("open", "close")]
    faults += [(low > table[name], "low", f"is above {name}") for name in ("open", "close")]
    found = [(int(np.argmax(mask)), column, text) for mask, column, text in faults if mask.any()]
    if found:
        row, column, text = min(found, key=lambda fault: fault[0])
        raise _fault(source.path, rows_before + row, column, text)


def _fault(path: Path, row: int, column: str, text: str) -> BadData:
    """Return the error of a data row counted from 0, with the line it stands on and the value as written."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        for index, values in enumerate(reader):
            if index == row:
                value, line = values.get(column), reader.line_num
                return BadData(
                    f"{path}, line {line}, column {column}: was {value!r}, which {text}",
                    file=str(path), line=line, column=column, value=value,
                )  # fmt: skip
    raise AssertionError(f"row {row} of {path} was read a moment ago")


def _located(path: Path, columns: list[str], reason: str) -> BadData:
    """Return the error of the first cell that cannot be read; the fast reader does not say which it is."""
    with path.open(encoding="utf-8-sig", newline="", errors="replace") as file:
        reader = csv.reader(file)
        next(reader)
        for values in reader:
            if values and len(values) != len(columns):
                return BadData(
                    f"{path}, line {reader.line_num}: has {len(values)} columns, the header has {len(columns)}",
                    file=str(path), line=reader.line_num,
                )  # fmt: skip
            for column, value in zip(columns, values, strict=False):
                wanted = _unreadable(column, value)
                if wanted:
                    return BadData(
                        f"{path}, line {reader.line_num}, column {column}: was {value!r}, which is not {wanted}",
                        file=str(path), line=reader.line_num, column=column, value=value,
                    )  # fmt: skip
    return BadData(f"{path}: {reason}", file=str(path))


def _unreadable(column: str, value: str) -> str | None:
    """Return what the cell should have been, None where it can be read."""
    if value == "":
        return None
    if column == TIME:
        try:
            aware = datetime.fromisoformat(value).tzinfo is not None
        except ValueError:
            aware = False
        return None if aware else "a UTC time such as 2024-06-19T21:00:00Z"
    try:
        float(value)
    except ValueError:
        return "a number"
    return None


def _market_rows(source: CsvSource, open_ms: I64, table: dict[str, F64]) -> MarketRows:
    """Return a block in the market's terms; samples of a bar are stamped with its close, when they were known."""
    unknown = np.full(len(open_ms), np.nan)

    def column(name: str) -> F64:
        return table.get(name, unknown)

    close_ms = open_ms + source.interval.ms
    sampled = np.isfinite(column("oi_close"))
    rated = np.isfinite(column("ls_ratio"))
    liquidated = np.isfinite(column("long_liq_base")) & np.isfinite(column("short_liq_base"))
    return MarketRows(
        instrument=source.instrument,
        bars=BarRows(
            Bars(
                source.interval,
                open_ms,
                column("open"),
                column("high"),
                column("low"),
                column("close"),
                column("volume"),
            ),
            column("buy_volume"),
            column("trades"),
            column("buy_trades"),
        ),
        open_interest=OpenInterestRows(close_ms[sampled], column("oi_close")[sampled]),
        long_short_ratio=LongShortRatioRows(
            close_ms[rated],
            column("ls_ratio")[rated],
            column("long_pct")[rated] / 100,
            column("short_pct")[rated] / 100,
        ),
        liquidation_bars=LiquidationBarRows(
            open_ms[liquidated], column("long_liq_base")[liquidated], column("short_liq_base")[liquidated]
        ),
    )
