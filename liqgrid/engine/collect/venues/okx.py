"""OKX: perpetual swaps, counted in contracts. It publishes at most one liquidation a second for each contract."""

from __future__ import annotations

from functools import partial
from typing import Any

import ccxt.pro

from liqgrid.engine.collect.venues.contract import (
    Contract,
    epoch_ms,
    find_contract_by_symbol,
    positive,
    side_of_order,
    side_of_position,
)
from liqgrid.engine.collect.venues.frames import Frames, closed_bar
from liqgrid.engine.collect.venues.history import (
    bars_of,
    fetch_mark_bars,
    funding_rates,
    long_short_ratios_of,
    open_interest_now,
    open_interest_of,
)
from liqgrid.engine.collect.venues.tiers import fetch_tiers_in_contracts
from liqgrid.engine.collect.venues.venue import (
    BARS,
    DAY_MS,
    HOUR_MS,
    LIQUIDATIONS,
    MINUTE_MS,
    Source,
    Venue,
    Watch,
    swaps,
)
from liqgrid.engine.market.instrument import Side
from liqgrid.engine.market.rows import FundingRateRows
from liqgrid.engine.market.stream import Stream


class OkxClient(Frames, ccxt.pro.okx):
    """ccxt's client, which knows closed bars and reads every detail of a liquidation frame."""

    venue = "okx"

    def handle_ohlcv(self, client: Any, message: Any) -> None:
        """Hand on the bars that OKX calls confirmed."""
        if message["arg"]["channel"] != "candle1m":
            return
        symbol = self.safe_symbol(message["arg"]["instId"])
        for row in message["data"]:  # time, open, high, low, close, contracts, base units, quote units, confirmed
            self.heard_ms = max(self.heard_ms, epoch_ms(row[0], "a bar's time"))
            if row[8] == "1":
                self.take_bar(symbol, closed_bar(row[0], row[1:5], row[6]))

    def handle_liquidation(self, client: Any, message: Any) -> None:
        """Hand on every detail of every part; ccxt would read the first detail only. The feed is of all swaps."""
        parts = [
            {"instId": part["instId"], **detail}
            for part in message["data"]
            for detail in part["details"]
            if part["instId"] in self.markets_by_id
        ]
        self.take_liquidations(parts, self._read_liquidation)

    def _read_liquidation(self, one: Any) -> tuple[str, int, Side, float, float]:
        # side is that of the order, posSide that of the position where accounts hold both; bkPx the bankruptcy price.
        contract = find_contract_by_symbol(self, self.safe_symbol(one["instId"]))
        price = positive(one["bkPx"], "a liquidation's price")
        side = side_of_position(one["posSide"]) if one["posSide"] in {"long", "short"} else side_of_order(one["side"])
        base = contract.base_from_contracts(positive(one["sz"], "a liquidated amount"), price)
        return contract.symbol, epoch_ms(one["ts"], "a liquidation's time"), side, price, base


def _base_of_interest(one: dict[str, Any], _contract: Contract, _price: float) -> float:
    # Contracts, base units and US dollars beside each other: of now by name, in its history by place.
    told = one["info"]
    return float(told[2] if isinstance(told, list) else told["oiCcy"])


async def _fetch_funding_rates(exchange: Any, contract: Contract, start_ms: int, end_ms: int) -> FundingRateRows:
    # "after" is what bounds the window at its end: without it the newest hundred come, whatever the start.
    return await funding_rates(exchange, contract, start_ms, end_ms, {"after": end_ms})


def _watch(exchange: Any, contracts: list[Contract]) -> list[Watch]:
    symbols = tuple(contract.symbol for contract in contracts)
    watches = [Watch(LIQUIDATIONS, symbols, partial(exchange.watch_liquidations_for_symbols, list(symbols)))]
    for first in range(0, len(symbols), 100):
        some = symbols[first : first + 100]
        bars = [[symbol, "1m"] for symbol in some]
        watches.append(Watch(BARS, some, partial(exchange.watch_ohlcv_for_symbols, bars)))
    return watches


_STATISTICS_MS = 1440 * 5 * MINUTE_MS  # how far back its five-minute statistics reach
VENUE = Venue(
    name="okx",
    client=OkxClient,
    options=swaps,
    sources={
        Stream.BAR_LAST: Source(bars_of(), MINUTE_MS, 100),
        Stream.BAR_MARK: Source(fetch_mark_bars, MINUTE_MS, 100),
        Stream.OPEN_INTEREST: Source(
            open_interest_of(_base_of_interest), 5 * MINUTE_MS, 100, _STATISTICS_MS, late_ms=5 * MINUTE_MS
        ),
        Stream.LONG_SHORT_RATIO: Source(
            long_short_ratios_of(lambda _start_ms, end_ms: {"until": end_ms - 1}),
            5 * MINUTE_MS, 100, _STATISTICS_MS, late_ms=5 * MINUTE_MS,
        ),
        Stream.FUNDING_RATE: Source(
            _fetch_funding_rates, HOUR_MS, 100, 90 * DAY_MS, late_ms=MINUTE_MS, is_raster=False
        ),
    },
    watch=_watch,
    fetch_open_interest=open_interest_now(_base_of_interest),
    fetch_tiers=fetch_tiers_in_contracts,
)  # fmt: skip
