"""Bybit: linear and inverse perpetuals. Its liquidation feed is complete, every half second.

Its pages are filled from the end of the window backward, so both ends are always named; ccxt does not pass the window
of ratios on.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import ccxt.pro

from liqgrid.engine.collect.venues.contract import (
    Contract,
    epoch_ms,
    find_contract_by_symbol,
    positive,
    side_of_position,
)
from liqgrid.engine.collect.venues.frames import Frames, closed_bar
from liqgrid.engine.collect.venues.history import (
    bars_of,
    fetch_funding_rates,
    fetch_mark_bars,
    long_short_ratios_of,
    open_interest_now,
    open_interest_of,
)
from liqgrid.engine.collect.venues.tiers import fetch_tiers
from liqgrid.engine.collect.venues.venue import (
    BARS,
    HOUR_MS,
    LIQUIDATIONS,
    MINUTE_MS,
    Source,
    Venue,
    Watch,
    linear_or_inverse,
)
from liqgrid.engine.market.instrument import Side
from liqgrid.engine.market.stream import Stream


class BybitClient(Frames, ccxt.pro.bybit):
    """ccxt's client, which knows closed bars and hands on every liquidation of a frame."""

    venue = "bybit"

    def handle_ohlcv(self, client: Any, message: Any) -> None:
        """Hand on the bars that Bybit calls confirmed."""
        _, interval, market_id = message["topic"].split(".")
        symbol = self.safe_symbol(market_id, None, None, "contract")
        volume = "volume" if self.market(symbol)["linear"] else "turnover"
        for bar in message["data"]:
            self.heard_ms = max(self.heard_ms, epoch_ms(bar["timestamp"], "an event's time"))
            if bar["confirm"] is True and interval == "1":
                prices = [bar[name] for name in ("open", "high", "low", "close")]
                self.take_bar(symbol, closed_bar(bar["start"], prices, bar[volume]))

    def handle_liquidation(self, client: Any, message: Any) -> None:
        """Hand on all liquidations of a frame; ccxt would tell of one."""
        self.take_liquidations(message["data"], self._read_liquidation)

    def _read_liquidation(self, one: Any) -> tuple[str, int, Side, float, float]:
        # S is the side of the position: Buy says that a long was liquidated. p is the bankruptcy price.
        contract = find_contract_by_symbol(self, self.safe_symbol(one["s"], None, None, "contract"))
        price = positive(one["p"], "a liquidation's price")
        size = positive(one["v"], "a liquidated amount")  # base units; of inverse contracts quote units
        base = size if contract.linear else contract.base_from_quote(size, price)
        return contract.symbol, epoch_ms(one["T"], "a liquidation's time"), side_of_position(one["S"]), price, base


def _base_of_interest(one: dict[str, Any], contract: Contract, price: float) -> float:
    # Linear: base units. Inverse: quote units.
    if contract.linear:
        return float(one["openInterestAmount"])
    return contract.base_from_quote(float(one["openInterestValue"]), price)


def _watch(exchange: Any, contracts: list[Contract]) -> list[Watch]:
    watches = []
    for linear in (True, False):  # other hosts
        symbols = tuple(contract.symbol for contract in contracts if contract.linear is linear)
        if symbols:
            bars = [[symbol, "1m"] for symbol in symbols]
            watches.append(Watch(BARS, symbols, partial(exchange.watch_ohlcv_for_symbols, bars)))
        watches += [Watch(LIQUIDATIONS, (one,), partial(exchange.watch_liquidations, one)) for one in symbols]
    return watches


VENUE = Venue(
    name="bybit",
    client=BybitClient,
    options=linear_or_inverse,
    sources={
        Stream.BAR_LAST: Source(bars_of(), MINUTE_MS, 1000),
        Stream.BAR_MARK: Source(fetch_mark_bars, MINUTE_MS, 1000),
        Stream.OPEN_INTEREST: Source(
            open_interest_of(_base_of_interest, needs_price=True), 5 * MINUTE_MS, 200, late_ms=5 * MINUTE_MS
        ),
        Stream.LONG_SHORT_RATIO: Source(
            long_short_ratios_of(lambda start_ms, end_ms: {"startTime": start_ms, "endTime": end_ms - 1}),
            5 * MINUTE_MS, 500, late_ms=5 * MINUTE_MS,
        ),
        Stream.FUNDING_RATE: Source(fetch_funding_rates, HOUR_MS, 100, late_ms=MINUTE_MS, is_raster=False),
    },
    watch=_watch,
    fetch_open_interest=open_interest_now(_base_of_interest),
    fetch_tiers=fetch_tiers,
)  # fmt: skip
