"""What goes wrong on the way: asked again where it helps and does no harm, else a coded error."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from liqgrid.api.access import AccessRules, Anonymous
from liqgrid.engine.market.api_key import Scope
from liqgrid.engine.store.database import connected
from liqgrid.engine.store.keys import create_key
from liqgrid_client import LiqgridError, RateLimited, Unreachable, retries
from liqgrid_client.retries import LONGEST_PAUSE_S, pause_s, retry_after_s
from tests.api.served import Api, serving
from tests.client.both import Half
from tests.client.relay import Relay, answer, relaying

BTC = "BTC-USDT"
SOON = "Retry-After: 0"
LIMITED = json.dumps({"error": {"code": "RATE_LIMITED", "message": "slower", "context": {}, "request_id": "r1"}})
AWAY = json.dumps({"error": {"code": "STORE_UNAVAILABLE", "message": "away", "context": {}, "request_id": "r2"}})
AWAY_IN_GRAPHQL = json.dumps(
    {"data": None, "errors": [{"message": "away", "extensions": {"code": "STORE_UNAVAILABLE", "context": {}}}]}
)
PASSING: dict[str, bytes | int] = {
    "429": answer("429 Too Many Requests", LIMITED, SOON),
    "503": answer("503 Service Unavailable", AWAY, SOON),
    "503-without-a-word": answer("503 Service Unavailable"),
    "502-of-a-proxy": answer("502 Bad Gateway", "<html>bad gateway</html>"),
    "200-with-the-code": answer("200 OK", AWAY_IN_GRAPHQL),
    "no-answer": b"",
    "cut-in-the-head": 10,
    "cut-in-the-body": 2000,
}


def target(api: Api) -> tuple[str, int]:
    return api.client.base_url.host, api.client.base_url.port or 0


def refused(half: Half, relay: Relay, **settings: Any) -> LiqgridError:
    with pytest.raises(LiqgridError) as error:
        half.run(relay.url, lambda client: client.grid(BTC, "1h", last=3), **settings)
    return error.value


@pytest.mark.parametrize("fault", PASSING)
def test_what_passes_is_asked_again(api: Api, half: Half, fault: str) -> None:
    with relaying(target(api), PASSING[fault]) as relay:
        assert half.ask(relay.url, "grid", BTC, "1h", last=3).long.shape == (3, 300)
        assert relay.connections == 2


@pytest.mark.parametrize("fault", [*PASSING])
def test_without_patience_it_is_told(api: Api, half: Half, fault: str) -> None:
    with relaying(target(api), PASSING[fault]) as relay:
        error = refused(half, relay, patience=0)
        assert relay.connections == 1
    wanted = {"429": "RATE_LIMITED", "503": "STORE_UNAVAILABLE", "200-with-the-code": "STORE_UNAVAILABLE"}
    assert error.code == wanted.get(fault, "UNREACHABLE")


def test_where_nobody_listens(half: Half) -> None:
    with relaying(("127.0.0.1", 9)) as relay:
        gone = relay.url
    with pytest.raises(Unreachable) as error:
        half.run(gone, lambda client: client.status(), patience=0.5)
    assert error.value.request_id is None


def test_a_file_is_asked_for_again_and_never_half_there(api: Api, half: Half, tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    faults: list[bytes | int | None] = [PASSING["503"], 3000, b""]
    with relaying(target(api), *faults) as relay:
        half.ask(relay.url, "export", "bars", BTC, path, interval="15m")
        assert relay.connections == 4
    assert path.read_bytes() == api.client.get(f"/v1/export/bars/{BTC}.csv?interval=15m").content
    path.write_text("older")
    with relaying(target(api), 3000) as relay, pytest.raises(Unreachable):
        half.run(relay.url, lambda client: client.export("bars", BTC, path, interval="15m"), patience=0)
    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]


def test_what_was_refused_is_asked_once(api: Api, half: Half) -> None:
    body = json.dumps({"error": {"code": "QUERY_TOO_COMPLEX", "message": "no", "context": {"a": 1}, "request_id": "r"}})
    with relaying(target(api), answer("400 Bad Request", body)) as relay:
        error = refused(half, relay)
        assert relay.connections == 1
    assert (error.code, error.message, error.context, error.request_id) == ("QUERY_TOO_COMPLEX", "no", {"a": 1}, "r")


def test_one_that_timed_out_is_not_asked_again(api: Api, half: Half) -> None:
    """The server may be at work on it."""
    with relaying(target(api), None) as relay:
        assert refused(half, relay, timeout=0.2).code == "TIMED_OUT"
        assert relay.connections == 1


def test_a_used_up_minute_is_told_with_when_to_come_back(api: Api, half: Half) -> None:
    with connected(api.dsn) as connection:
        key = create_key(connection, f"few {half.name}", (Scope.READ,), 2, 1000)

    def use_up(client: Any) -> Any:
        return client.status()

    with serving(api.dsn, AccessRules(Anonymous.NOBODY)) as closed:
        url = str(closed.client.base_url)
        for _ in range(2):
            half.run(url, use_up, key=key)
        with pytest.raises(RateLimited) as error:
            half.run(url, use_up, key=key, patience=0.1)
    assert error.value.retry_after is not None
    assert 0 < error.value.retry_after <= 120


def packed(values: Any, **changed: Any) -> dict[str, Any]:
    array = np.asarray(values)
    data = base64.b64encode(array.tobytes()).decode()
    return {"dtype": array.dtype.str, "shape": list(array.shape), "data": data, **changed}


RATES = {
    "symbol": "binance:BTC-USDT",
    "times": packed([1, 2]),
    "rate": packed([0.5, 0.25]),
    "pageInfo": {"hasNextPage": False, "endCursor": None},
}


def rates(**changed: Any) -> str:
    series = {name: value for name, value in {**RATES, **changed}.items() if value != "left out"}
    return json.dumps({"data": {"fundingRates": series}})


MALFORMED = {
    "no-json": ("<html>hello</html>", "no JSON"),
    "half-a-json": (rates()[:-3], "no JSON"),
    "a-list": ("[]", "no JSON object"),
    "nothing": ("", "no JSON"),
    "no-data": ("{}", "None in place of data"),
    "null": ('{"data": null}', "None in place of data"),
    "no-field": ('{"data": {}}', "0 fields"),
    "errors-that-are-none": ('{"data": null, "errors": "bad"}', "errors that are none"),
    "null-field": ('{"data": {"fundingRates": null}}', "not an object"),
    "missing": (rates(rate="left out"), r"FundingRateSeries.rate is missing"),
    "no-array": (rates(rate=[0.5]), r"FundingRateSeries.rate is no packed array"),
    "no-base64": (rates(rate=packed([0.5], data="*")), r"\.rate is no packed array"),
    "too-short": (rates(rate=packed([0.5], shape=[2])), r"\.rate is no packed array"),
    "other-dtype": (rates(rate=packed(np.array([0.5, 1], np.float32))), r"\.rate .* '<f4', not '<f8'"),
    "no-dtype": (rates(rate={"shape": [1], "data": ""}), r"\.rate is no packed array"),
    "number-for-text": (rates(symbol=5), r"\.symbol is 5, not of type str"),
    "text-for-truth": (rates(pageInfo={"hasNextPage": "no", "endCursor": None}), r"pageInfo\.hasNextPage"),
    "more-from-nowhere": (rates(pageInfo={"hasNextPage": True, "endCursor": None}), "from where"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_an_answer_that_is_none_is_a_coded_error(api: Api, half: Half, case: str) -> None:
    body, told = MALFORMED[case]
    with relaying(target(api), answer("200 OK", body, "X-Request-Id: abc")) as relay:
        with pytest.raises(LiqgridError, match=told) as error:
            half.all(relay.url, "funding_rates", BTC)
        assert relay.connections == 1
    assert error.value.code == "BAD_ANSWER"
    assert error.value.request_id in ("abc", None)


def test_the_answer_they_are_bent_from_is_one(api: Api, half: Half) -> None:
    with relaying(target(api), answer("200 OK", rates())) as relay:
        series = half.all(relay.url, "funding_rates", BTC)
    assert series.rate.tolist() == [0.5, 0.25]


def test_the_first_page_says_of_which_instrument_all_are(api: Api, half: Half) -> None:
    """Another may lead by the time of the next."""
    more = {"hasNextPage": True, "endCursor": "here"}
    first, last = rates(symbol="bybit:BTC-USDC", pageInfo=more), rates(symbol="bybit:BTC-USDC")
    with relaying(target(api), answer("200 OK", first), answer("200 OK", last)) as relay:
        series = half.all(relay.url, "funding_rates", "BTC", first=2)
        asked = [json.loads(body)["variables"] for body in relay.requests]
    assert series.rate.tolist() == [0.5, 0.25, 0.5, 0.25]
    assert not series.page_info.has_next_page
    assert asked[0] == {"pair": "BTC", "first": 2}
    assert asked[1] == {"pair": "BTC-USDC", "venue": "bybit", "first": 2, "after": "here"}


def test_what_is_new_in_an_answer_is_passed_over(api: Api, half: Half) -> None:
    """Fields and values of enumerations may be added (docs/api.md, Stability)."""
    with relaying(target(api), answer("200 OK", rates(novel=[1]))) as relay:
        assert len(half.all(relay.url, "funding_rates", BTC)) == 2


def test_pauses_grow_and_obey_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_PAUSE_S", 0.2)
    for failures in range(1, 20):
        most = min(0.2 * 2 ** (failures - 1), LONGEST_PAUSE_S)
        pauses = {pause_s(failures, None) for _ in range(20)}
        assert most / 2 <= min(pauses) <= max(pauses) <= most
        assert len(pauses) > 1
    assert pause_s(1, RateLimited("RATE_LIMITED", "", retry_after=7)) == 7
    assert pause_s(10**9, None) <= LONGEST_PAUSE_S


def test_retry_after_is_seconds_or_a_date() -> None:
    assert retry_after_s({"retry-after": "12"}) == 12
    assert retry_after_s({}) is None
    assert retry_after_s({"retry-after": "soon"}) is None
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=30))
    told = retry_after_s({"retry-after": until})
    assert told is not None
    assert 25 < told <= 30
    assert retry_after_s({"retry-after": "Mon, 01 Jan 2024 00:00:00 GMT"}) == 0
