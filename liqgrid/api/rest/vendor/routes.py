"""The vendor's paths, in its envelope: ``{"code": "0", "msg": "success", "data": …}``, errors in its form too.

Parameters that are not known here are left alone, as its clients may send more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from liqgrid.api.compression import Compression
from liqgrid.api.database import Pool
from liqgrid.api.encode import to_json
from liqgrid.api.errors import STATUS, on_unexpected
from liqgrid.api.reads import read_instruments
from liqgrid.api.rest.etags import not_modified, tag_of_body
from liqgrid.api.rest.parameters import Kind, Parameter, parse
from liqgrid.api.rest.vendor.levels import MODEL_ROWS, heatmap, max_pain, price_map
from liqgrid.api.rest.vendor.names import instrument_of, instruments_of_coin, on_exchanges, venue_of
from liqgrid.api.rest.vendor.ranges import BUCKETS, HEATMAP_RANGES, MAP_RANGES, MAX_PAIN_RANGES, TOTAL_HOURS
from liqgrid.api.rest.vendor.realised import Sums, coin_totals, exchange_totals, history
from liqgrid.engine.market.errors import LiqgridError

PREFIX = "/api/futures/liquidation"
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_MAX_HISTORY = 1000
_MAX_COINS = 200
_COST = 300  # of any path, for its vendor's clients ask for ranges by name: the columns of most, in most rows
_LATEST_MS = 253_402_300_799_999

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class VendorPath:
    """A path of the vendor: what it takes, and what gives its data."""

    path: str
    parameters: tuple[Parameter, ...]
    answer: Callable[[Pool, Values], Awaitable[Any]]


def _text(name: str, description: str, example: str, *, required: bool = True) -> Parameter:
    return Parameter(name, Kind.TEXT, description, required=required, example=example)


def _range(choices: tuple[str, ...], default: str) -> Parameter:
    return Parameter("range", Kind.TEXT, "How far back.", default=default, choices=choices)


def _time(name: str) -> Parameter:
    return Parameter(name, Kind.INTEGER, "Epoch milliseconds.", minimum=0, maximum=_LATEST_MS)


_EXCHANGE = _text("exchange", "An exchange.", "Binance")
_SYMBOL = _text("symbol", "A pair as the exchange spells it.", "BTCUSDT")
_COIN = _text("symbol", "A coin.", "BTC")
_HISTORY = (
    Parameter("interval", Kind.TEXT, "Length of a bucket.", required=True, choices=tuple(BUCKETS)),
    Parameter("limit", Kind.INTEGER, "How many.", default=_MAX_HISTORY, minimum=1, maximum=_MAX_HISTORY),
    _time("start_time"),
    _time("end_time"),
)


async def _pair_heatmap(rows: int, pool: Pool, values: Values) -> Any:
    instrument = await instrument_of(pool, values["exchange"], values["symbol"])
    return await heatmap(pool, [instrument], values["range"], rows)


async def _coin_heatmap(rows: int, pool: Pool, values: Values) -> Any:
    return await heatmap(pool, await instruments_of_coin(pool, values["symbol"]), values["range"], rows)


async def _pair_map(pool: Pool, values: Values) -> Any:
    return await price_map(pool, [await instrument_of(pool, values["exchange"], values["symbol"])], values["range"])


async def _coin_map(pool: Pool, values: Values) -> Any:
    return await price_map(pool, await instruments_of_coin(pool, values["symbol"]), values["range"])


async def _max_pains(pool: Pool, values: Values) -> Any:
    by_coin: dict[str, list[Any]] = {}
    for row in await read_instruments(pool):
        if row.built_until_ms is not None:
            by_coin.setdefault(row.coin, []).append(row)
    # Each coin takes four statements, so there is an end to them; first come those with the most instruments.
    largest = sorted(by_coin.values(), key=lambda rows: (-len(rows), rows[0].coin))[:_MAX_COINS]
    found = [await max_pain(pool, rows, values["range"]) for rows in largest]
    return [one for one in found if one is not None]


async def _pair_history(pool: Pool, values: Values) -> Any:
    sums = await _history(pool, [await instrument_of(pool, values["exchange"], values["symbol"])], values)
    return [
        {"time": time, "long_liquidation_usd": _decimal(long), "short_liquidation_usd": _decimal(short)}
        for time, long, short in _rows(sums)
    ]


async def _coin_history(pool: Pool, values: Values) -> Any:
    rows = on_exchanges(await instruments_of_coin(pool, values["symbol"]), values["exchange_list"])
    sums = await _history(pool, rows, values)
    return [
        {"time": time, "aggregated_long_liquidation_usd": long, "aggregated_short_liquidation_usd": short}
        for time, long, short in _rows(sums)
    ]


async def _history(pool: Pool, instruments: list[Any], values: Values) -> Sums:
    buckets = BUCKETS[values["interval"]]
    return await history(pool, instruments, buckets, values["start_time"], values["end_time"], values["limit"])


def _rows(sums: Sums) -> list[tuple[int, float, float]]:
    return list(zip(sums.open_ms.tolist(), sums.long_quote.tolist(), sums.short_quote.tolist(), strict=True))


def _decimal(amount: float) -> str:
    return f"{amount:.5f}".rstrip("0").rstrip(".")


async def _coins(pool: Pool, values: Values) -> Any:
    return await coin_totals(pool, await read_instruments(pool, None, await venue_of(pool, values["exchange"])))


async def _exchanges(pool: Pool, values: Values) -> Any:
    coin = values["symbol"]
    instruments = await instruments_of_coin(pool, coin) if coin else await read_instruments(pool)
    return await exchange_totals(pool, instruments, TOTAL_HOURS[values["range"]])


VENDOR_PATHS = (
    *(
        path
        for model, rows in MODEL_ROWS.items()
        for path in (
            VendorPath(
                f"{PREFIX}/heatmap/{model}", (_EXCHANGE, _SYMBOL, _range(HEATMAP_RANGES, "3d")),
                partial(_pair_heatmap, rows),
            ),
            VendorPath(
                f"{PREFIX}/aggregated-heatmap/{model}", (_COIN, _range(HEATMAP_RANGES, "3d")),
                partial(_coin_heatmap, rows),
            ),
        )
    ),
    VendorPath(f"{PREFIX}/map", (_EXCHANGE, _SYMBOL, _range(MAP_RANGES, "1d")), _pair_map),
    VendorPath(f"{PREFIX}/aggregated-map", (_COIN, _range(MAP_RANGES, "1d")), _coin_map),
    VendorPath(f"{PREFIX}/max-pain", (_range(MAX_PAIN_RANGES, "24h"),), _max_pains),
    VendorPath(f"{PREFIX}/history", (_EXCHANGE, _SYMBOL, *_HISTORY), _pair_history),
    VendorPath(
        f"{PREFIX}/aggregated-history", (_text("exchange_list", "Exchanges.", "Binance,OKX"), _COIN, *_HISTORY),
        _coin_history,
    ),
    VendorPath(f"{PREFIX}/coin-list", (_EXCHANGE,), _coins),
    VendorPath(
        f"{PREFIX}/exchange-list",
        (_text("symbol", "A coin; default: all.", "BTC", required=False), _range(tuple(TOTAL_HOURS), "1h")),
        _exchanges,
    ),
)  # fmt: skip


def vendor_routes() -> list[BaseRoute]:
    """Return the vendor's paths as routes, and one for what is none of them."""
    return [
        *(_route(path.path, partial(_serve, path)) for path in VENDOR_PATHS),
        _route("/api/futures/{rest:path}", _unknown),
    ]


def _route(path: str, answer: Callable[[Request], Awaitable[Response]]) -> Route:
    async def handle(request: Request) -> Response:
        if request.method not in {"GET", "HEAD"}:
            return _refusal(405, f"{request.method} is not answered here; use GET")
        try:
            return await answer(request)
        except LiqgridError as error:
            return _refusal(STATUS[error.code], error.message)
        except Exception as error:  # what nobody expected is logged, and masked in the vendor's form
            masked = await on_unexpected(request, error)
            return _refusal(masked.status_code, f"something went wrong here; the log has {request.state.request_id}")

    return Route(path, handle, methods=_METHODS, middleware=[Middleware(Compression)])


async def _serve(path: VendorPath, request: Request) -> Response:
    known = {parameter.name for parameter in path.parameters}
    given = [(name, text) for name, text in request.query_params.multi_items() if name in known]
    request.state.visit.charge(_COST)
    data = await path.answer(request.app.state.pool, parse(given, path.parameters))
    marked = {"simulated": True} if await request.app.state.pool.simulated() else {}
    body = await asyncio.to_thread(to_json, {"code": "0", "msg": "success", "data": data, **marked})
    headers = {"etag": tag_of_body(body), "cache-control": "private, no-cache", "vary": "accept-encoding"}
    return not_modified(request, headers["etag"], headers) or Response(body, 200, headers, "application/json")


async def _unknown(request: Request) -> Response:
    return _refusal(404, f"{request.url.path} is not served here")


def _refusal(status: int, message: str) -> Response:
    return Response(to_json({"code": str(status), "msg": message}), status, media_type="application/json")
