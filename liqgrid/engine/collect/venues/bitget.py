"""Bitget: USDT- and coin-margined perpetuals. It has no public liquidations and no history of open interest."""

from __future__ import annotations

from functools import partial
from typing import Any

import ccxt.pro

from liqgrid.engine.collect.venues.contract import Contract, epoch_ms
from liqgrid.engine.collect.venues.frames import Frames
from liqgrid.engine.collect.venues.history import (
    bars_of,
    fetch_mark_bars,
    funding_rates,
    long_short_ratios_of,
    open_interest_now,
)
from liqgrid.engine.collect.venues.tiers import fetch_tiers
from liqgrid.engine.collect.venues.venue import BARS, DAY_MS, HOUR_MS, MINUTE_MS, Source, Venue, Watch, swaps
from liqgrid.engine.market.rows import FundingRateRows
from liqgrid.engine.market.stream import Stream


class BitgetClient(Frames, ccxt.pro.bitget):
    """ccxt's client; a bar that begins says that the one before it closed."""

    venue = "bitget"

    def handle_ohlcv(self, client: Any, message: Any) -> None:
        """Say which bar is forming."""
        if message["arg"]["channel"] != "candle1m":
            return
        symbol = self.safe_symbol(message["arg"]["instId"], None, None, "contract")
        for row in message["data"]:
            open_ms = epoch_ms(row[0], "a bar's time")
            self.heard_ms = max(self.heard_ms, open_ms)
            self.take_forming(symbol, open_ms)


def _base_of_interest(one: dict[str, Any], _contract: Contract, _price: float) -> float:
    return float(one["openInterestAmount"])  # base units


async def _fetch_funding_rates(exchange: Any, contract: Contract, start_ms: int, end_ms: int) -> FundingRateRows:
    # It knows pages from now back, not times: the first holds a hundred payments.
    return await funding_rates(exchange, contract, start_ms, end_ms, {})


def _watch(exchange: Any, contracts: list[Contract]) -> list[Watch]:
    return [
        Watch(BARS, (contract.symbol,), partial(exchange.watch_ohlcv, contract.symbol, "1m")) for contract in contracts
    ]


VENUE = Venue(
    name="bitget",
    client=BitgetClient,
    options=swaps,
    sources={
        Stream.BAR_LAST: Source(bars_of(), MINUTE_MS, 200),
        Stream.BAR_MARK: Source(fetch_mark_bars, MINUTE_MS, 200),
        # It ignores the window and gives its newest; older ones cannot be had.
        Stream.LONG_SHORT_RATIO: Source(
            long_short_ratios_of(lambda _start_ms, _end_ms: {}), 5 * MINUTE_MS, 30, 2 * HOUR_MS, late_ms=5 * MINUTE_MS
        ),
        Stream.FUNDING_RATE: Source(
            _fetch_funding_rates, HOUR_MS, 30 * 24, 30 * DAY_MS, late_ms=MINUTE_MS, is_raster=False
        ),
    },
    watch=_watch,
    fetch_open_interest=open_interest_now(_base_of_interest),
    fetch_tiers=fetch_tiers,
)
