"""Who may ask: keys, scopes, limits and proxies, over real HTTP."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from liqgrid.api.access import AccessRules, Anonymous
from liqgrid.api.keys import HELD_S
from liqgrid.api.visit import Limits, Meters
from liqgrid.engine.market.api_key import Scope, id_of, make_key
from liqgrid.engine.store.database import Connection, connected
from liqgrid.engine.store.keys import create_key, list_keys, revoke_key
from tests.api.served import Api, serving
from tests.conftest import NewDatabase

STATUS = "/v1/status"
VENDOR = "/api/futures/liquidation/exchange-list"
QUERY = {"query": "{ status { version } }"}
BEHIND_A_PROXY = [
    {"x-forwarded-for": "127.0.0.1"}, {"X-Forwarded-For": ""}, {"forwarded": "for=127.0.0.1"}, {"via": "1.1 proxy"},
    {"x-real-ip": "127.0.0.1"}, {"host": "example.com"}, {"host": "127.0.0.1.example.com"}, {"host": "[::"},
]  # fmt: skip
NO_KEYS = [
    "", "x", "lgk_", "lgk_000000000000_" + "a" * 43, "lgk_000000000000_" + "a" * 42, "a" * 8000, "' OR 1=1; --",
    "lgk_" + "é" * 12 + "_" + "a" * 43, "lgk_\u0660" * 12,
]  # fmt: skip


@dataclass
class Clock:
    """Time that passes when a test says so."""

    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


@dataclass(frozen=True)
class Guarded(Api):
    """An API that asks everybody for a key."""

    connection: Connection
    clock: Clock

    def key(self, *scopes: Scope, requests: int = 1_000_000, cost: int = 1_000_000) -> dict[str, str]:
        """Make a key and return it as a header, once the API knows of it."""
        key = create_key(self.connection, "test", scopes or tuple(Scope), requests, cost)
        self.clock.now_s += HELD_S
        return {"x-api-key": key}

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return self.client.get(path, headers=headers)


@pytest.fixture(scope="module")
def dsn(new_database: NewDatabase) -> Iterator[str]:
    with new_database() as dsn:
        yield dsn


@pytest.fixture(scope="module")
def guarded(dsn: str) -> Iterator[Guarded]:
    clock = Clock()
    rules = AccessRules(Anonymous.NOBODY, log_requests=True, meters=Meters(clock))
    with connected(dsn) as connection, serving(dsn, rules) as api:
        yield Guarded(api.dsn, api.client, connection, clock)


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert answer.json().keys() == {"error"}
    error = dict(answer.json()["error"])
    assert error["code"] == code
    assert error["request_id"] == answer.headers["x-request-id"]
    return error


def test_a_key_opens_what_nobody_else_may_ask(guarded: Guarded) -> None:
    answer = guarded.get(STATUS)
    refused(answer, 401, "UNAUTHORISED")
    assert answer.headers["www-authenticate"] == "Bearer"
    refused(guarded.client.post("/graphql", json=QUERY), 401, "UNAUTHORISED")
    refused(guarded.client.get("/graphql", params=QUERY), 401, "UNAUTHORISED")
    key = guarded.key()
    bearer = {"authorization": f"bearer {key['x-api-key']}"}
    for headers in (key, bearer):
        assert guarded.get(STATUS, headers).status_code == 200
        assert guarded.client.post("/graphql", json=QUERY, headers=headers).json()["data"]["status"]


def test_a_vendors_client_sends_its_key_its_own_way(guarded: Guarded) -> None:
    key = guarded.key()["x-api-key"]
    assert guarded.get(VENDOR, {"CG-API-KEY": key}).json()["code"] == "0"
    answer = guarded.get(VENDOR, {"CG-API-KEY": "what the vendor sold"})
    assert answer.status_code == 401
    assert answer.json().keys() == {"code", "msg"}
    assert answer.json()["code"] == "401"
    refused(guarded.get(STATUS, {"CG-API-KEY": key}), 401, "UNAUTHORISED")


@pytest.mark.parametrize("text", NO_KEYS, ids=range(len(NO_KEYS)))
def test_what_is_no_key_opens_nothing_and_is_not_repeated(guarded: Guarded, text: str) -> None:
    for name, value in (("x-api-key", text), ("authorization", f"Bearer {text}".strip())):
        answer = guarded.client.get(STATUS, headers=[(name.encode(), value.encode())])
        refused(answer, 401, "UNAUTHORISED")
        assert len(text) < 9 or text not in answer.text


def test_a_key_with_another_ones_id_does_not_open(guarded: Guarded) -> None:
    """The id is no secret, so the rest must count, to its last character."""
    key = guarded.key()["x-api-key"]
    other = make_key()
    forged = f"lgk_{id_of(key)}_{other.split('_', 2)[2]}"
    last = key[:-1] + ("A" if key[-1] != "A" else "B")
    for wrong in (forged, last, key.upper(), f"{key} x", key + "A"):
        refused(guarded.get(STATUS, {"x-api-key": wrong}), 401, "UNAUTHORISED")
    assert guarded.get(STATUS, {"x-api-key": key}).status_code == 200


def test_a_key_taken_back_is_refused_within_seconds(guarded: Guarded) -> None:
    key = guarded.key()
    key_id = id_of(key["x-api-key"])
    assert key_id is not None
    assert guarded.get(STATUS, key).status_code == 200
    revoke_key(guarded.connection, key_id)
    assert HELD_S <= 5
    guarded.clock.now_s += HELD_S
    refused(guarded.get(STATUS, key), 401, "UNAUTHORISED")
    (row,) = [one for one in list_keys(guarded.connection) if one.key_id == key_id]
    assert row.revoked_ms is not None
    assert row.last_used_ms is not None
    assert revoke_key(guarded.connection, key_id) == "test", "once more does no harm"


def test_nothing_stored_opens_anything(guarded: Guarded) -> None:
    key = guarded.key()["x-api-key"]
    stored = guarded.connection.execute("SELECT api_key::text, key_hash FROM api_key").fetchall()
    assert not [row for row, _ in stored if key in row or key.split("_", 2)[2] in row]
    for _, key_hash in stored:
        refused(guarded.get(STATUS, {"x-api-key": key_hash.hex()}), 401, "UNAUTHORISED")


def test_a_key_opens_its_scopes_only(guarded: Guarded) -> None:
    read, export = guarded.key(Scope.READ), guarded.key(Scope.EXPORT)
    history = "/v1/export/bars/BTC-USDT?interval=1h"
    assert "export" in refused(guarded.get(history, read), 403, "FORBIDDEN")["message"]
    refused(guarded.get(history, export), 404, "UNKNOWN_PAIR")
    refused(guarded.get(STATUS, export), 403, "FORBIDDEN")
    assert guarded.get(STATUS, read).status_code == 200


def test_many_keys_open_and_each_counts_by_itself(guarded: Guarded) -> None:
    keys = [{"x-api-key": create_key(guarded.connection, "one of many", [Scope.READ], 2, 100)} for _ in range(200)]
    guarded.clock.now_s += HELD_S
    for _ in range(2):
        assert {guarded.get(STATUS, key).status_code for key in keys} == {200}
    assert {guarded.get(STATUS, key).status_code for key in keys} == {429}


def test_what_describes_the_api_needs_no_key(guarded: Guarded) -> None:
    for path in ("/health", "/schema.graphql", "/openapi.json"):
        assert guarded.get(path).status_code == 200
    assert guarded.get("/graphql", {"accept": "text/html"}).status_code == 200
    for method, path in (("POST", "/health"), ("GET", "/health/"), ("GET", "/Health"), ("GET", "/graphql?query={a}")):
        refused(guarded.client.request(method, path), 401, "UNAUTHORISED")
    refused(guarded.client.post("/graphql?x=1", json=QUERY), 401, "UNAUTHORISED")


def test_a_minute_holds_so_many_requests_and_then_more(guarded: Guarded) -> None:
    key = guarded.key(requests=3)
    guarded.clock.now_s = (guarded.clock.now_s // 60 + 1) * 60  # a window begins
    left = [guarded.get(STATUS, key).headers for _ in range(3)]
    assert [headers["ratelimit-remaining"] for headers in left] == ["2", "1", "0"]
    assert {headers["ratelimit-limit"] for headers in left} == {"3"}
    assert left[0]["ratelimit-reset"] == "120"
    answer = guarded.get(STATUS, key)
    error = refused(answer, 429, "RATE_LIMITED")
    wait_s = int(answer.headers["retry-after"])
    assert error["context"]["retry_after_s"] <= wait_s <= 80
    guarded.clock.now_s += wait_s - 1
    refused(guarded.get(STATUS, key), 429, "RATE_LIMITED")
    guarded.clock.now_s += 1
    assert guarded.get(STATUS, key).status_code == 200
    guarded.clock.now_s += 120
    assert guarded.get(STATUS, key).headers["ratelimit-remaining"] == "2"


def test_requests_together_do_not_overdraw(guarded: Guarded) -> None:
    key = guarded.key(requests=40)
    guarded.clock.now_s = (guarded.clock.now_s // 60 + 1) * 60
    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(lambda _: guarded.get(STATUS, key).status_code, range(100)))
    assert sorted(seen) == [200] * 40 + [429] * 60


def test_cost_is_told_and_counted(guarded: Guarded) -> None:
    key = guarded.key(cost=20)
    guarded.clock.now_s = (guarded.clock.now_s // 60 + 1) * 60
    answer = guarded.client.post("/graphql", json={"query": "{ status { version } }"}, headers=key)
    assert answer.json()["extensions"]["cost"] == {"requested": 5, "limit": 20, "remaining": 15}
    assert answer.headers["x-query-cost"] == "requested=5, limit=20, remaining=15"
    assert guarded.get(STATUS, key).headers["x-query-cost"] == "requested=5, limit=20, remaining=10"
    dear = {"query": '{ bars(pair: "BTC-USDT", interval: H1, first: 9000) { times } }'}
    answer = guarded.client.post("/graphql", json=dear, headers=key)
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNKNOWN_PAIR"
    answer = guarded.client.post("/graphql", json=dear, headers=key)
    assert answer.status_code == 429
    assert answer.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert int(answer.headers["retry-after"]) > 0
    answer = guarded.get("/v1/bars/BTC-USDT?interval=1h&first=9000", key)
    refused(answer, 429, "RATE_LIMITED")
    assert int(answer.headers["retry-after"]) > 0
    over = {"query": '{ grid(pair: "BTC-USDT", interval: H1, rows: 1000) { asOf } }'}
    answer = guarded.client.post("/graphql", json=over, headers=key)
    assert answer.json()["errors"][0]["extensions"]["code"] == "QUERY_TOO_COMPLEX", "no waiting helps"
    assert "retry-after" not in answer.headers


@pytest.fixture(scope="module")
def local(dsn: str) -> Iterator[Api]:
    with serving(dsn, AccessRules(origins=("https://charts.example.com",))) as api:
        yield api


def test_this_machine_may_ask_without_a_key_or_end(local: Api) -> None:
    answer = local.client.get(STATUS)
    assert answer.status_code == 200
    assert "ratelimit-limit" not in answer.headers
    assert answer.headers["x-query-cost"] == "requested=5"
    port = local.client.base_url.port
    assert local.client.get(STATUS, headers={"host": f"localhost:{port}"}).status_code == 200
    refused(local.client.get(STATUS, headers={"x-api-key": make_key()}), 401, "UNAUTHORISED")
    assert local.client.get(VENDOR, headers={"CG-API-KEY": "what the vendor sold"}).status_code == 200


@pytest.mark.parametrize("headers", BEHIND_A_PROXY, ids=str)
def test_who_comes_through_a_proxy_is_not_this_machine(local: Api, headers: dict[str, str]) -> None:
    refused(local.client.get(STATUS, headers=headers), 401, "UNAUTHORISED")


def test_others_are_counted_by_where_they_come_from_not_by_what_they_say(dsn: str) -> None:
    clock = Clock()
    with serving(dsn, AccessRules(Anonymous.EVERYBODY, Limits(2, 1000), meters=Meters(clock))) as api:
        seen = [api.client.get(STATUS, headers={"x-forwarded-for": f"10.0.0.{n}"}).status_code for n in range(4)]
        assert seen == [200, 200, 429, 429]
        assert api.client.get("/health", headers={"via": "x"}).status_code == 200


def test_only_pages_of_these_origins_may_ask(local: Api, guarded: Guarded) -> None:
    asked = {"origin": "https://charts.example.com", "access-control-request-method": "POST"}
    wanted = {"access-control-request-headers": "x-api-key, content-type"}
    preflight = local.client.options("/graphql", headers={**asked, **wanted})
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == asked["origin"]
    assert "access-control-allow-credentials" not in preflight.headers
    for origin in ("https://charts.example.com", "https://evil.example.com", "null", "https://charts.example.com.evil"):
        allowed = local.client.get(STATUS, headers={"origin": origin}).headers.get("access-control-allow-origin")
        assert allowed == (origin if origin == asked["origin"] else None)
    failed = local.client.get(STATUS, headers={"origin": asked["origin"], "x-api-key": "wrong"})
    assert failed.headers["access-control-allow-origin"] == asked["origin"], "the page may read why"
    assert "access-control-allow-origin" not in guarded.get(STATUS, {"origin": asked["origin"]}).headers


def test_every_answer_tells_browsers_what_not_to_do(local: Api) -> None:
    for path in (STATUS, "/nope", "/graphql", "/health"):
        headers = local.client.get(path, headers={"accept": "text/html"} if path == "/graphql" else {}).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert local.client.post("/graphql", json=QUERY).headers["cache-control"] == "no-store"
    assert local.client.get(STATUS).headers["cache-control"] == "private, no-cache"
    page = local.client.get("/graphql", headers={"accept": "text/html"})
    sites = {match[1] for match in re.finditer(r"""(?:src|href)=["'](https://[^/"']+)""", page.text)}
    assert sites
    assert all(site in page.headers["content-security-policy"] for site in sites)


def test_the_log_says_who_asked_what_and_no_secret(guarded: Guarded) -> None:
    key = guarded.key()
    secret = key["x-api-key"]
    made = make_key()
    with capture_logs() as logs:
        guarded.get(STATUS, key)
        guarded.get(f"{STATUS}?api_key={secret}", key)
        guarded.get(f"/v1/pairs/{secret}", {**key, "x-request-id": secret})
        guarded.get("/a%0Ainjected%20line", key)
        guarded.get(STATUS, {"authorization": f"Bearer {made}"})
        guarded.get(STATUS, {"authorization": "Basic c2VjcmV0OnNlY3JldA=="})
        guarded.get(VENDOR, {"cg-api-key": secret})
        guarded.client.post("/graphql", json={"query": QUERY["query"], "variables": {"k": secret}}, headers=key)
    assert [log["event"] for log in logs] == ["request"] * 8
    for log in logs:
        assert log.keys() == {"event", "log_level", "request_id", "method", "path", "status", "ms", "bytes", "client"}
        line = json.dumps(log)
        for hidden in (secret, secret.split("_", 2)[2], made, made.split("_", 2)[2], "c2VjcmV0", "?"):
            assert hidden not in line
        assert "\n" not in log["path"]
    first = logs[0]
    assert (first["method"], first["path"], first["status"]) == ("GET", STATUS, 200)
    assert first["client"] == id_of(secret)
    assert first["bytes"] > 0
    assert logs[4]["client"] == "unknown"
    assert logs[4]["status"] == 401


@pytest.mark.parametrize(
    "headers",
    [
        [(b"x-api-key", b"\xff\xfe"), (b"x-api-key", b"a")],
        [(b"authorization", b"Bearer")],
        [(b"authorization", b"\xe2\x80\xa8Bearer x")],
        [(b"host", b"")],
        [(b"x-" + str(n).encode(), b"x" * 100) for n in range(500)],
    ],
    ids=range(5),
)
def test_hostile_headers_are_refused_and_the_server_goes_on(
    guarded: Guarded, headers: list[tuple[bytes, bytes]]
) -> None:
    with contextlib.suppress(httpx.RemoteProtocolError, httpx.ReadError):  # refused by ending the connection
        assert guarded.client.get(STATUS, headers=headers).status_code in {400, 401}
    assert guarded.get("/health").status_code == 200
