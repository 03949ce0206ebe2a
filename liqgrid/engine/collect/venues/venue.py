"""What a venue is to collection: a ccxt client, and for each stream how its history is asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from liqgrid.engine.collect.venues.contract import Contract
from liqgrid.engine.market.instrument import Pair
from liqgrid.engine.market.rows import (
    BarRows,
    FundingRateRows,
    LiquidationBarRows,
    LongShortRatioRows,
    OpenInterestRows,
)
from liqgrid.engine.market.stream import Stream
from liqgrid.engine.market.tiers import TierSet

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

Rows = BarRows | OpenInterestRows | FundingRateRows | LongShortRatioRows | LiquidationBarRows
# Rows of a contract in [start_ms, end_ms), ascending and unique; the client is a ccxt one.
Fetch = Callable[[Any, Contract, int, int], Awaitable[Rows]]


@dataclass(frozen=True, slots=True)
class Source:
    """How a stream's history is asked for.

    Rows come every ``step_ms`` (of funding: at least so far apart), ``page`` of them a request, back to ``depth_ms``
    before now (None: all there is). A row is published up to ``late_ms`` after its time. ``is_raster`` says that rows
    stand at every step, so that a missing one is a gap.
    """

    fetch: Fetch
    step_ms: int
    page: int
    depth_ms: int | None = None
    late_ms: int = 0
    is_raster: bool = True

    @property
    def window_ms(self) -> int:
        """The time that one request covers."""
        return self.step_ms * self.page


@dataclass(frozen=True, slots=True)
class Watch:
    """A subscription: ``call`` subscribes to streams of ccxt's symbols, then waits until the connection fails."""

    streams: frozenset[Stream]
    symbols: tuple[str, ...]
    call: Callable[[], Awaitable[Any]]


BARS = frozenset({Stream.BAR_LAST})
LIQUIDATIONS = frozenset({Stream.LIQUIDATION})


def swaps(_pairs: Sequence[Pair]) -> dict[str, Any]:
    """Return the options of a client that knows perpetuals only: its markets load faster and take less memory."""
    return {"defaultType": "swap", "fetchMarkets": {"types": ["swap"]}, "fetchCurrencies": False}


def linear_or_inverse(pairs: Sequence[Pair]) -> dict[str, Any]:
    """Return the options of a client that keeps what settles in quote apart from what settles in base (``BTC-USD``)."""
    inverse = {pair.quote == "USD" for pair in pairs}
    types = [name for name, wanted in (("linear", False in inverse), ("inverse", True in inverse)) if wanted]
    return {
        "defaultType": "swap",
        "defaultSubType": types[0] if types else "linear",
        "fetchMarkets": {"types": types},
        "fetchCurrencies": False,
    }


@dataclass(frozen=True, slots=True)
class Venue:
    """A venue: the class of its ccxt client and that one's options for some pairs, and what it has.

    ``fetch_open_interest`` gives the open interest of now. ``fetch_tiers`` is None where tiers need a key. ``watch``
    gives the subscriptions to closed bars and liquidations of contracts.
    """

    name: str
    client: type[Any]
    options: Callable[[Sequence[Pair]], dict[str, Any]]
    sources: Mapping[Stream, Source]
    watch: Callable[[Any, list[Contract]], list[Watch]]
    fetch_open_interest: Callable[[Any, Contract, float], Awaitable[OpenInterestRows]] | None = None
    fetch_tiers: Callable[[Any, Contract, float, int], Awaitable[TierSet]] | None = None
