"""Exchanges and symbols as the vendor spells them, found among what is stored."""

from __future__ import annotations

from liqgrid.api.database import Pool
from liqgrid.api.reads import InstrumentRow, read_instruments
from liqgrid.engine.market.errors import BadRequest, UnknownPair
from liqgrid.engine.market.instrument import Pair, parse_pair

# Venues whose name is not simply theirs with a capital.
_NAMES = {
    "bitmex": "BitMEX",
    "coinex": "CoinEx",
    "dydx": "dYdX",
    "htx": "HTX",
    "kucoin": "KuCoin",
    "lbank": "LBank",
    "mexc": "MEXC",
    "okx": "OKX",
    "woox": "WOO X",
}


def exchange_name(venue: str) -> str:
    """Return a venue as the vendor spells it: ``okx`` is ``OKX``."""
    return _NAMES.get(venue, venue.capitalize())


def symbol_of(venue: str, pair: Pair) -> str:
    """Return a pair as the vendor spells it on an exchange: ``BTCUSDT``, ``BTC-USDT-SWAP`` on OKX."""
    match venue:
        case "okx":
            return f"{pair}-SWAP"
        case "hyperliquid":
            return pair.base
        case "bybit" if pair.quote == "USDC":
            return f"{pair.base}PERP"
        case "gate":
            return f"{pair.base}_{pair.quote}"
    return f"{pair.base}{pair.quote}"


async def venue_of(pool: Pool, exchange: str) -> str:
    """Return the venue of an exchange's name, whatever its capitals.

    Raises
    ------
    BadRequest
        If nothing of it is stored.
    """
    venues = {row.venue for row in await read_instruments(pool)}
    for venue in venues:
        if exchange_name(venue).lower() == exchange.lower():
            return venue
    known = ", ".join(sorted(exchange_name(venue) for venue in venues))
    raise BadRequest(f"exchange was {exchange!r}; stored are {known or 'none'}", parameter="exchange", value=exchange)


async def instrument_of(pool: Pool, exchange: str, symbol: str) -> InstrumentRow:
    """Return the stored instrument of an exchange's name and symbol.

    Raises
    ------
    BadRequest, UnknownPair
        If it is not stored.
    """
    venue = await venue_of(pool, exchange)
    rows = {symbol_of(venue, parse_pair(row.pair)): row for row in await read_instruments(pool, None, venue)}
    joined = {row.pair.replace("-", ""): row for row in rows.values()}  # taken everywhere, as most exchanges spell it
    if symbol not in rows and symbol not in joined:
        some = ", ".join(sorted(rows)[:20])
        raise UnknownPair(
            f"symbol was {symbol!r}; stored of {exchange_name(venue)} are {some}", parameter="symbol", value=symbol
        )
    return rows.get(symbol) or joined[symbol]


async def instruments_of_coin(pool: Pool, coin: str) -> list[InstrumentRow]:
    """Return every stored instrument of a coin.

    Raises
    ------
    UnknownPair
        If there is none.
    """
    rows = await read_instruments(pool, None, None, coin)
    if not rows:
        raise UnknownPair(f"symbol was {coin!r}; no pair of that coin is stored", parameter="symbol", value=coin)
    return rows


def on_exchanges(instruments: list[InstrumentRow], listed: str) -> list[InstrumentRow]:
    """Return the instruments that are on one of some exchanges, separated by commas.

    Raises
    ------
    BadRequest
        If none is.
    """
    names = {name.strip().lower() for name in listed.split(",")}
    found = [row for row in instruments if exchange_name(row.venue).lower() in names]
    if not found:
        stored = ", ".join(sorted({exchange_name(row.venue) for row in instruments}))
        raise BadRequest(
            f"exchange_list was {listed!r}; stored of that coin are {stored}", parameter="exchange_list", value=listed
        )
    return found
