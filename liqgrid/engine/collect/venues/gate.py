"""Gate: perpetuals settled in USDT. Its statistics tell what was liquidated on either side, five minutes at a time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import ccxt.pro
import numpy as np

from liqgrid.engine.collect.venues.contract import Contract, epoch_ms
from liqgrid.engine.collect.venues.frames import Frames
from liqgrid.engine.collect.venues.history import bars_of, fetch_funding_rates, fetch_mark_bars, readable, table
from liqgrid.engine.collect.venues.tiers import fetch_tiers
from liqgrid.engine.collect.venues.venue import BARS, DAY_MS, HOUR_MS, MINUTE_MS, Source, Venue, Watch, swaps
from liqgrid.engine.market.arrays import F64, I64
from liqgrid.engine.market.rows import LiquidationBarRows, LongShortRatioRows, OpenInterestRows
from liqgrid.engine.market.stream import Stream


class GateClient(Frames, ccxt.pro.gate):
    """ccxt's client; a bar that begins says that the one before it closed."""

    venue = "gate"

    def handle_ohlcv(self, client: Any, message: Any) -> None:
        """Say which bar is forming."""
        for bar in message["result"]:
            interval, _, market_id = bar["n"].partition("_")
            open_ms = epoch_ms(float(bar["t"]) * 1000, "a bar's time")  # seconds
            self.heard_ms = max(self.heard_ms, open_ms)
            if interval == "1m":
                self.take_forming(self.safe_symbol(market_id, None, "_", "contract"), open_ms)


async def _statistics(
    exchange: Any, contract: Contract, start_ms: int, end_ms: int, names: Sequence[str]
) -> tuple[I64, F64]:
    limit = max(1, (end_ms - start_ms) // (5 * MINUTE_MS))
    found = await exchange.fetch_open_interest_history(contract.symbol, "5m", start_ms, limit)

    def read(one: dict[str, Any]) -> Sequence[float]:
        ts_ms = epoch_ms(one["timestamp"], "the time of a statistic")
        return (ts_ms, *(float(one["info"][name]) for name in names))

    return table(readable(found, read, contract), len(names), start_ms, end_ms)


async def _fetch_open_interest(exchange: Any, contract: Contract, start_ms: int, end_ms: int) -> OpenInterestRows:
    ts_ms, values = await _statistics(exchange, contract, start_ms, end_ms, ["open_interest", "mark_price"])
    sound = (values > 0).all(axis=1)
    return OpenInterestRows(ts_ms[sound], values[sound, 0] * _base_of_one(contract, values[sound, 1]))


async def _fetch_ratios(exchange: Any, contract: Contract, start_ms: int, end_ms: int) -> LongShortRatioRows:
    ts_ms, values = await _statistics(exchange, contract, start_ms, end_ms, ["lsr_account"])
    sound = values[:, 0] > 0
    ratio = values[sound, 0]
    return LongShortRatioRows(ts_ms[sound], ratio, ratio / (1 + ratio), 1 / (1 + ratio))


async def _fetch_liquidations(exchange: Any, contract: Contract, start_ms: int, end_ms: int) -> LiquidationBarRows:
    # Contracts by side of the position; the sign says nothing here.
    names = ["long_liq_size", "short_liq_size", "mark_price"]
    open_ms, values = await _statistics(exchange, contract, start_ms, end_ms, names)
    longs, shorts, prices = (values[:, column] for column in range(3))
    one = _base_of_one(contract, prices)
    return LiquidationBarRows(open_ms, np.abs(longs) * one, np.abs(shorts) * one)


def _base_of_one(contract: Contract, prices: F64) -> F64:
    return np.array([contract.base_from_contracts(1, price) for price in prices], dtype=np.float64)


def _watch(exchange: Any, contracts: list[Contract]) -> list[Watch]:
    return [
        Watch(BARS, (contract.symbol,), partial(exchange.watch_ohlcv, contract.symbol, "1m")) for contract in contracts
    ]


VENUE = Venue(
    name="gate",
    client=GateClient,
    options=swaps,
    sources={
        # Volume is in contracts; a page of 1999 would cut its first bar off where the end counts too.
        Stream.BAR_LAST: Source(bars_of(counts_contracts=True), MINUTE_MS, 1000),
        Stream.BAR_MARK: Source(fetch_mark_bars, MINUTE_MS, 1000),
        Stream.OPEN_INTEREST: Source(_fetch_open_interest, 5 * MINUTE_MS, 100, late_ms=5 * MINUTE_MS),
        Stream.LONG_SHORT_RATIO: Source(_fetch_ratios, 5 * MINUTE_MS, 100, late_ms=5 * MINUTE_MS),
        Stream.LIQUIDATION_BAR: Source(_fetch_liquidations, 5 * MINUTE_MS, 100, late_ms=5 * MINUTE_MS),
        Stream.FUNDING_RATE: Source(
            fetch_funding_rates, HOUR_MS, 100, 180 * DAY_MS, late_ms=MINUTE_MS, is_raster=False
        ),
    },
    watch=_watch,
    fetch_tiers=fetch_tiers,
)  # fmt: skip
