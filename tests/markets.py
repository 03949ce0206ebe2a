"""Made-up markets for tests and benchmarks: the same rows for the same seed, as arrays, as a CSV file or as store rows.

A market is a table with the columns of liqgrid's own CSV. It can be cut, corrected and put together again, so that
tests can bring it to the database in any order and know what should stand there in the end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from liqgrid.engine.collect.own_csv import CsvSource, read_whole
from liqgrid.engine.market.arrays import F64, I64
from liqgrid.engine.market.instrument import Instrument, parse_instrument
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.rows import MarketRows

BITCOIN = parse_instrument("binance:BTC-USDT")
START = "2024-06-20T17:00:00Z"  # inside a day, and after the first published margin tiers
_SUMMED = ("volume", "buy_volume", "trades", "buy_trades", "long_liq_base", "short_liq_base")
_LAST = ("close", "oi_close", "ls_ratio", "long_pct", "short_pct")


@dataclass(frozen=True, slots=True)
class Market:
    """Rows of one instrument and interval, ascending: open times (T,) epoch ms and the columns of the CSV, (T,) each.

    NaN is an empty cell.
    """

    instrument: Instrument
    interval: Interval
    open_ms: I64
    columns: dict[str, F64]

    def __len__(self) -> int:
        return len(self.open_ms)

    def rows(self, chosen: slice | NDArray[Any] | Sequence[int]) -> Market:
        """Return some of the rows: a slice, a mask or positions."""
        columns = {name: values[chosen] for name, values in self.columns.items()}
        return replace(self, open_ms=self.open_ms[chosen], columns=columns)

    def without(self, *names: str) -> Market:
        """Return the market without these columns."""
        return replace(self, columns={name: self.columns[name] for name in self.columns if name not in names})

    def only(self, *names: str) -> Market:
        """Return the market with these columns alone."""
        return replace(self, columns={name: self.columns[name] for name in names})

    def changed(self, name: str, rows: slice | int, values: F64 | float) -> Market:
        """Return the market with other values in some rows of a column."""
        column = self.columns[name].copy()
        column[rows] = values
        return replace(self, columns={**self.columns, name: column})

    def shifted(self, rows: slice, factor: float) -> Market:
        """Return the market with the prices of some rows multiplied, as a venue corrects them."""
        columns = {name: values.copy() for name, values in self.columns.items()}
        for name in ("open", "high", "low", "close"):
            columns[name][rows] *= factor
        return replace(self, columns=columns)

    def merged(self, later: Market) -> Market:
        """Return the rows of both, those of ``later`` where both have a row."""
        kept = self.rows(~np.isin(self.open_ms, later.open_ms))
        open_ms = np.concatenate([kept.open_ms, later.open_ms])
        joined = {name: np.concatenate([values, later.columns[name]]) for name, values in kept.columns.items()}
        return replace(self, open_ms=open_ms, columns=joined).rows(np.argsort(open_ms))

    def aggregated(self, interval: Interval) -> Market:
        """Return the whole bars of a longer interval."""
        group = self.open_ms // interval.ms  # (T,)
        first = np.flatnonzero(np.diff(group, prepend=group[0] - 1))
        last = np.append(first[1:], len(self)) - 1
        columns = {name: self.columns[name][last] for name in _LAST}
        columns |= {name: np.add.reduceat(self.columns[name], first) for name in _SUMMED}
        columns["open"] = self.columns["open"][first]
        columns["high"] = np.maximum.reduceat(self.columns["high"], first)
        columns["low"] = np.minimum.reduceat(self.columns["low"], first)
        whole = last - first + 1 == interval.ms // self.interval.ms
        ordered = {name: columns[name] for name in self.columns}
        return Market(self.instrument, interval, group[first] * interval.ms, ordered).rows(whole)

    def csv(self, path: Path) -> CsvSource:
        """Write the market as a CSV file, and return it as a source."""
        times = np.datetime_as_string(self.open_ms.astype("datetime64[ms]"), unit="s", timezone="UTC")
        cells = {name: pa.array(values, from_pandas=True) for name, values in self.columns.items()}
        table = pa.table({"open_time_utc": pa.array(times), **cells})
        with path.open("wb") as file:
            file.write(",".join(table.column_names).encode() + b"\n")
            arrow_csv.write_csv(table, file, arrow_csv.WriteOptions(include_header=False, quoting_style="none"))
        return CsvSource(path, self.instrument, self.interval)

    def market_rows(self, path: Path) -> MarketRows:
        """Return the market as rows for the store, by way of a file."""
        return read_whole(self.csv(path))


def market(
    bars: int,
    interval: Interval = Interval.H1,
    seed: int = 1,
    start: str = START,
    instrument: Instrument = BITCOIN,
    price: float = 65_000.0,
) -> Market:
    """Return a market of this many bars with all columns: a random walk that now and then falls or jumps."""
    random = np.random.default_rng(seed)
    hours = interval.ms / Interval.H1.ms
    jumps = np.where(random.random(bars) < 0.02 * hours, random.normal(0, 0.03, bars), 0.0)
    steps = random.normal(0, 0.005 * np.sqrt(hours), bars) + jumps  # (T,) of the logarithm
    digits = 5 - math.floor(math.log10(price))  # six in all, as venues quote
    close = np.round(price * np.exp(np.cumsum(steps)), digits)
    opened = np.concatenate([[price], close[:-1]])
    wicks = random.exponential(0.002 * np.sqrt(hours), (2, bars))
    high = np.round(np.maximum(opened, close) * (1 + wicks[0]), digits)
    low = np.round(np.minimum(opened, close) * (1 - wicks[1]), digits)
    interest = np.round(80_000 * np.exp(np.cumsum(random.normal(0, 0.004 * np.sqrt(hours), bars))), 3)
    volume = np.round(interest * hours * random.gamma(2, 0.03, bars) * (1 + 100 * np.abs(steps)), 3)
    trades = np.floor(volume * random.uniform(5, 10, bars))
    bought = random.uniform(0.4, 0.6, bars)
    liquidated = random.gamma(0.5, 1.0, (2, bars)) * volume
    long_pct = np.round(50 + 20 * np.tanh(np.cumsum(random.normal(0, 0.05, bars))), 2)
    begin_ms = int(datetime.fromisoformat(start).timestamp() * 1000)
    return Market(
        instrument,
        interval,
        begin_ms + np.arange(bars, dtype=np.int64) * interval.ms,
        {
            "open": opened,
            "high": high,
            "low": low,
            "close": close,
            "volume": volume,
            "buy_volume": np.round(volume * bought, 3),
            "trades": trades,
            "buy_trades": np.floor(trades * bought),
            "long_liq_base": np.round(liquidated[0] * (opened - low) / opened, 3),
            "short_liq_base": np.round(liquidated[1] * (high - opened) / opened, 3),
            "oi_close": interest,
            "ls_ratio": np.round(long_pct / (100 - long_pct), 4),
            "long_pct": long_pct,
            "short_pct": np.round(100 - long_pct, 2),
        },
    )
