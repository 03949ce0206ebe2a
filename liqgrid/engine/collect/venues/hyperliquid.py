"""Hyperliquid: perpetuals quoted in USDC. Mark-price bars, past open interest and liquidations are not public there."""

from __future__ import annotations

from functools import partial
from typing import Any

import ccxt.pro

from liqgrid.engine.collect.venues.contract import Contract, epoch_ms
from liqgrid.engine.collect.venues.frames import Frames
from liqgrid.engine.collect.venues.history import bars_of, fetch_funding_rates, open_interest_now
from liqgrid.engine.collect.venues.venue import BARS, DAY_MS, HOUR_MS, MINUTE_MS, Source, Venue, Watch, swaps
from liqgrid.engine.market.stream import Stream


class HyperliquidClient(Frames, ccxt.pro.hyperliquid):
    """ccxt's client; a bar that begins says that the one before it closed."""

    venue = "hyperliquid"

    def handle_ohlcv(self, client: Any, message: Any) -> None:
        """Say which bar is forming."""
        bar = message["data"]
        open_ms = epoch_ms(bar["t"], "a bar's time")
        self.heard_ms = max(self.heard_ms, open_ms)
        if bar["i"] == "1m":
            self.take_forming(self.safe_symbol(self.coin_to_market_id(bar["s"])), open_ms)


def _base_of_interest(one: dict[str, Any], _contract: Contract, _price: float) -> float:
    return float(one["openInterestAmount"])  # base units


def _watch(exchange: Any, contracts: list[Contract]) -> list[Watch]:
    return [
        Watch(BARS, (contract.symbol,), partial(exchange.watch_ohlcv, contract.symbol, "1m")) for contract in contracts
    ]


VENUE = Venue(
    name="hyperliquid",
    client=HyperliquidClient,
    options=swaps,
    sources={
        # It keeps its newest 5000 bars of each interval.
        Stream.BAR_LAST: Source(bars_of(), MINUTE_MS, 1000, 5000 * MINUTE_MS),
        Stream.FUNDING_RATE: Source(fetch_funding_rates, HOUR_MS, 100, 365 * DAY_MS, MINUTE_MS, is_raster=False),
    },
    watch=_watch,
    fetch_open_interest=open_interest_now(_base_of_interest),
)
