"""Binance: USDT-margined and coin-margined perpetuals.

Of liquidations it publishes at most one a second for each symbol, so what is collected is a floor. Its history of open
interest and ratios reaches back a month; older ones are in its public archive. Margin tiers need a key.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import ccxt.pro

from liqgrid.engine.collect.venues.contract import Contract, epoch_ms, find_contract_by_symbol, positive, side_of_order
from liqgrid.engine.collect.venues.frames import Frames, closed_bar
from liqgrid.engine.collect.venues.history import (
    bars_of,
    fetch_funding_rates,
    fetch_mark_bars,
    long_short_ratios_of,
    open_interest_now,
    open_interest_of,
)
from liqgrid.engine.collect.venues.venue import (
    BARS,
    DAY_MS,
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


class BinanceClient(Frames, ccxt.pro.binance):
    """ccxt's client, which keeps what takers bought, knows closed bars, and reads whole liquidation frames."""

    venue = "binance"

    def parse_ohlcv(self, ohlcv: Any, market: Any = None) -> list[Any]:
        """Return ccxt's bar, then base units bought by takers and the number of trades."""
        row: list[Any] = super().parse_ohlcv(ohlcv, market)
        bought = 10 if market is not None and market.get("inverse") else 9
        return [*row, self.safe_number(ohlcv, bought), self.safe_number(ohlcv, 8)]

    async def watch_bars_and_liquidations(self, symbols: Sequence[str]) -> None:
        """Subscribe to both over one connection, then wait until it fails.

        ccxt's own calls take a connection for each; that of liquidations may be silent for hours, so nobody could tell
        a quiet market from a dead feed.
        """
        markets = [self.market(symbol) for symbol in symbols]
        streams = [f"{market['lowercaseId']}@{name}" for market in markets for name in ("kline_1m", "forceOrder")]
        kind = "linear" if markets[0]["linear"] else "inverse"
        connection = self.stream(kind, f"liqgrid::{streams[0]}", len(streams))
        url = f"{self.get_ws_url(kind, 'market')}/{connection}"
        request = {"method": "SUBSCRIBE", "params": streams, "id": self.request_id(url)}
        await self.watch_multiple(url, [f"liqgrid::{connection}"], request, streams, {"id": request["id"]})

    def handle_ohlcv(self, client: Any, message: Any) -> None:
        """Hand on a bar when Binance calls it closed."""
        kline = message["k"]
        self.heard_ms = max(self.heard_ms, epoch_ms(message["E"], "an event's time"))
        if kline["x"] is not True or kline["i"] != "1m":
            return
        symbol = self.safe_symbol(kline["s"], None, None, "contract")
        # Coin-margined volume is in contracts; q and Q are in base units there.
        volume, bought = ("v", "V") if self.market(symbol)["linear"] else ("q", "Q")
        prices = [kline[name] for name in "ohlc"]
        self.take_bar(symbol, closed_bar(kline["t"], prices, kline[volume], kline[bought], kline["n"]))

    def handle_liquidation(self, client: Any, message: Any) -> None:
        """Hand on the liquidation of a frame."""
        self.take_liquidations([message["o"]], self._read_liquidation)

    def _read_liquidation(self, order: Any) -> tuple[str, int, Side, float, float]:
        # S is the side of the order; ap the average price it was filled at, z how much of it.
        contract = find_contract_by_symbol(self, self.safe_symbol(order["s"], None, None, "contract"))
        price = positive(order["ap"] if float(order.get("ap") or 0) else order["p"], "a liquidation's price")
        amount = contract.base_from_contracts(positive(order["z"], "a liquidated amount"), price)
        return (
            contract.symbol, epoch_ms(order["T"], "a liquidation's time"), side_of_order(order["S"]), price, amount
        )  # fmt: skip


def _base_of_interest(one: dict[str, Any], contract: Contract, price: float) -> float:
    # Linear: base units. Coin-margined: contracts, and in its history the "value" is in base units.
    if contract.linear:
        return float(one["openInterestAmount"])
    if one.get("openInterestValue") is not None:
        return float(one["openInterestValue"])
    return contract.base_from_contracts(float(one["openInterestAmount"]), price)


def _watch(exchange: Any, contracts: list[Contract]) -> list[Watch]:
    watches = []
    for linear in (True, False):  # other hosts
        symbols = [contract.symbol for contract in contracts if contract.linear is linear]
        for first in range(0, len(symbols), 100):
            some = tuple(symbols[first : first + 100])
            watches.append(Watch(BARS | LIQUIDATIONS, some, partial(exchange.watch_bars_and_liquidations, some)))
    return watches


_MONTH_MS = 30 * DAY_MS - HOUR_MS
VENUE = Venue(
    name="binance",
    client=BinanceClient,
    options=linear_or_inverse,
    sources={
        Stream.BAR_LAST: Source(bars_of(), MINUTE_MS, 1000),
        Stream.BAR_MARK: Source(fetch_mark_bars, MINUTE_MS, 1000),
        Stream.OPEN_INTEREST: Source(
            open_interest_of(_base_of_interest), 5 * MINUTE_MS, 500, _MONTH_MS, late_ms=5 * MINUTE_MS
        ),
        Stream.LONG_SHORT_RATIO: Source(
            long_short_ratios_of(lambda start_ms, end_ms: {"startTime": start_ms, "endTime": end_ms - 1}),
            5 * MINUTE_MS, 500, _MONTH_MS, late_ms=5 * MINUTE_MS,
        ),
        Stream.FUNDING_RATE: Source(fetch_funding_rates, HOUR_MS, 100, late_ms=MINUTE_MS, is_raster=False),
    },
    watch=_watch,
    fetch_open_interest=open_interest_now(_base_of_interest),
)  # fmt: skip
