"""A made-up market as liqgrid's own CSV."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

HEADER = "open_time_utc,open,high,low,close,volume,long_liq_base,short_liq_base,oi_close"
START = datetime(2024, 6, 20, tzinfo=UTC)


def market_rows(bars: int, seed: int = 1) -> list[str]:
    """Rows of a random walk in hours; the further a bar reaches, the more is liquidated."""
    random = np.random.default_rng(seed)
    close = 60_000 * np.exp(np.cumsum(random.normal(0, 0.006, bars)))
    opens = np.concatenate([[60_000.0], close[:-1]])
    high = np.maximum(opens, close) * np.exp(random.exponential(0.002, bars))
    low = np.minimum(opens, close) * np.exp(-random.exponential(0.002, bars))
    volume = random.lognormal(8, 0.4, bars)
    oi = 70_000 * np.exp(np.cumsum(random.normal(0, 0.004, bars)))
    long_liq = volume * np.maximum(0, opens / low - 1) * random.lognormal(0, 0.5, bars)
    short_liq = volume * np.maximum(0, high / opens - 1) * random.lognormal(0, 0.5, bars)
    rows = []
    for t, numbers in enumerate(zip(opens, high, low, close, volume, long_liq, short_liq, oi, strict=True)):
        stamp = (START + timedelta(hours=t)).strftime("%Y-%m-%dT%H:%M:%SZ")
        rows.append(",".join([stamp, *(f"{number:.4f}" for number in numbers)]))
    return rows


def write_market(folder: Path, rows: list[str], name: str = "BTCUSDT_1h.csv") -> Path:
    """Write rows under the header; return the file."""
    path = folder / name
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


def with_cell(rows: list[str], row: int, column: str, value: str) -> list[str]:
    """Rows with one cell changed."""
    cells = rows[row].split(",")
    cells[HEADER.split(",").index(column)] = value
    return [*rows[:row], ",".join(cells), *rows[row + 1 :]]
