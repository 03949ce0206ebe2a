"""What the exchange's WebSocket streams have to say about a stretch of market time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from operator import itemgetter

import numpy as np

from liqgrid.engine.sim.exchange import Exchange, funding_now, newest
from liqgrid.engine.sim.klines import grouped
from liqgrid.engine.sim.parameters import BLOCK_STEPS, STEP_MS
from liqgrid.engine.sim.tape import (
    INDEX,
    LAST,
    MARK,
    MINUTE_MS,
    Tape,
    liquidations_between,
    minutes_seen,
    step_at,
    steps_between,
)
from liqgrid.engine.sim.wire import (
    CLOSE,
    INTERVALS_MS,
    Json,
    agg_trade_event,
    force_order_event,
    kline_event,
    kline_rows,
    mark_price_event,
)

_STREAM = re.compile(r"([a-z0-9]+)@(kline_\w+|markPrice|aggTrade|forceOrder)(?:@[13]s)?")
_CENSOR_MS = 1_000


def frames(exchange: Exchange, stream: str, since_ms: int, until_ms: int) -> list[Json | list[Json]]:
    """Return what a stream sends about market time after ``since_ms``, up to and with ``until_ms``.

    Names the venue does not have are silent, as at the venue.
    """
    tapes = exchange.market.tapes
    if stream == "!forceOrder@arr":
        orders = [event for tape in tapes.values() for event in _force_orders(exchange, tape, since_ms, until_ms)]
        return [*sorted(orders, key=itemgetter("E"))]
    if stream.startswith("!markPrice@arr"):
        return [[event for tape in tapes.values() for event in _marks(exchange, tape, since_ms, until_ms)]]
    match = _STREAM.fullmatch(stream)
    tape = tapes.get(match[1].upper()) if match else None
    if match is None or tape is None:
        return []
    channel, _, interval = match[2].partition("_")
    if channel == "kline":
        return list(_klines(exchange, tape, interval, since_ms, until_ms))
    return list(_CHANNELS[channel](exchange, tape, since_ms, until_ms))


def _klines(exchange: Exchange, tape: Tape, interval: str, since_ms: int, until_ms: int) -> Iterator[Json]:
    """Yield every bar closed in the stretch, and the forming one as it is at its end."""
    if interval not in INTERVALS_MS or step_at(exchange.market, since_ms) == step_at(exchange.market, until_ms):
        return
    interval_ms = INTERVALS_MS[interval]
    first_ms = since_ms - since_ms % interval_ms
    bars = grouped(minutes_seen(exchange.market, tape, first_ms, until_ms + 1, until_ms), interval_ms)
    skew_ms = exchange.faults.clock_skew_ms
    for row in kline_rows(tape.symbol, bars, interval_ms, LAST):
        close_ms = row[0] + interval_ms
        hidden = interval_ms == MINUTE_MS and exchange.faults.hides(tape.symbol.name, row[0], until_ms)
        if not hidden:
            event_ms = min(close_ms, until_ms) + skew_ms
            yield kline_event(tape.symbol, row, interval, event_ms, closed=close_ms <= until_ms)


def _marks(exchange: Exchange, tape: Tape, since_ms: int, until_ms: int) -> Iterator[Json]:
    """Yield the mark price once where a second has begun."""
    if since_ms // 1000 == until_ms // 1000:
        return
    bar = newest(exchange.market, tape, until_ms)
    if not len(bar):
        return
    prices = bar.prices[:, CLOSE, 0]
    funding = funding_now(exchange.market, tape, until_ms)
    told_ms = until_ms - until_ms % 1000 + exchange.faults.clock_skew_ms
    yield mark_price_event(tape.symbol, float(prices[MARK]), float(prices[INDEX]), funding, told_ms)


def _force_orders(exchange: Exchange, tape: Tape, since_ms: int, until_ms: int) -> Iterator[Json]:
    """Yield the latest liquidation of each second that has ended: the venue tells of no more."""
    first_ms, end_ms = since_ms - since_ms % _CENSOR_MS, until_ms - until_ms % _CENSOR_MS
    orders = liquidations_between(exchange.market, tape, first_ms, end_ms)
    seconds = orders.ts_ms // _CENSOR_MS
    for row in np.flatnonzero(np.diff(seconds, append=-1)):
        yield force_order_event(tape.symbol, orders, int(row), exchange.faults.clock_skew_ms)


def _trades(exchange: Exchange, tape: Tape, since_ms: int, until_ms: int) -> Iterator[Json]:
    """Yield one trade of the takers who bought and one of those who sold for every step that is over."""
    market, symbol = exchange.market, tape.symbol
    stop = step_at(market, until_ms)
    first = max(step_at(market, since_ms), min(tape.steps) * BLOCK_STEPS)  # after a leap of days, what is still kept
    while first < stop:
        end = min(stop, first - first % BLOCK_STEPS + BLOCK_STEPS)
        steps = steps_between(tape, first, end)
        for row in range(len(steps)):
            ms = market.origin_ms + (first + row + 1) * STEP_MS - 1
            bought = int(steps.taker_buy[row])
            for maker_bought, lots in ((False, bought), (True, int(steps.volume[row]) - bought)):
                if lots:
                    number = 2 * (first + row) + maker_bought
                    base = lots * symbol.lot_base
                    yield agg_trade_event(
                        symbol, number, float(steps.last[row]), base, ms + exchange.faults.clock_skew_ms, maker_bought
                    )
        first = end


_CHANNELS = {"aggTrade": _trades, "forceOrder": _force_orders, "markPrice": _marks}
