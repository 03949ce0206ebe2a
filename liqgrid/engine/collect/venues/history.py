"""History as most venues give it through ccxt: a window of time in, rows out.

Every request names both ends of its window and how many rows fit in, so it does not matter from which end a venue fills
a page. What lies outside the window is cut off, whatever was asked for; a row that does not hold together is left out,
and so becomes a gap.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import structlog

from liqgrid.engine.collect.venues.contract import Contract, epoch_ms, positive
from liqgrid.engine.collect.venues.frames import UNREADABLE
from liqgrid.engine.collect.venues.venue import MINUTE_MS, Fetch
from liqgrid.engine.market.arrays import F64, I64
from liqgrid.engine.market.bars import Bars
from liqgrid.engine.market.errors import BadData
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.rows import (
    BarRows,
    FundingRateRows,
    LongShortRatioRows,
    OpenInterestRows,
    mark_bar_rows,
)

_log = structlog.get_logger()
_FIVE_MINUTES = "5m"
BaseOfInterest = Callable[[dict[str, Any], Contract, float], float]


def table(rows: Iterable[Sequence[float]], columns: int, start_ms: int, end_ms: int) -> tuple[I64, F64]:
    """Return times (N,) and the other columns (N, columns) of rows (time first), ascending, in the window, each once.

    Of rows with one time the last is taken.
    """
    kept = {int(row[0]): row[1:] for row in rows if start_ms <= row[0] < end_ms}
    times = sorted(kept)
    values = np.array([kept[time] for time in times], dtype=np.float64).reshape(len(times), columns)
    return np.array(times, dtype=np.int64), values


def readable(items: Iterable[Any], read: Callable[[Any], Sequence[float]], contract: Contract) -> list[Sequence[float]]:
    """Return what could be read of each item; what could not is told of."""
    rows = []
    for item in items:
        try:
            rows.append(read(item))
        except UNREADABLE as error:
            _log.warning("row cannot be read", instrument=str(contract.instrument), reason=str(error)[:200])
    return rows


def _bar(row: Sequence[Any], volume_of: Callable[[float, float], float] | None) -> Sequence[float]:
    open_ms = epoch_ms(row[0], "a bar's time")
    first, high, low, close = (positive(value, "a price") for value in row[1:5])
    if open_ms % MINUTE_MS or not low <= min(first, close) <= max(first, close) <= high:
        raise BadData(f"a bar does not hold together: {row}")
    if volume_of is None:
        return (open_ms, first, high, low, close, math.nan, math.nan, math.nan)
    volume, bought, trades = (float(value) if value is not None else math.nan for value in (*row[5:8], None, None)[:3])
    if volume < 0:
        raise BadData(f"a bar's volume was {volume}")
    return (open_ms, first, high, low, close, volume_of(volume, close), volume_of(bought, close), trades)


def bars_of(*, counts_contracts: bool = False) -> Fetch:
    """Return how minute bars of trades are fetched; ccxt gives volume in base units, or counts contracts."""

    async def fetch(exchange: Any, contract: Contract, start_ms: int, end_ms: int) -> BarRows:
        def volume_of(volume: float, price: float) -> float:
            return contract.base_from_contracts(volume, price) if counts_contracts else volume

        rows = await _ohlcv(exchange, contract, start_ms, end_ms, {})
        open_ms, values = table(readable(rows, lambda row: _bar(row, volume_of), contract), 7, start_ms, end_ms)
        bars = Bars(Interval.M1, open_ms, *(np.ascontiguousarray(values[:, column]) for column in range(5)))
        return BarRows(bars, values[:, 5].copy(), values[:, 6].copy(), np.full(len(open_ms), np.nan))

    return fetch


async def fetch_mark_bars(exchange: Any, contract: Contract, start_ms: int, end_ms: int) -> BarRows:
    """Return minute bars of the mark price."""
    rows = await _ohlcv(exchange, contract, start_ms, end_ms, {"price": "mark"})
    open_ms, values = table(readable(rows, lambda row: _bar(row, None), contract), 7, start_ms, end_ms)
    return mark_bar_rows(Bars(Interval.M1, open_ms, *(np.ascontiguousarray(values[:, column]) for column in range(5))))


async def _ohlcv(
    exchange: Any, contract: Contract, start_ms: int, end_ms: int, params: dict[str, Any]
) -> list[Sequence[Any]]:
    limit = (end_ms - start_ms) // MINUTE_MS
    rows: list[Sequence[Any]] = await exchange.fetch_ohlcv(
        contract.symbol, "1m", start_ms, limit, {"until": end_ms - 1, **params}
    )
    return rows


def open_interest_of(base_of: BaseOfInterest, *, needs_price: bool = False) -> Fetch:
    """Return how open interest is fetched every five minutes; ``base_of`` makes base units of a venue's own.

    Where that needs a price (inverse contracts counted in quote) it is the close of the bar that ended then.
    """

    async def fetch(exchange: Any, contract: Contract, start_ms: int, end_ms: int) -> OpenInterestRows:
        limit = max(1, (end_ms - start_ms) // (5 * MINUTE_MS))
        found = await exchange.fetch_open_interest_history(
            contract.symbol, _FIVE_MINUTES, start_ms, limit, {"until": end_ms - 1}
        )
        closes: dict[int, float] = {}
        if needs_price and not contract.linear:
            before_ms = start_ms - 5 * MINUTE_MS
            bars = await exchange.fetch_ohlcv(
                contract.symbol, _FIVE_MINUTES, before_ms, limit + 1, {"until": end_ms - 1}
            )
            closes = {int(row[0]) + 5 * MINUTE_MS: float(row[4]) for row in bars}

        def read(one: dict[str, Any]) -> Sequence[float]:
            ts_ms = epoch_ms(one["timestamp"], "the time of open interest")
            return (ts_ms, positive(base_of(one, contract, closes.get(ts_ms, math.nan)), "open interest"))

        ts_ms, values = table(readable(found, read, contract), 1, start_ms, end_ms)
        return OpenInterestRows(ts_ms, values[:, 0].copy())

    return fetch


def open_interest_now(base_of: BaseOfInterest) -> Callable[[Any, Contract, float], Any]:
    """Return how the open interest of now is fetched, given the newest price."""

    async def fetch(exchange: Any, contract: Contract, price: float) -> OpenInterestRows:
        one = await exchange.fetch_open_interest(contract.symbol)
        ts_ms = one.get("timestamp") or exchange.heard_ms  # some venues do not say when it was true
        base = positive(base_of(one, contract, price), "open interest")
        return OpenInterestRows(np.array([epoch_ms(ts_ms, "the time of open interest")]), np.array([base]))

    return fetch


async def fetch_funding_rates(exchange: Any, contract: Contract, start_ms: int, end_ms: int) -> FundingRateRows:
    """Return the funding that was paid."""
    return await funding_rates(exchange, contract, start_ms, end_ms, {"until": end_ms - 1})


async def funding_rates(
    exchange: Any, contract: Contract, start_ms: int, end_ms: int, params: dict[str, Any], limit: int = 100
) -> FundingRateRows:
    """Return the funding that was paid; ``params`` bound the window where a venue has its own words for it."""
    found = await exchange.fetch_funding_rate_history(contract.symbol, start_ms, limit, params)

    def read(one: dict[str, Any]) -> Sequence[float]:
        rate = float(one["fundingRate"])
        if not abs(rate) < 1:
            raise BadData(f"a funding rate was {rate}; expected a fraction of notional")
        return (epoch_ms(one["timestamp"], "the time of funding"), rate)

    ts_ms, values = table(readable(found, read, contract), 1, start_ms, end_ms)
    return FundingRateRows(ts_ms, values[:, 0].copy())


def long_short_ratios_of(window: Callable[[int, int], dict[str, Any]]) -> Fetch:
    """Return how account ratios are fetched every five minutes; ``window`` names its ends, for ccxt may not."""

    async def fetch(exchange: Any, contract: Contract, start_ms: int, end_ms: int) -> LongShortRatioRows:
        limit = max(1, (end_ms - start_ms) // (5 * MINUTE_MS))
        found = await exchange.fetch_long_short_ratio_history(
            contract.symbol, _FIVE_MINUTES, start_ms, limit, window(start_ms, end_ms)
        )

        def read(one: dict[str, Any]) -> Sequence[float]:
            ratio = positive(one["longShortRatio"], "a long/short ratio")
            long_fraction = ratio / (1 + ratio)
            return (epoch_ms(one["timestamp"], "the time of a ratio"), ratio, long_fraction, 1 - long_fraction)

        ts_ms, values = table(readable(found, read, contract), 3, start_ms, end_ms)
        return LongShortRatioRows(ts_ms, *(values[:, column].copy() for column in range(3)))

    return fetch
