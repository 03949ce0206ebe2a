"""Made-up archives in Binance's form: the rows of a market, with what the venue writes beside them."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from liqgrid.engine.market.arrays import F64, I64
from tests.markets import Market

KLINES = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
)
METRICS = (
    "create_time,symbol,sum_open_interest,sum_open_interest_value,count_toptrader_long_short_ratio,"
    "sum_toptrader_long_short_ratio,count_long_short_ratio,sum_taker_long_short_vol_ratio"
)
FUNDING_RATE = "calc_time,funding_interval_hours,last_funding_rate"
AGG_TRADES = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker"


def write(path: Path, lines: Sequence[str], header: str | None = None) -> Path:
    """Write an archive: a zip with one CSV of the same name, or the CSV itself."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{line}\n" for line in ([header] if header else []) + list(lines))
    if path.suffix != ".zip":
        path.write_text(text)
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{path.stem}.csv", text)
    return path


def write_checksum(path: Path, content: bytes | None = None) -> Path:
    """Write what Binance lays beside an archive: its SHA-256 and its name."""
    digest = hashlib.sha256(path.read_bytes() if content is None else content).hexdigest()
    beside = path.with_name(f"{path.name}.CHECKSUM")
    beside.write_text(f"{digest}  {path.name}\n")
    return beside


def kline_lines(rows: Market, parts_per_ms: int = 1, mark: bool = False, coin_margined: bool = False) -> list[str]:
    """Return the lines of bars; ``parts_per_ms`` 1000 for times in microseconds."""
    columns = rows.columns
    prices = [columns[name] for name in ("open", "high", "low", "close")]
    none = np.zeros(len(rows))
    amounts = {name: none if mark else columns[name] for name in ("volume", "buy_volume", "trades")}
    other = np.round(amounts["volume"] * columns["close"], 4)
    other_bought = np.round(amounts["buy_volume"] * columns["close"], 4)
    volume, bought = amounts["volume"], amounts["buy_volume"]
    if coin_margined:  # contracts come first, the coin where others have quote currency
        volume, other, bought, other_bought = other, volume, other_bought, bought
    opens = rows.open_ms * parts_per_ms
    closes = (rows.open_ms + rows.interval.ms) * parts_per_ms - 1
    return [
        ",".join(map(str, (at, *(float(price[t]) for price in prices), volume[t], end, other[t],
                           int(amounts["trades"][t]), bought[t], other_bought[t], 0)))
        for t, (at, end) in enumerate(zip(opens.tolist(), closes.tolist(), strict=True))
    ]  # fmt: skip


def trade_lines(ids: I64, ts_ms: I64, price: F64, quantity: F64, buyer_is_maker: Sequence[bool]) -> list[str]:
    """Return the lines of aggregated trades, each of two single ones."""
    return [
        f"{one},{price[t]},{quantity[t]},{2 * one},{2 * one + 1},{ts_ms[t]},{str(bool(buyer_is_maker[t])).lower()}"
        for t, one in enumerate(ids.tolist())
    ]
