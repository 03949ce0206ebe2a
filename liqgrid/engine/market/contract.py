"""Linear and inverse contracts: in which currency a perpetual keeps its margin and counts its profit."""

from __future__ import annotations

from enum import StrEnum

from liqgrid.engine.market.instrument import Instrument

# Their perpetuals quoted in USD are margined in the coin; stablecoins and everything elsewhere are linear.
_COIN_MARGINED_VENUES = frozenset({"binance", "bybit", "okx", "gate", "bitget"})


class Contract(StrEnum):
    """``LINEAR``: margin and profit in quote currency; ``INVERSE``: both in base coin."""

    LINEAR = "linear"
    INVERSE = "inverse"


def contract_of(instrument: Instrument) -> Contract:
    """Return the kind of contract an instrument is, which follows from venue and quote.

    Quote ``USD`` is inverse on the venues that margin such perpetuals in the coin (Binance COIN-M, Bybit inverse, OKX
    crypto-margined, Gate, Bitget). All else is linear, whatever the quote: Hyperliquid's, and a venue's not named here.
    """
    inverse = instrument.pair.quote == "USD" and instrument.venue in _COIN_MARGINED_VENUES
    return Contract.INVERSE if inverse else Contract.LINEAR
