"""A made-up year of one-minute bars for benchmarks: heavy-tailed moves, as a busy pair has them."""

from __future__ import annotations

import numpy as np

from liqgrid.engine.market.bars import Bars, ReplayInput
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.rows import (
    BarRows,
    LiquidationBarRows,
    LongShortRatioRows,
    MarketRows,
    OpenInterestRows,
)
from tests.markets import BITCOIN

YEAR_BARS = 525_600
START_MS = 1_718_841_600_000  # 2024-06-20 00:00 UTC
# Median range of a bar 0.06 %, one in a hundred over 0.35 %; volume turns open interest over about twice a day.
_MOVE, _WICK, _TURNOVER = 0.0004, 0.0002, 0.0015


def minutes(bars: int, seed: int = 1) -> Bars:
    """Return one-minute bars from 60 000 on."""
    rng = np.random.default_rng(seed)
    close = 60_000 * np.exp(np.cumsum(_MOVE * rng.standard_t(4, size=bars)))
    opened = np.concatenate([[60_000.0], close[:-1]])
    high = np.maximum(opened, close) * np.exp(_WICK * np.abs(rng.normal(size=bars)))
    low = np.minimum(opened, close) * np.exp(-_WICK * np.abs(rng.normal(size=bars)))
    open_ms = START_MS + np.arange(bars) * Interval.M1.ms
    volume = 80_000 * _TURNOVER * rng.exponential(size=bars)
    return Bars(Interval.M1, open_ms, opened, high, low, close, volume)


def open_interest(bars: Bars, seed: int = 2) -> OpenInterestRows:
    """Return samples every five minutes, as Binance keeps them."""
    rng = np.random.default_rng(seed)
    closes = bars.close_ms[4::5]
    return OpenInterestRows(closes, 80_000 * np.exp(np.cumsum(5e-4 * rng.normal(size=len(closes)))))


def replay_rows(bars: Bars, seed: int = 2) -> ReplayInput:
    """Return the bars as a replay reads them, open interest carried from sample to sample."""
    samples = open_interest(bars, seed)
    at = np.maximum(np.searchsorted(samples.ts_ms, bars.close_ms, side="right") - 1, 0)  # (T,)
    return ReplayInput(
        bars.open_ms, bars.close_ms, bars.low, bars.high, bars.low, bars.high, bars.close, bars.volume_base,
        samples.open_interest_base[at], samples.ts_ms[at], np.zeros(len(bars), dtype=bool),
    )  # fmt: skip


def market_rows(bars: Bars, samples: OpenInterestRows) -> MarketRows:
    """Return bars and open interest as the store takes them."""
    unknown, none, no_times = np.full(len(bars), np.nan), np.empty(0), np.empty(0, dtype=np.int64)
    return MarketRows(
        instrument=BITCOIN,
        bars=BarRows(bars, unknown, unknown, unknown),
        open_interest=samples,
        long_short_ratio=LongShortRatioRows(no_times, none, none, none),
        liquidation_bars=LiquidationBarRows(no_times, none, none),
    )
