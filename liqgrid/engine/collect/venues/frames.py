"""What every venue's ccxt client is changed in: nothing a venue sends is lost, nothing it sends can stop the reading.

ccxt keeps one bar and one liquidation of a frame, forgets whether a bar is closed, and stops reading a socket at the
first frame that is no JSON. So its handlers of single channels are overridden: they read every part of a frame and call
``on_bar`` and ``on_liquidation``. Nobody waits for a frame to come, so ccxt's caches stay empty; what waits is told of
errors only.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from ccxt.async_support.base.ws.client import WSMsgType
from ccxt.base.errors import BaseError as CcxtError

from liqgrid.engine.collect.venues.contract import epoch_ms, positive
from liqgrid.engine.market.errors import BadData
from liqgrid.engine.market.instrument import Side
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.rows import Liquidation

_log = structlog.get_logger()
# The local exchange marks every answer with it.
SIMULATED_HEADER = "x-liqgrid-simulated"
# What reading something malformed raises: ours, and what ccxt's parsers run into.
UNREADABLE = (BadData, CcxtError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError)


# Symbol, time, side of the position, price and base units of a venue's words.
ReadLiquidation = Callable[[Any], tuple[str, int, Side, float, float]]


@dataclass(frozen=True, slots=True)
class ClosedBar:
    """A bar of trades that its venue calls closed: prices, base units; NaN where the venue does not say."""

    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume_base: float
    taker_buy_volume_base: float
    trades: float


def closed_bar(
    open_ms: object, prices: Sequence[object], volume: Any, taker_buy_volume: Any = math.nan, trades: Any = math.nan
) -> ClosedBar:
    """Return a bar of a venue's words: time, the four prices, and what else it tells."""
    first, high, low, close = (positive(price, "a price") for price in prices)
    rest = (float(value) for value in (volume, taker_buy_volume, trades))
    return ClosedBar(epoch_ms(open_ms, "a bar's time"), first, high, low, close, *rest)


class Frames:
    """Mixin for ccxt.pro clients, before the client's class."""

    venue = ""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)  # type: ignore[call-arg]
        self.on_bar: Callable[[str, ClosedBar], None] = lambda _symbol, _bar: None
        self.on_liquidation: Callable[[str, Liquidation], None] = lambda _symbol, _liquidation: None
        self.on_forming: Callable[[str, int], None] = lambda _symbol, _open_ms: None
        self._forming_ms: dict[str, int] = {}
        self.bad_frames = 0
        self.asked_to_wait_until_s = 0.0  # monotonic
        self.heard_ms = 0  # the venue's clock, by its frames
        self.simulated = False  # what answers says so of itself

    def client(self, url: str) -> Any:
        """Return ccxt's connection to a URL, made to outlive frames it cannot read."""
        known = url in (getattr(self, "clients", None) or {})
        client = super().client(url)  # type: ignore[misc]
        if not known:
            client.heard_s = time.monotonic()
            client.handle_message = self._outliving(client, client.handle_message)
        return client

    def _outliving(self, client: Any, handle: Callable[[Any], None]) -> Callable[[Any], None]:
        def handle_message(message: Any) -> None:
            if message.type in {WSMsgType.TEXT, WSMsgType.BINARY}:  # a pong says that the socket lives, not the feed
                client.heard_s = time.monotonic()
            try:
                handle(message)
            except UNREADABLE as error:
                self.tell_unreadable(error, getattr(message, "data", ""))

        return handle_message

    def handle_errors(self, code: int, reason: str, url: str, method: str, headers: Any, *rest: Any) -> Any:
        """Remember how long the venue asks to be left alone, and whether it is one; then let ccxt judge the answer."""
        self.simulated = self.simulated or _header(headers, SIMULATED_HEADER) is not None
        if code in {418, 429, 503}:
            wanted = _header(headers, "retry-after")
            try:
                wait_s = float(wanted) if wanted is not None else 0.0
            except ValueError:  # a date
                wait_s = 60.0
            self.asked_to_wait_until_s = max(self.asked_to_wait_until_s, time.monotonic() + wait_s)
        return super().handle_errors(code, reason, url, method, headers, *rest)  # type: ignore[misc]

    def take_liquidations(self, parts: Iterable[Any], read: ReadLiquidation) -> None:
        """Hand on every liquidation of one frame.

        A part that cannot be read is told of, and the others are handed on. Venues give no id, so the key is a hash of
        the content and which of its equals in the frame it is: a repeated frame gives the same keys.
        """
        equals: Counter[bytes] = Counter()
        for part in parts:
            content = orjson.dumps(part, option=orjson.OPT_SORT_KEYS)
            equals[content] += 1
            key = hashlib.sha256(content + b"#%d" % equals[content]).hexdigest()[:32]
            try:
                symbol, ts_ms, side, price, amount_base = read(part)
            except UNREADABLE as error:
                self.tell_unreadable(error, content)
                continue
            self.heard_ms = max(self.heard_ms, ts_ms)
            self.on_liquidation(symbol, Liquidation(ts_ms, key, side, price, amount_base, content.decode()))

    def take_bar(self, symbol: str, bar: ClosedBar) -> None:
        """Hand on a closed bar that holds together.

        Raises
        ------
        BadData
            If it does not.
        """
        low, high = min(bar.open, bar.close), max(bar.open, bar.close)
        if not (0 < bar.low <= low and high <= bar.high and bar.volume_base >= 0) or bar.open_ms % Interval.M1.ms:
            raise BadData(f"{symbol}: a closed bar does not hold together: {bar}")
        self.on_bar(symbol, bar)

    def take_forming(self, symbol: str, open_ms: int) -> None:
        """Say that a bar is forming, and so the one before it closed; for venues that do not call bars closed."""
        if open_ms > self._forming_ms.get(symbol, 0):
            self._forming_ms[symbol] = open_ms
            self.on_forming(symbol, open_ms)

    def tell_unreadable(self, error: Exception, content: object) -> None:
        """Count and log something that could not be read."""
        self.bad_frames += 1
        _log.warning(
            "frame cannot be read", venue=self.venue, reason=f"{type(error).__name__}: {error}"[:200],
            frame=str(content)[:200], so_far=self.bad_frames,
        )  # fmt: skip


def _header(headers: Any, name: str) -> str | None:
    """Return a header of an answer, whatever case it is written in."""
    return next((value for found, value in (headers or {}).items() if found.lower() == name), None)
