"""The exchange's public HTTP endpoints: parameters in, JSON out; paging and errors as Binance has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np

from liqgrid.engine.market.arrays import I64, Bool
from liqgrid.engine.sim.exchange import Exchange, funding_history, funding_now, newest
from liqgrid.engine.sim.klines import grouped
from liqgrid.engine.sim.limits import kline_weight
from liqgrid.engine.sim.parameters import FUNDING_MS
from liqgrid.engine.sim.tape import (
    INDEX,
    LAST,
    MARK,
    MINUTE_MS,
    Minutes,
    Tape,
    minutes_seen,
)
from liqgrid.engine.sim.wire import (
    CLOSE,
    INTERVALS_MS,
    Json,
    amount_text,
    day_ticker,
    exchange_info,
    kline_rows,
    premium_index,
    price_text,
)

DAY_MS = 86_400_000
_STATISTICS_DAYS = 30
_USUAL_WEIGHT_LIMIT = 2_400


class Refusal(Exception):
    """An answer that is an error: HTTP status, the venue's code and text."""

    def __init__(self, code: int, text: str, status: int = 400, retry_after_s: int = 0) -> None:
        super().__init__(text)
        self.code, self.text, self.status, self.retry_after_s = code, text, status, retry_after_s


Query = Mapping[str, str]
Endpoint = Callable[[Exchange, Query], Any]


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint with the weight of a request to it."""

    endpoint: Endpoint
    weight: Callable[[Query], int]


def _tape(exchange: Exchange, query: Query, name: str = "symbol") -> Tape:
    symbol = _text(query, name)
    if symbol not in exchange.market.tapes:
        raise Refusal(-1121, "Invalid symbol.")
    return exchange.market.tapes[symbol]


def _text(query: Query, name: str) -> str:
    if not query.get(name):
        raise Refusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
    return query[name]


def _number(query: Query, name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        raise Refusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.") from None


def _limit(query: Query, usual: int, most: int) -> int:
    limit = _number(query, "limit")
    if limit is not None and not 1 <= limit <= most:
        raise Refusal(-1130, "Data sent for parameter 'limit' is not valid.")
    return usual if limit is None else limit


def _range(query: Query) -> tuple[int | None, int | None]:
    start_ms, end_ms = _number(query, "startTime"), _number(query, "endTime")
    if start_ms is not None and end_ms is not None and end_ms < start_ms:
        raise Refusal(-1023, "Start time is greater than end time.")
    return start_ms, end_ms


def _interval_ms(query: Query, name: str) -> int:
    interval = _text(query, name)
    if interval not in INTERVALS_MS:
        raise Refusal(-1120, "Invalid interval.")
    return INTERVALS_MS[interval]


def _klines(exchange: Exchange, query: Query, price: int) -> list[list[Any]]:
    tape = _tape(exchange, query, "pair" if price == INDEX else "symbol")
    interval_ms = _interval_ms(query, "interval")
    limit = _limit(query, 500, 1500)
    start_ms, end_ms = _range(query)
    now_ms = exchange.now_ms()
    last_ms = min(now_ms, now_ms if end_ms is None else end_ms)
    last_ms -= last_ms % interval_ms
    if start_ms is None:
        first_ms = last_ms - (limit - 1) * interval_ms
    else:
        first_ms = -(-start_ms // interval_ms) * interval_ms
        last_ms = min(last_ms, first_ms + (limit - 1) * interval_ms)
    bars = grouped(minutes_seen(exchange.market, tape, first_ms, last_ms + interval_ms, now_ms), interval_ms)
    rows = kline_rows(tape.symbol, bars, interval_ms, price)
    if interval_ms > MINUTE_MS:
        return rows
    return [row for row in rows if not exchange.faults.hides(tape.symbol.name, row[0], now_ms)]


def _statistics(exchange: Exchange, query: Query) -> tuple[Tape, Minutes, I64]:
    """Return the symbol, the minutes that close with a period asked for, and the times of the rows."""
    tape = _tape(exchange, query)
    period_ms = _interval_ms(query, "period")
    if period_ms < INTERVALS_MS["5m"]:
        raise Refusal(-1120, "Invalid interval.")
    limit = _limit(query, 30, 500)
    start_ms, end_ms = _range(query)
    now_ms = exchange.now_ms()
    if start_ms is not None and start_ms < now_ms - _STATISTICS_DAYS * DAY_MS:
        raise Refusal(-1130, "parameter 'startTime' is invalid.")
    first_ms = max(now_ms - _STATISTICS_DAYS * DAY_MS, 0 if start_ms is None else start_ms, exchange.market.origin_ms)
    last_ms = now_ms if end_ms is None else min(now_ms, end_ms)
    minutes = minutes_seen(exchange.market, tape, first_ms - MINUTE_MS, last_ms, now_ms - now_ms % MINUTE_MS)
    times = minutes.open_ms + MINUTE_MS
    chosen: Bool = (times % period_ms == 0) & (times >= first_ms) & (times <= last_ms)
    rows = np.flatnonzero(chosen)
    rows = rows[:limit] if start_ms is not None and end_ms is None else rows[-limit:]
    picked = Minutes(*(getattr(minutes, name)[..., rows] for name in Minutes.__slots__))
    return tape, picked, times[rows]


def _open_interest_history(exchange: Exchange, query: Query) -> list[Json]:
    tape, minutes, times = _statistics(exchange, query)
    marks = minutes.prices[MARK, CLOSE]
    return [
        {
            "symbol": tape.symbol.name,
            "sumOpenInterest": f"{base:.8f}",
            "sumOpenInterestValue": f"{base * mark:.8f}",
            "CMCCirculatingSupply": "0.00000000",
            "timestamp": ms,
        }
        for base, mark, ms in zip(minutes.open_interest_base.tolist(), marks.tolist(), times.tolist(), strict=True)
    ]


def _account_ratio(exchange: Exchange, query: Query) -> list[Json]:
    tape, minutes, times = _statistics(exchange, query)
    rows = []
    for longs, shorts, ms in zip(
        minutes.long_accounts.tolist(), minutes.short_accounts.tolist(), times.tolist(), strict=True
    ):
        long_fraction = round(longs / (longs + shorts), 4)
        rows.append(
            {
                "symbol": tape.symbol.name,
                "longAccount": f"{long_fraction:.4f}",
                "longShortRatio": f"{longs / shorts:.4f}",
                "shortAccount": f"{1 - long_fraction:.4f}",
                "timestamp": ms,
            }
        )
    return rows


def _funding_rates(exchange: Exchange, query: Query) -> list[Json]:
    limit = _limit(query, 100, 1000)
    start_ms, end_ms = _range(query)
    now_ms = exchange.now_ms()
    first_ms, last_ms = start_ms or 0, now_ms if end_ms is None else min(end_ms, now_ms)
    tapes = [_tape(exchange, query)] if query.get("symbol") else list(exchange.market.tapes.values())
    rows = []
    for tape in tapes:
        for ms, rate in funding_history(exchange.market, tape):
            at_ms = ms + ms // FUNDING_MS % 7  # a few milliseconds after the hour, as the venue's are
            if first_ms <= at_ms <= last_ms:
                mark = float(_minute_before(exchange, tape, ms).prices[MARK, CLOSE, 0])
                rows.append(
                    {
                        "symbol": tape.symbol.name,
                        "fundingTime": at_ms,
                        "fundingRate": f"{rate:.8f}",
                        "markPrice": f"{mark:.8f}",
                    }
                )
    rows.sort(key=itemgetter("fundingTime"))
    return rows[:limit] if start_ms is not None else rows[-limit:]


def _minute_before(exchange: Exchange, tape: Tape, ms: int) -> Minutes:
    return minutes_seen(exchange.market, tape, ms - MINUTE_MS, ms, ms)


def _newest(exchange: Exchange, tape: Tape, now_ms: int) -> Minutes:
    bar = newest(exchange.market, tape, now_ms)
    if not len(bar):
        raise Refusal(-1000, "The simulated market has only just begun.", 503)
    return bar


def _open_interest(exchange: Exchange, query: Query) -> Json:
    tape = _tape(exchange, query)
    base = float(_newest(exchange, tape, exchange.now_ms()).open_interest_base[0])
    return {
        "openInterest": amount_text(tape.symbol, base),
        "symbol": tape.symbol.name,
        "time": exchange.told_ms(),
    }


def _of_one_or_all(exchange: Exchange, query: Query, row: Callable[[Tape], Json]) -> Json | list[Json]:
    if query.get("symbol"):
        return row(_tape(exchange, query))
    return [row(tape) for tape in exchange.market.tapes.values()]


def _premium_index(exchange: Exchange, query: Query) -> Json | list[Json]:
    now_ms = exchange.now_ms()

    def row(tape: Tape) -> Json:
        prices = _newest(exchange, tape, now_ms).prices[:, CLOSE, 0]
        funding = funding_now(exchange.market, tape, now_ms)
        return premium_index(tape.symbol, float(prices[MARK]), float(prices[INDEX]), funding, exchange.told_ms())

    return _of_one_or_all(exchange, query, row)


def _day_ticker(exchange: Exchange, query: Query) -> Json | list[Json]:
    now_ms = exchange.now_ms()

    def row(tape: Tape) -> Json:
        _newest(exchange, tape, now_ms)
        bars = minutes_seen(exchange.market, tape, now_ms - DAY_MS, now_ms + MINUTE_MS, now_ms)
        return day_ticker(tape.symbol, bars, exchange.told_ms())

    return _of_one_or_all(exchange, query, row)


def _price_ticker(exchange: Exchange, query: Query) -> Json | list[Json]:
    now_ms = exchange.now_ms()

    def row(tape: Tape) -> Json:
        last = float(_newest(exchange, tape, now_ms).prices[LAST, CLOSE, 0])
        return {"symbol": tape.symbol.name, "price": price_text(tape.symbol, last), "time": exchange.told_ms()}

    return _of_one_or_all(exchange, query, row)


def _book_ticker(exchange: Exchange, query: Query) -> Json | list[Json]:
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


def _exchange_info(exchange: Exchange, query: Query) -> Json:  # noqa: ARG001 - every endpoint has a query
    symbols = [tape.symbol for tape in exchange.market.tapes.values()]
    return exchange_info(symbols, exchange.told_ms(), exchange.weight.limit or _USUAL_WEIGHT_LIMIT)


def _funding_info(exchange: Exchange, query: Query) -> list[Json]:  # noqa: ARG001 - as above
    return [
        {
            "symbol": name,
            "adjustedFundingRateCap": "0.00300000",
            "adjustedFundingRateFloor": "-0.00300000",
            "fundingIntervalHours": FUNDING_MS // 3_600_000,
        }
        for name in exchange.market.tapes
    ]


def _kline_route(price: int) -> Route:
    def weight(query: Query) -> int:
        text = query.get("limit", "500")
        return kline_weight(int(text) if text.isdecimal() else 500)

    return Route(lambda exchange, query: _klines(exchange, query, price), weight)


def _route(endpoint: Endpoint, weight: int, weight_of_all: int | None = None) -> Route:
    return Route(endpoint, lambda query: weight if weight_of_all is None or query.get("symbol") else weight_of_all)


ROUTES: dict[str, Route] = {
    "/fapi/v1/ping": _route(lambda _exchange, _query: {}, 1),
    "/fapi/v1/time": _route(lambda exchange, _query: {"serverTime": exchange.told_ms()}, 1),
    "/fapi/v1/exchangeInfo": _route(_exchange_info, 1),
    "/fapi/v1/klines": _kline_route(LAST),
    "/fapi/v1/markPriceKlines": _kline_route(MARK),
    "/fapi/v1/indexPriceKlines": _kline_route(INDEX),
    "/fapi/v1/openInterest": _route(_open_interest, 1),
    "/fapi/v1/fundingRate": _route(_funding_rates, 0),
    "/fapi/v1/fundingInfo": _route(_funding_info, 0),
    "/fapi/v1/premiumIndex": _route(_premium_index, 1, 10),
    "/fapi/v1/ticker/24hr": _route(_day_ticker, 1, 40),
    "/fapi/v1/ticker/price": _route(_price_ticker, 1, 2),
    "/fapi/v2/ticker/price": _route(_price_ticker, 1, 2),
    "/fapi/v1/ticker/bookTicker": _route(_book_ticker, 2, 5),
    "/futures/data/openInterestHist": _route(_open_interest_history, 0),
    "/futures/data/globalLongShortAccountRatio": _route(_account_ratio, 0),
}
