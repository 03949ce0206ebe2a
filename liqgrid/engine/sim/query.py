"""What a request asks for, and the venue's errors for what cannot be asked."""

from __future__ import annotations

from collections.abc import Mapping

from liqgrid.engine.sim.exchange import Exchange
from liqgrid.engine.sim.tape import Tape
from liqgrid.engine.sim.wire import INTERVALS_MS

Query = Mapping[str, str]
_MALFORMED = "Mandatory parameter '{name}' was not sent, was empty/null, or malformed."


class Refusal(Exception):
    """An answer that is an error: HTTP status, the venue's code and text."""

    def __init__(self, code: int, text: str, status: int = 400, retry_after_s: int = 0) -> None:
        super().__init__(text)
        self.code, self.text, self.status, self.retry_after_s = code, text, status, retry_after_s


def tape_of(exchange: Exchange, query: Query, name: str = "symbol") -> Tape:
    """Return the tape of the symbol asked for, or refuse."""
    symbol = _text(query, name)
    if symbol not in exchange.market.tapes:
        raise Refusal(-1121, "Invalid symbol.")
    return exchange.market.tapes[symbol]


def tapes_of(exchange: Exchange, query: Query) -> list[Tape]:
    """Return the tape of the symbol asked for, or all tapes where none is."""
    return [tape_of(exchange, query)] if query.get("symbol") else list(exchange.market.tapes.values())


def interval_of(query: Query, name: str, shortest_ms: int) -> int:
    """Return the milliseconds of the interval asked for, or refuse."""
    interval_ms = INTERVALS_MS.get(_text(query, name), 0)
    if interval_ms < shortest_ms:
        raise Refusal(-1120, "Invalid interval.")
    return interval_ms


def limit_of(query: Query, usual: int, most: int) -> int:
    """Return the number of rows asked for, or refuse."""
    limit = _number(query, "limit")
    if limit is not None and not 1 <= limit <= most:
        raise Refusal(-1130, "Data sent for parameter 'limit' is not valid.")
    return usual if limit is None else limit


def range_of(query: Query) -> tuple[int | None, int | None]:
    """Return both ends of the range asked for, inclusive, epoch ms; None for an end left open."""
    start_ms, end_ms = _number(query, "startTime"), _number(query, "endTime")
    if start_ms is not None and end_ms is not None and end_ms < start_ms:
        raise Refusal(-1023, "Start time is greater than end time.")
    return start_ms, end_ms


def _text(query: Query, name: str) -> str:
    if not query.get(name):
        raise Refusal(-1102, _MALFORMED.format(name=name))
    return query[name]


def _number(query: Query, name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        raise Refusal(-1102, _MALFORMED.format(name=name)) from None
