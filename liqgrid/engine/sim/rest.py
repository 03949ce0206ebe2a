"""The exchange's public HTTP endpoints: parameters in, JSON out; paging and errors as Binance has them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np

from liqgrid.engine.market.arrays import I64, Bool
from liqgrid.engine.sim.exchange import Exchange, funding_history
from liqgrid.engine.sim.klines import grouped
from liqgrid.engine.sim.limits import kline_weight
from liqgrid.engine.sim.parameters import FUNDING_MS
from liqgrid.engine.sim.query import Query, Refusal, interval_of, limit_of, range_of, tape_of, tapes_of
from liqgrid.engine.sim.tape import INDEX, LAST, MARK, MINUTE_MS, Minutes, Tape, minutes_seen
from liqgrid.engine.sim.tickers import book_tickers, day_tickers, open_interest, premium_indices, price_tickers
from liqgrid.engine.sim.wire import CLOSE, Json, exchange_info, kline_rows

DAY_MS = 86_400_000
_STATISTICS_DAYS = 30
_USUAL_WEIGHT_LIMIT = 2_400

Endpoint = Callable[[Exchange, Query], Any]


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint with the weight of a request to it."""

    endpoint: Endpoint
    weight: Callable[[Query], int]


def _klines(exchange: Exchange, query: Query, price: int) -> list[list[Any]]:
    tape = tape_of(exchange, query, "pair" if price == INDEX else "symbol")
    interval_ms = interval_of(query, "interval", MINUTE_MS)
    limit = limit_of(query, 500, 1500)
    start_ms, end_ms = range_of(query)
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
    tape = tape_of(exchange, query)
    period_ms = interval_of(query, "period", 5 * MINUTE_MS)
    limit = limit_of(query, 30, 500)
    start_ms, end_ms = range_of(query)
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
    return tape, minutes.where(rows), times[rows]


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
    limit = limit_of(query, 100, 1000)
    start_ms, end_ms = range_of(query)
    now_ms = exchange.now_ms()
    first_ms, last_ms = start_ms or 0, now_ms if end_ms is None else min(end_ms, now_ms)
    rows = []
    for tape in tapes_of(exchange, query):
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
    "/fapi/v1/openInterest": _route(open_interest, 1),
    "/fapi/v1/fundingRate": _route(_funding_rates, 0),
    "/fapi/v1/fundingInfo": _route(_funding_info, 0),
    "/fapi/v1/premiumIndex": _route(premium_indices, 1, 10),
    "/fapi/v1/ticker/24hr": _route(day_tickers, 1, 40),
    "/fapi/v1/ticker/price": _route(price_tickers, 1, 2),
    "/fapi/v2/ticker/price": _route(price_tickers, 1, 2),
    "/fapi/v1/ticker/bookTicker": _route(book_tickers, 2, 5),
    "/futures/data/openInterestHist": _route(_open_interest_history, 0),
    "/futures/data/globalLongShortAccountRatio": _route(_account_ratio, 0),
}
