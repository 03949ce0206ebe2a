"""Pairs, sides and instruments: who is who in the market."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from liqgrid.engine.market.errors import BadRequest

_PAIR = re.compile(r"([A-Z0-9]{1,20})-([A-Z0-9]{2,10})")
_COIN = re.compile(r"[A-Z0-9]{1,20}")
_VENUE = re.compile(r"[a-z][a-z0-9]{1,30}")
_QUOTES = ("FDUSD", "USDT", "USDC", "BUSD", "USD")
# Quotes that count as one dollar each where pairs of a coin are added up.
DOLLARS = frozenset(_QUOTES)


class Side(StrEnum):
    """Side of a position; ``LONG`` is liquidated by falling prices."""

    LONG = "long"
    SHORT = "short"

    @property
    def row(self) -> int:
        """Row of this side in arrays of shape (2, …): 0 long, 1 short."""
        return 0 if self is Side.LONG else 1


SIDES = (Side.LONG, Side.SHORT)


class PriceType(StrEnum):
    """Which price a bar is made of: trades, or the venue's mark price, by which it liquidates."""

    LAST = "last"
    MARK = "mark"


@dataclass(frozen=True, slots=True, order=True)
class Pair:
    """Base and quote without a venue, ``BTC-USDT``."""

    base: str
    quote: str

    def __str__(self) -> str:
        return f"{self.base}-{self.quote}"


@dataclass(frozen=True, slots=True, order=True)
class Coin:
    """A base currency with all its pairs that are quoted in dollars or dollar stablecoins, ``BTC``."""

    base: str

    @property
    def quote(self) -> str:
        """Currency of notionals summed over the pairs: a dollar, whichever it is (``DOLLARS``)."""
        return "USD"

    def __str__(self) -> str:
        return self.base


@dataclass(frozen=True, slots=True, order=True)
class Instrument:
    """A perpetual of a pair on a venue, ``binance:BTC-USDT``."""

    venue: str
    pair: Pair

    def __str__(self) -> str:
        return f"{self.venue}:{self.pair}"


def parse_pair(text: str) -> Pair:
    """Return the pair spelled ``text``, for example ``BTC-USDT``.

    Raises
    ------
    BadRequest
        If ``text`` is not base, a hyphen, and quote.
    """
    match = _PAIR.fullmatch(text)
    if match is None:
        raise BadRequest(f"pair was {text[:60]!r}; write base-quote, for example BTC-USDT", pair=text[:60])
    return Pair(match[1], match[2])


def parse_pair_or_coin(text: str) -> Pair | Coin:
    """Return the pair spelled ``BTC-USDT``, or the coin spelled ``BTC``.

    Raises
    ------
    BadRequest
        If ``text`` is neither.
    """
    if _COIN.fullmatch(text):
        return Coin(text)
    return parse_pair(text)


def parse_instrument(text: str) -> Instrument:
    """Return the instrument spelled ``text``, for example ``binance:BTC-USDT``.

    Raises
    ------
    BadRequest
        If ``text`` is not venue, a colon, and a pair.
    """
    venue, colon, pair = text.partition(":")
    if not colon or _VENUE.fullmatch(venue) is None:
        raise BadRequest(
            f"instrument was {text[:60]!r}; write venue:base-quote, for example binance:BTC-USDT",
            instrument=text[:60],
        )
    return Instrument(venue, parse_pair(pair))


def pair_from_joined(joined: str) -> Pair:
    """Return the pair of a joined spelling such as ``BTCUSDT``.

    Raises
    ------
    BadRequest
        If it does not end in a known quote currency.
    """
    for quote in _QUOTES:
        if joined.endswith(quote) and len(joined) > len(quote):
            return parse_pair(f"{joined.removesuffix(quote)}-{quote}")
    raise BadRequest(
        f"symbol was {joined[:60]!r}; it must end in one of {', '.join(_QUOTES)}, or be given as an instrument",
        symbol=joined[:60],
    )
