"""What REST refuses: at once, with a code, the parameter, what it was, and what is allowed."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

import pytest

from tests.api.conftest import Served
from tests.api.rest import refused
from tests.api.test_errors import cursor

AT_ONCE_S = 1.0  # the work a hostile value asks for would take far longer
GRID = "grids/BTC-USDT?interval=1h"
# What is asked, the parameter that the refusal names, and a text that it holds.
BAD = [
    ("grids/BTC-USDT", "interval", "1m, 5m, 15m, 1h, 4h, 1d"),
    ("grids/BTC-USDT?interval=H1", "interval", "'H1'"),
    ("grids/BTC-USDT?interval=", "interval", "''"),
    ("grids/btc-usdt?interval=1h", "pair", "'btc-usdt'"),
    ("grids/" + quote("BTC-USDT'; DROP TABLE bar; --") + "?interval=1h", "pair", "DROP TABLE"),
    ("grids/" + quote("' OR 1=1") + ".csv?interval=1h", "pair", "OR 1=1"),
    (f"{GRID}&rows=0", "rows", "from 1 up to 4000"),
    (f"{GRID}&rows=1000000000", "rows", "'1000000000'"),
    (f"{GRID}&rows=1e3", "rows", "whole number"),
    (f"{GRID}&rows=NaN", "rows", "'NaN'"),
    (f"{GRID}&rows=" + "9" * 150, "rows", "from 1 up to 4000"),
    (f"{GRID}&rows=" + "9" * 5000, "rows", "5000 characters"),
    (f"{GRID}&rows=" + quote("٣"), "rows", "whole number"),
    (f"{GRID}&last=1000000000", "last", "from 1 up to 20000"),
    (f"{GRID}&last=-1", "last", "'-1'"),
    (f"{GRID}&price_low=nan", "price_low", "'nan'"),
    (f"{GRID}&price_low=1e999", "price_low", "1e-09 up to 1000000000"),
    (f"{GRID}&price_low=-1e999", "price_low", "1e-09 up to 1000000000"),
    (f"{GRID}&price_high=inf", "price_high", "a number"),
    (f"{GRID}&price_high=1_000", "price_high", "a number"),
    (f"{GRID}&unit=usd", "unit", "quote, base"),
    (f"{GRID}&start=yesterday", "start", "ISO 8601"),
    (f"{GRID}&start=10000-01-01T00:00:00Z", "start", "year 9999"),
    (f"{GRID}&end=2024-06-25T00:00:00+00:00", "end", "%2B"),
    (f"{GRID}&end=1719273600000", "end", "ISO 8601"),
    (f"{GRID}&venues=", "venues", "has 0 values"),
    (f"{GRID}&venues=Binance", "venues", "'Binance'"),
    (f"{GRID}&venues={'a1,' * 51}", "venues", "51 values; give 1 to 50"),
    (f"{GRID}&venues=" + quote("binance,'; DROP TABLE bar"), "venues", "DROP TABLE"),
    (f"{GRID}&nope=1", "nope", "there are end, interval, last"),
    (f"{GRID}&interval=4h", "interval", "give it once"),
    (f"{GRID}&pair=ETH-USDT", "pair", "give it once"),
    ("clusters/BTC-USDT?interval=1h&within=0", "within", "above 0 and up to 1"),
    ("clusters/BTC-USDT?interval=1h&within=1.5", "within", "'1.5'"),
    ("clusters/BTC-USDT?interval=1h&limit=201", "limit", "from 1 up to 200"),
    ("clusters/BTC-USDT?interval=1h&side=LONG", "side", "long, short"),
    ("exposure/BTC-USDT?interval=1h&bands=0.1,nan", "bands", "'nan'"),
    ("exposure/BTC-USDT?interval=1h&bands=" + ",".join(["0.1"] * 21), "bands", "21 values; give 1 to 20"),
    ("pairs?first=201", "first", "from 1 up to 200"),
    ("pairs?coin=" + quote("a\x00b"), "coin", "a base currency"),
    ("bars/BTC-USDT?interval=1h&first=10001", "first", "from 1 up to 10000"),
    ("export/grids/BTC-USDT?interval=1h&rows=10", "rows", "no parameter 'rows'"),
    ("export/bars/BTC-USDT?interval=1h&first=10", "first", "no parameter 'first'"),
    ("grids/BTC-USDT.xls?interval=1h", "format", "json, csv"),
    ("grids/BTC-USDT.?interval=1h", "pair", "'BTC-USDT.'"),
    ("bars/BTC-USDT.png?interval=1h", "format", "'png'"),
]  # fmt: skip
# What only the question's resolver can refuse, in REST's words.
ASKED = [
    (f"{GRID}&price_low=2&price_high=1", 400, "BAD_REQUEST", "price_low was 2, which is not below price_high 1"),
    *((f"grids/BTC-USDT.{form}?interval=1h&price_low=2&price_high=1", 400, "BAD_REQUEST", "not below price_high 1")
      for form in ("csv", "png")),
    (f"{GRID}&start=2024-06-25&end=2024-06-24", 400, "BAD_REQUEST", "start must be before end"),
    (f"{GRID}&start=2024-06-25&last=5", 400, "BAD_REQUEST", "not both"),
    (f"{GRID}&venues=okx", 400, "BAD_REQUEST", "binance, bybit"),
    ("grids/BTCUSDT?interval=1h", 400, "BAD_REQUEST", "BTC-USDT"),
    ("grids/NONE?interval=1h", 404, "UNKNOWN_PAIR", "coin NONE"),
    ("grids/NONE-USDT?interval=1h", 404, "UNKNOWN_PAIR", "NONE-USDT"),
    ("grids/BTC-USDT?interval=1m", 404, "NOT_BUILT", "15m"),
    (f"{GRID}&end=0001-01-01T00:00:00%2B23:59", 404, "NOT_BUILT", "1h"),
    (f"{GRID}&start=9999-12-31T23:59:59-23:59", 404, "NOT_BUILT", "in that range"),
    ("grids/BTC-USDT?interval=15m&start=2000-01-01&rows=4000", 413, "RANGE_TOO_LARGE", "2000000 cells"),
    ("grids/BTC-USDT.png?interval=15m&start=2000-01-01&rows=4000", 413, "RANGE_TOO_LARGE", "2000000 cells"),
    ("pairs/NONE-USDT", 404, "UNKNOWN_PAIR", "NONE-USDT"),
    ("bars/NONE-USDT?interval=1h", 404, "UNKNOWN_PAIR", "NONE-USDT"),
    ("bars/BTC-USDT?interval=1h&venue=okx", 400, "BAD_REQUEST", "okx"),
    ("bars/BTC-USDT?interval=1h&after=nonsense", 400, "BAD_REQUEST", "after was 'nonsense'"),
    (f"pairs?after={cursor('v2:x')}", 400, "BAD_REQUEST", "after was"),
    (f"liquidations/BTC-USDT?after={cursor('v1:5')}", 400, "BAD_REQUEST", "after was"),
    (f"liquidations/BTC-USDT?after={cursor('v1:' + '9' * 19 + ':x')}", 400, "BAD_REQUEST", "after was"),
    ("export/grids/NONE-USDT?interval=1h", 404, "UNKNOWN_PAIR", "NONE-USDT"),
    ("export/grids/ETH-USDT?interval=1h", 404, "NOT_BUILT", "ETH-USDT"),
    ("export/grids/BTC-USDT?interval=1h&start=2025-01-01&end=2024-01-01", 400, "BAD_REQUEST", "before end"),
    ("export/bars/NONE-USDT.parquet?interval=1h", 404, "UNKNOWN_PAIR", "NONE-USDT"),
    ("nope", 404, "NOT_FOUND", "/v1/nope"),
    ("grids/a/b?interval=1h", 404, "NOT_FOUND", "/v1/grids/a/b"),
    ("../../etc/passwd", 404, "NOT_FOUND", "passwd"),
]  # fmt: skip


def get(served: Served, path: str, **headers: str) -> Any:
    start = time.monotonic()
    answer = served.client.get(f"/v1/{path}", headers=headers)
    assert time.monotonic() - start < AT_ONCE_S
    return answer


@pytest.mark.parametrize(("path", "parameter", "told"), BAD, ids=[f"{n}-{name}" for n, (_, name, _) in enumerate(BAD)])
def test_a_bad_value_is_refused_with_its_parameter(served: Served, path: str, parameter: str, told: str) -> None:
    error = refused(get(served, path), 400, "BAD_REQUEST")
    assert error["context"]["parameter"] == parameter
    assert parameter in error["message"]
    assert told in error["message"]
    assert len(error["message"]) < 400


@pytest.mark.parametrize(("path", "status", "code", "told"), ASKED, ids=[str(n) for n in range(len(ASKED))])
def test_what_cannot_be_answered_is_refused_in_rests_words(
    served: Served, path: str, status: int, code: str, told: str
) -> None:
    assert told in refused(get(served, path), status, code)["message"]


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "image/png;q=0.5", "x", "*/*;q=0"])
def test_a_form_that_is_not_served_is_not_acceptable(served: Served, accept: str) -> None:
    error = refused(get(served, "pairs", accept=accept), 406, "BAD_REQUEST")
    assert "application/vnd.apache.parquet" in error["message"]
    assert served.client.get("/v1/pairs.json", headers={"accept": accept}).status_code == 200, "the ending decides"
