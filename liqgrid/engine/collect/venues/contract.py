"""Units and sides: the one place where what venues count and call becomes base units and the side of the position.

Venues count contracts, base or quote units, and name the side of the order or of the position. Every number and side a
venue file takes from a venue goes through here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from liqgrid.engine.market.errors import BadData, BadSetting
from liqgrid.engine.market.instrument import Instrument, Pair, Side


@dataclass(frozen=True, slots=True)
class Contract:
    """What a venue trades of an instrument.

    ``symbol`` is ccxt's spelling, ``market_id`` the venue's. A contract of a linear instrument is ``contract_size``
    base units; of an inverse one, which is margined and settled in base, ``contract_size`` quote units.
    """

    instrument: Instrument
    symbol: str
    market_id: str
    linear: bool
    contract_size: float

    def base_from_contracts(self, contracts: float, price: float) -> float:
        """Return the base units of a number of contracts; the price (quote per base) matters to inverse ones only."""
        return contracts * self.contract_size if self.linear else contracts * self.contract_size / price

    def base_from_quote(self, amount_quote: float, price: float) -> float:
        """Return the base units of an amount in quote currency at a price."""
        return amount_quote / price


def find_contract(exchange: Any, instrument: Instrument) -> Contract:
    """Return the perpetual of an instrument among a ccxt client's loaded markets.

    Raises
    ------
    BadSetting
        If the venue has none.
    """
    base, quote = instrument.pair.base, instrument.pair.quote
    for settle in (quote, base):
        market = exchange.markets.get(f"{base}/{quote}:{settle}")
        if market is not None and market.get("swap"):
            return _contract(instrument, market)
    near = sorted(name.partition(":")[0].replace("/", "-") for name in exchange.markets if name.startswith(f"{base}/"))
    known = f"it has {', '.join(dict.fromkeys(near))}" if near else f"it has nothing in {base}"
    raise BadSetting(f"config: {instrument.venue} has no perpetual {instrument.pair}; {known}")


def find_contract_by_symbol(exchange: Any, symbol: str) -> Contract:
    """Return the perpetual of ccxt's symbol, ``BTC/USDT:USDT``.

    Raises
    ------
    BadData
        If the loaded markets have none.
    """
    market = exchange.markets.get(symbol)
    if market is None or not market.get("swap"):
        raise BadData(f"{exchange.venue}: symbol was {symbol[:40]!r}; it is no perpetual of this venue")
    return _contract(Instrument(exchange.venue, Pair(market["base"], market["quote"])), market)


def _contract(instrument: Instrument, market: dict[str, Any]) -> Contract:
    return Contract(instrument, market["symbol"], market["id"], bool(market["linear"]), float(market["contractSize"]))


def side_of_position(name: str) -> Side:
    """Return the side a venue names the **position** by: long or buy, short or sell."""
    return _side({"long": Side.LONG, "buy": Side.LONG, "short": Side.SHORT, "sell": Side.SHORT}, name)


def side_of_order(name: str) -> Side:
    """Return the side of the position that the liquidation **order** closes: a forced sale closes a long."""
    return _side({"sell": Side.LONG, "buy": Side.SHORT}, name)


def _side(sides: dict[str, Side], name: str) -> Side:
    side = sides.get(str(name).lower())
    if side is None:
        raise BadData(f"side was {str(name)[:40]!r}; expected one of {', '.join(sides)}")
    return side


def positive(value: object, what: str) -> float:
    """Return a venue's number, which must be finite and above 0.

    Raises
    ------
    BadData
        Naming it otherwise.
    """
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise BadData(f"{what} was {str(value)[:40]!r}; expected a number above 0")
    return number


def epoch_ms(value: object, what: str) -> int:
    """Return a venue's time, which must be whole milliseconds of this century: seconds are refused, not guessed.

    Raises
    ------
    BadData
        Naming it otherwise.
    """
    number = positive(value, what)
    if not (946_684_800_000 <= number < 4_102_444_800_000):
        raise BadData(f"{what} was {str(value)[:40]!r}; expected milliseconds since 1970")
    return int(number)
