"""liqgrid's own CSV: one row per bar, a header, empty = unknown; checked whole, with file, line and column.

Columns and meaning: docs/csv.md. Symbol and interval come from the file's name (``BTCUSDT_1h.csv``) or from the caller.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from liqgrid.engine.collect.csv_faults import (
    NUMBER,
    UTC_TIME,
    Fault,
    no_rows,
    raise_earliest,
    read_header,
    unreadable_cell,
)
from liqgrid.engine.collect.csv_text import CsvText
from liqgrid.engine.collect.price_faults import is_count, price_faults
from liqgrid.engine.market.arrays import F64, I64, Bool
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
_COUNTS = ("trades", "buy_trades")
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
    text = CsvText(source.path)
    columns = read_header(text, (TIME, *PRICES), OPTIONAL)
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
            faults = _faults(source.interval, open_ms, table, empty, previous_ms)
            raise_earliest(text, columns, rows_before, faults)
            yield _market_rows(source, open_ms, table)
            previous_ms = int(open_ms[-1])
            rows_before += batch.num_rows
    except pa.ArrowInvalid as error:
        forms = {name: UTC_TIME if name == TIME else NUMBER for name in columns}
        raise unreadable_cell(text, columns, forms, rows_before, str(error)) from error
    if not rows_before:
        raise no_rows(text)


def read_whole(source: CsvSource) -> MarketRows:
    """Return all rows of the file at once; raises as ``read_csv``."""
    (rows,) = read_csv(source, block_bytes=source.path.stat().st_size + 1)
    return rows


def _values(column: pa.Array[Any], name: str) -> F64:
    if name == TIME:
        return np.zeros(len(column))
    values: F64 = column.to_numpy(zero_copy_only=False).astype(np.float64)
    return values


def _faults(
    interval: Interval, open_ms: I64, table: dict[str, F64], empty: dict[str, Bool], previous_ms: int | None
) -> list[Fault]:
    """Return what is wrong in a block that follows a row of ``previous_ms``."""
    before = np.concatenate([[previous_ms if previous_ms is not None else open_ms[0] - interval.ms], open_ms[:-1]])
    faults: list[Fault] = [(empty[name], name, "is empty") for name in (TIME, *PRICES)]
    faults += [
        (open_ms == before, TIME, "repeats the time of the row before"),
        (open_ms < before, TIME, "is earlier than the row before; sort the file by time"),
        (open_ms < 0, TIME, "is before 1970"),
        (open_ms % interval.ms != 0, TIME, f"is not the start of a {interval} bar"),
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
    faults += [(~is_count(table[name]), name, "must be a whole number") for name in _COUNTS if name in table]
    faults += [(table[name] > 100, name, "must be a percentage up to 100") for name in _PERCENT if name in table]
    return faults + price_faults(*(table[name] for name in PRICES))


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
