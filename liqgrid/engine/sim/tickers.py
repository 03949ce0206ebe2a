"""The endpoints that tell of the moment: one symbol's row, or every symbol's where none is named."""

from __future__ import annotations

from collections.abc import Callable

from liqgrid.engine.sim.exchange import Exchange, funding_now, newest
from liqgrid.engine.sim.query import Query, Refusal, tape_of, tapes_of
from liqgrid.engine.sim.tape import INDEX, LAST, MARK, MINUTE_MS, Minutes, Tape, minutes_seen
from liqgrid.engine.sim.wire import CLOSE, Json, amount_text, day_ticker, premium_index, price_text

_DAY_MS = 86_400_000


def open_interest(exchange: Exchange, query: Query) -> Json:
    """Return the open interest of one symbol."""
    tape = tape_of(exchange, query)
    base = float(_newest(exchange, tape, exchange.now_ms()).open_interest_base[0])
    return {
        "openInterest": amount_text(tape.symbol, base),
        "symbol": tape.symbol.name,
        "time": exchange.told_ms(),
    }


def _of_one_or_all(exchange: Exchange, query: Query, row: Callable[[Tape], Json]) -> Json | list[Json]:
    rows = [row(tape) for tape in tapes_of(exchange, query)]
    return rows[0] if query.get("symbol") else rows


def premium_indices(exchange: Exchange, query: Query) -> Json | list[Json]:
    """Return mark and index price, and the newest funding rate."""
    now_ms = exchange.now_ms()

    def row(tape: Tape) -> Json:
        prices = _newest(exchange, tape, now_ms).prices[:, CLOSE, 0]
        funding = funding_now(exchange.market, tape, now_ms)
        return premium_index(tape.symbol, float(prices[MARK]), float(prices[INDEX]), funding, exchange.told_ms())

    return _of_one_or_all(exchange, query, row)


def day_tickers(exchange: Exchange, query: Query) -> Json | list[Json]:
    """Return what happened in the past day."""
    now_ms = exchange.now_ms()

    def row(tape: Tape) -> Json:
        _newest(exchange, tape, now_ms)
        bars = minutes_seen(exchange.market, tape, now_ms - _DAY_MS, now_ms + MINUTE_MS, now_ms)
        return day_ticker(tape.symbol, bars, exchange.told_ms())

    return _of_one_or_all(exchange, query, row)


def price_tickers(exchange: Exchange, query: Query) -> Json | list[Json]:
    """Return the last price."""
    now_ms = exchange.now_ms()

    def row(tape: Tape) -> Json:
        last = float(_newest(exchange, tape, now_ms).prices[LAST, CLOSE, 0])
        return {"symbol": tape.symbol.name, "price": price_text(tape.symbol, last), "time": exchange.told_ms()}

    return _of_one_or_all(exchange, query, row)


def book_tickers(exchange: Exchange, query: Query) -> Json | list[Json]:
    """Return the best bid and ask: a tick apart, a lot each, for the market keeps no order book."""
    now_ms = exchange.now_ms()

    def row(tape: Tape) -> Json:
        symbol = tape.symbol
        last, tick = float(_newest(exchange, tape, now_ms).prices[LAST, CLOSE, 0]), 10**-symbol.price_decimals
        lot = amount_text(symbol, symbol.lot_base)
        return {
            "symbol": symbol.name,
            "bidPrice": price_text(symbol, last - tick),
            "bidQty": lot,
            "askPrice": price_text(symbol, last),
            "askQty": lot,
            "time": exchange.told_ms(),
        }

    return _of_one_or_all(exchange, query, row)


def _newest(exchange: Exchange, tape: Tape, now_ms: int) -> Minutes:
    bar = newest(exchange.market, tape, now_ms)
    if not len(bar):
        raise Refusal(-1000, "The simulated market has only just begun.", 503)
    return bar
