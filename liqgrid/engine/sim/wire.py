"""Binance's USDT-M wire format: rows of the market as the JSON its public endpoints and streams send.

Numbers that are amounts or prices are strings, as the venue sends them. Forms as in "USDⓈ-M Futures" of
developers.binance.com.
"""

from __future__ import annotations

from typing import Any

from liqgrid.engine.market.instrument import Pair
from liqgrid.engine.sim.parameters import FUNDING_MS, SymbolParameters
from liqgrid.engine.sim.tape import LAST, Liquidations, Minutes

Json = dict[str, Any]
OPEN, HIGH, LOW, CLOSE = range(4)
INTERVALS_MS = {
    "1m": 60_000, "3m": 180_000, "5m": 300_000, "15m": 900_000, "30m": 1_800_000, "1h": 3_600_000,
    "2h": 7_200_000, "4h": 14_400_000, "6h": 21_600_000, "8h": 28_800_000, "12h": 43_200_000, "1d": 86_400_000,
}  # fmt: skip
_PERPETUAL_DELIVERY_MS = 4_133_404_800_000
_ONBOARD_MS = 1_569_398_400_000


def price_text(symbol: SymbolParameters, price: float) -> str:
    """Return a trade price with the symbol's decimals."""
    return f"{price:.{symbol.price_decimals}f}"


def amount_text(symbol: SymbolParameters, base: float) -> str:
    """Return an amount with the symbol's decimals."""
    return f"{base:.{symbol.amount_decimals}f}"


def exchange_info(symbols: list[SymbolParameters], now_ms: int, weight_limit: int) -> Json:
    """Return ``/fapi/v1/exchangeInfo``."""
    limits = [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": weight_limit}]
    assets = sorted({asset for one in symbols for asset in (one.pair.base, one.pair.quote)})
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "futuresType": "U_MARGINED",
        "rateLimits": limits,
        "exchangeFilters": [],
        "assets": [{"asset": asset, "marginAvailable": True, "autoAssetExchange": "0"} for asset in assets],
        "symbols": [_symbol_info(one) for one in symbols],
    }


def _symbol_info(symbol: SymbolParameters) -> Json:
    pair: Pair = symbol.pair
    tick, lot = f"{10**-symbol.price_decimals:.{symbol.price_decimals}f}", amount_text(symbol, symbol.lot_base)
    return {
        "symbol": symbol.name,
        "pair": symbol.name,
        "contractType": "PERPETUAL",
        "deliveryDate": _PERPETUAL_DELIVERY_MS,
        "onboardDate": _ONBOARD_MS,
        "status": "TRADING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": pair.base,
        "quoteAsset": pair.quote,
        "marginAsset": pair.quote,
        "pricePrecision": symbol.price_decimals,
        "quantityPrecision": symbol.amount_decimals,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10000,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "4529764", "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": "1000000", "stepSize": lot},
            {"filterType": "MARKET_LOT_SIZE", "minQty": lot, "maxQty": "100000", "stepSize": lot},
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {"filterType": "MIN_NOTIONAL", "notional": "5"},
            {
                "filterType": "PERCENT_PRICE",
                "multiplierUp": "1.0500",
                "multiplierDown": "0.9500",
                "multiplierDecimal": "4",
            },
        ],
        "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
    }


def kline_rows(symbol: SymbolParameters, bars: Minutes, interval_ms: int, price: int) -> list[list[Any]]:
    """Return rows of ``klines``, or of ``markPriceKlines`` and ``indexPriceKlines``, which know no volume."""
    prices = bars.prices[price].T.tolist()  # (M, 4)
    opens = bars.open_ms.tolist()
    if price != LAST:
        return [
            [ms, *(f"{one:.8f}" for one in row), "0", ms + interval_ms - 1, "0", interval_ms // 1000, "0", "0", "0"]
            for ms, row in zip(opens, prices, strict=True)
        ]
    volumes = zip(
        bars.volume_base.tolist(),
        bars.volume_quote.tolist(),
        bars.trades.tolist(),
        bars.taker_buy_base.tolist(),
        bars.taker_buy_quote.tolist(),
        strict=True,
    )
    return [
        [
            ms,
            *(price_text(symbol, one) for one in row),
            amount_text(symbol, volume),
            ms + interval_ms - 1,
            f"{quote:.5f}",
            trades,
            amount_text(symbol, buy),
            f"{buy_quote:.5f}",
            "0",
        ]
        for ms, row, (volume, quote, trades, buy, buy_quote) in zip(opens, prices, volumes, strict=True)
    ]


def kline_event(symbol: SymbolParameters, row: list[Any], interval: str, event_ms: int, *, closed: bool) -> Json:
    """Return a frame of ``<symbol>@kline_<interval>`` from a row of ``klines``."""
    opens, open_, high, low, close, volume, closes, quote, trades, buy, buy_quote, _ = row
    return {
        "e": "kline",
        "E": event_ms,
        "s": symbol.name,
        "k": {
            "t": opens, "T": closes, "s": symbol.name, "i": interval, "f": opens // 10, "L": opens // 10 + trades - 1,
            "o": open_, "c": close, "h": high, "l": low, "v": volume, "n": trades, "x": closed, "q": quote, "V": buy,
            "Q": buy_quote, "B": "0",
        },
    }  # fmt: skip


def mark_price_event(symbol: SymbolParameters, mark: float, index: float, funding: float, event_ms: int) -> Json:
    """Return a frame of ``<symbol>@markPrice``."""
    return {
        "e": "markPriceUpdate",
        "E": event_ms,
        "s": symbol.name,
        "p": f"{mark:.8f}",
        "ap": f"{mark:.8f}",
        "i": f"{index:.8f}",
        "P": f"{index:.8f}",
        "r": f"{funding:.8f}",
        "T": next_funding_ms(event_ms),
    }


def premium_index(symbol: SymbolParameters, mark: float, index: float, funding: float, now_ms: int) -> Json:
    """Return one row of ``/fapi/v1/premiumIndex``."""
    return {
        "symbol": symbol.name,
        "markPrice": f"{mark:.8f}",
        "indexPrice": f"{index:.8f}",
        "estimatedSettlePrice": f"{index:.8f}",
        "lastFundingRate": f"{funding:.8f}",
        "interestRate": "0.00010000",
        "nextFundingTime": next_funding_ms(now_ms),
        "time": now_ms,
    }


def next_funding_ms(now_ms: int) -> int:
    """Return the next of 00:00, 08:00 and 16:00 UTC."""
    return now_ms - now_ms % FUNDING_MS + FUNDING_MS


def force_order_event(symbol: SymbolParameters, orders: Liquidations, row: int, skew_ms: int) -> Json:
    """Return a frame of ``forceOrder``; ``S`` is the side of the order, so SELL closes a long."""
    amount = amount_text(symbol, float(orders.base[row]))
    ts_ms = int(orders.ts_ms[row]) + skew_ms
    return {
        "e": "forceOrder",
        "E": ts_ms + 3,
        "o": {
            "s": symbol.name,
            "S": "SELL" if orders.is_long[row] else "BUY",
            "o": "LIMIT",
            "f": "IOC",
            "q": amount,
            "p": price_text(symbol, float(orders.bankruptcy[row])),
            "ap": price_text(symbol, float(orders.average[row])),
            "X": "FILLED",
            "l": amount,
            "z": amount,
            "T": ts_ms,
        },
    }


def day_ticker(symbol: SymbolParameters, bars: Minutes, now_ms: int) -> Json:
    """Return one row of ``/fapi/v1/ticker/24hr`` from the bars of the past day."""
    prices = bars.prices[LAST]
    first, last = float(prices[OPEN, 0]), float(prices[CLOSE, -1])
    base, quote, trades = float(bars.volume_base.sum()), float(bars.volume_quote.sum()), int(bars.trades.sum())
    return {
        "symbol": symbol.name,
        "priceChange": price_text(symbol, last - first),
        "priceChangePercent": f"{100 * (last / first - 1):.3f}",
        "weightedAvgPrice": price_text(symbol, quote / base),
        "lastPrice": price_text(symbol, last),
        "lastQty": amount_text(symbol, symbol.lot_base),
        "openPrice": price_text(symbol, first),
        "highPrice": price_text(symbol, float(prices[HIGH].max())),
        "lowPrice": price_text(symbol, float(prices[LOW].min())),
        "volume": amount_text(symbol, base),
        "quoteVolume": f"{quote:.2f}",
        "openTime": int(bars.open_ms[0]),
        "closeTime": now_ms,
        "firstId": 1,
        "lastId": trades,
        "count": trades,
    }


def agg_trade_event(
    symbol: SymbolParameters, number: int, price: float, base: float, ts_ms: int, maker_bought: bool
) -> Json:
    """Return a frame of ``<symbol>@aggTrade``; ``m`` says that the buyer was the maker, so the taker sold."""
    return {
        "e": "aggTrade",
        "E": ts_ms,
        "s": symbol.name,
        "a": number,
        "p": price_text(symbol, price),
        "q": amount_text(symbol, base),
        "f": number,
        "l": number,
        "T": ts_ms,
        "m": maker_bought,
    }
