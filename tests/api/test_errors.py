"""Refusals: one shape everywhere, a code for each, and never a stack trace."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
from graphql import get_introspection_query
from structlog.testing import capture_logs

from liqgrid.api.app import MAX_BODY_BYTES
from liqgrid.api.database import Pool
from liqgrid.api.errors import STATUS
from liqgrid.engine.market.errors import ErrorCode
from tests.api.conftest import Served

BTC = 'pair: "BTC-USDT", interval: H1'
SENT_IDS = ["abc", "7b1f.A:b_c-d", "x" * 64]
REFUSED_IDS = ["", "a b", "x" * 65, "<script>", "a\tb", "a/b", "é"]


def cursor(text: str | bytes) -> str:
    content = text.encode() if isinstance(text, str) else text
    return base64.urlsafe_b64encode(content).decode()


# fmt: off
QUESTIONS = [
    # Pairs and venues
    ('{ grid(pair: "NONE-USDT", interval: H1) { asOf } }', "UNKNOWN_PAIR"),
    ('{ topClusters(pair: "NONE-USDT", interval: H1) { asOf } }', "UNKNOWN_PAIR"),
    ('{ exposure(pair: "NONE-USDT", interval: H1) { asOf } }', "UNKNOWN_PAIR"),
    ('{ bars(pair: "NONE-USDT", interval: H1) { times } }', "UNKNOWN_PAIR"),
    ('{ openInterest(pair: "NONE-USDT") { times } }', "UNKNOWN_PAIR"),
    ('{ skill(pair: "NONE-USDT") { mean } }', "UNKNOWN_PAIR"),
    ('{ grid(pair: "BTCUSDT", interval: H1) { asOf } }', "BAD_REQUEST"),
    ('{ grid(pair: "btc-usdt", interval: H1) { asOf } }', "BAD_REQUEST"),
    ('{ grid(pair: "", interval: H1) { asOf } }', "BAD_REQUEST"),
    ('{ grid(pair: "BTC-USDT\'; DROP TABLE bar; --", interval: H1) { asOf } }', "BAD_REQUEST"),
    ('{ pair(symbol: "\' OR 1=1; --") { symbol } }', "BAD_REQUEST"),
    (f'{{ grid({BTC}, venues: ["okx"]) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ grid({BTC}, venues: ["binance", "\'; DROP TABLE bar; --"]) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ grid({BTC}, venues: []) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ bars({BTC}, venue: "okx") {{ times }} }}', "BAD_REQUEST"),
    ('{ pairs(venue: "\\u0000") { edges { cursor } } }', "BAD_REQUEST"),
    ('{ pairs(coin: "a\\u0000b") { edges { cursor } } }', "BAD_REQUEST"),
    # Not built
    ('{ grid(pair: "BTC-USDT", interval: M1) { asOf } }', "NOT_BUILT"),
    ('{ grid(pair: "ETH-USDT", interval: H1) { asOf } }', "NOT_BUILT"),
    ('{ exposure(pair: "ADA-USDT", interval: H1) { asOf } }', "NOT_BUILT"),
    (f'{{ grid({BTC}, start: "2030-01-01T00:00:00Z") {{ asOf }} }}', "NOT_BUILT"),
    (f'{{ grid({BTC}, end: "2020-01-01T00:00:00Z") {{ asOf }} }}', "NOT_BUILT"),
    (f'{{ topClusters({BTC}, at: "0001-01-01T00:00:00Z") {{ asOf }} }}', "NOT_BUILT"),
    (f'{{ grid({BTC}, start: "0001-01-01T00:00:00Z", end: "0001-01-02T00:00:00Z") {{ asOf }} }}', "NOT_BUILT"),
    # Ranges and sizes
    (f'{{ grid({BTC}, rows: 0) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ grid({BTC}, rows: 4001) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ grid({BTC}, rows: 99999999999) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ grid({BTC}, last: 0) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ grid({BTC}, last: 20001) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ grid({BTC}, last: -1) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ grid({BTC}, last: 5, start: "2024-06-25T00:00:00Z") {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ grid({BTC}, start: "2024-06-26T00:00:00Z", end: "2024-06-25T00:00:00Z") {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ grid({BTC}, start: "2024-06-26T00:00:00Z", end: "2024-06-26T00:00:00Z") {{ asOf }} }}', "BAD_REQUEST"),
    ('{ grid(pair: "BTC-USDT", interval: M15, last: 20000, rows: 4000) { asOf } }', "RANGE_TOO_LARGE"),
    ('{ grid(pair: "BTC-USDT", interval: M15, start: "0001-01-01T00:00:00Z", rows: 4000) { asOf } }',
     "RANGE_TOO_LARGE"),
    ('{ a: grid(pair: "BTC-USDT", interval: M15, last: 1000, rows: 1100) { asOf } '
     'b: grid(pair: "BTC-USDT", interval: M15, last: 1000, rows: 1100) { asOf } }', "RANGE_TOO_LARGE"),
    ('{ grid(pair: "BTC-USDT", interval: M15, last: 1000, rows: 2000, priceLow: 1000, priceHigh: 900000) { cells } }',
     "RANGE_TOO_LARGE"),
    (f'{{ grid({BTC}, priceLow: 2, priceHigh: 1) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ grid({BTC}, priceLow: 0) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ grid({BTC}, priceLow: -5) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ grid({BTC}, priceHigh: 1e10) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ grid({BTC}, priceLow: 1e400) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ topClusters({BTC}, within: 0) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ topClusters({BTC}, within: 1.01) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ topClusters({BTC}, within: 1e400) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ topClusters({BTC}, within: -1e400) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ topClusters({BTC}, limit: 0) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ topClusters({BTC}, limit: 201) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ exposure({BTC}, bands: []) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ exposure({BTC}, bands: [0.1, 2]) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ exposure({BTC}, bands: [{", ".join(["0.1"] * 21)}]) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ cascade({BTC}) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ cascade({BTC}, priceTo: 60000, path: [60000]) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ cascade({BTC}, path: []) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ cascade({BTC}, path: [60000, null]) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ cascade({BTC}, path: [60000, -1]) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ cascade({BTC}, priceTo: 0) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ cascade({BTC}, priceTo: -60000) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ cascade({BTC}, priceTo: 1e300) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ cascade({BTC}, priceTo: 1e400) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ cascade({BTC}, priceTo: 1e-300) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ cascade({BTC}, priceTo: NaN) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ cascade({BTC}, priceTo: 60000, impact: -0.1) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ cascade({BTC}, priceTo: 60000, impact: 10.1) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ cascade({BTC}, priceTo: 60000, impact: 1e400) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ cascade({BTC}, path: [{", ".join(["60000"] * 1001)}]) {{ asOf }} }}', "RANGE_TOO_LARGE"),
    ('{ cascade(pair: "NONE-USDT", interval: H1, priceTo: 60000) { asOf } }', "UNKNOWN_PAIR"),
    (f'{{ cascade({BTC}, priceTo: 60000, at: "2020-01-01T00:00:00Z") {{ asOf }} }}', "NOT_BUILT"),
    (f'{{ stopZones({BTC}, within: 0) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ stopZones({BTC}, within: 1.01) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ stopZones({BTC}, within: 1e300) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ stopZones({BTC}, minWidth: 0) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ stopZones({BTC}, minWidth: -1) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ stopZones({BTC}, minWidth: 1e300) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ stopZones({BTC}, limit: 0) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ stopZones({BTC}, limit: 201) {{ asOf }} }}', "BAD_REQUEST"),
    ('{ stopZones(pair: "NONE-USDT", interval: H1) { asOf } }', "UNKNOWN_PAIR"),
    ('{ pairs(first: 0) { edges { cursor } } }', "BAD_REQUEST"),
    ('{ pairs(first: 201) { edges { cursor } } }', "BAD_REQUEST"),
    (f'{{ bars({BTC}, first: 10001) {{ times }} }}', "BAD_REQUEST"),
    (f'{{ bars({BTC}, start: "2024-06-26T00:00:00Z", end: "2024-06-25T00:00:00Z") {{ times }} }}', "BAD_REQUEST"),
    ('{ openInterest(pair: "BTC-USDT", first: -1) { times } }', "BAD_REQUEST"),
    # Times
    (f'{{ topClusters({BTC}, at: "yesterday") {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ topClusters({BTC}, at: 1719300000) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ topClusters({BTC}, at: "10000-01-01T00:00:00Z") {{ asOf }} }}', "BAD_REQUEST"),
    # Cursors
    ('{ pairs(after: "nonsense") { edges { cursor } } }', "BAD_REQUEST"),
    (f'{{ pairs(after: "{cursor(b"v1:" + bytes(1))}") {{ edges {{ cursor }} }} }}', "BAD_REQUEST"),
    (f'{{ pairs(after: "{cursor("v2:BTC-USDT")}") {{ edges {{ cursor }} }} }}', "BAD_REQUEST"),
    (f'{{ pairs(after: "{cursor(bytes([255, 254]))}") {{ edges {{ cursor }} }} }}', "BAD_REQUEST"),
    (f'{{ bars({BTC}, after: "") {{ times }} }}', "BAD_REQUEST"),
    (f'{{ bars({BTC}, after: "é") {{ times }} }}', "BAD_REQUEST"),
    (f'{{ bars({BTC}, after: "{cursor("v1:BTC-USDT")}") {{ times }} }}', "BAD_REQUEST"),
    (f'{{ bars({BTC}, after: "{cursor("v1:-5")}") {{ times }} }}', "BAD_REQUEST"),
    (f'{{ bars({BTC}, after: "{cursor("v1:" + "9" * 5000)}") {{ times }} }}', "BAD_REQUEST"),
    (f'{{ bars({BTC}, after: "{cursor("v1:٣")}") {{ times }} }}', "BAD_REQUEST"),
    # GraphQL itself
    ('{', "BAD_REQUEST"),
    ('{ nope }', "BAD_REQUEST"),
    (f'{{ grid({BTC}, nope: 1) {{ asOf }} }}', "BAD_REQUEST"),
    (f'{{ grid({BTC}) }}', "BAD_REQUEST"),
    ('{ grid(pair: "BTC-USDT", interval: H2) { asOf } }', "BAD_REQUEST"),
    ('{ grid(pair: "BTC-USDT") { asOf } }', "BAD_REQUEST"),
    ('{ pairs(first: null) { edges { cursor } } }', "BAD_REQUEST"),
    ('{ grid(pair: "\\ud800", interval: H1) { asOf } }', "BAD_REQUEST"),
    ('mutation { a }', "BAD_REQUEST"),
    ('subscription { a }', "BAD_REQUEST"),
    # More than is looked at
    ("{" + " ".join(f"a{number}: __typename" for number in range(100)) + "}", "QUERY_TOO_COMPLEX"),
    ("{ status { ...Many } } fragment Many on Status {" + " ".join(f"a{n}: version" for n in range(30)) + "}",
     "QUERY_TOO_COMPLEX"),
    ("{" + "__typename " * 2001 + "}", "QUERY_TOO_COMPLEX"),
    # Selections of nothing, and of nowhere
    ("{ }", "BAD_REQUEST"),
    (f"{{ grid({BTC}) {{ longTotal {{ }} }} }}", "BAD_REQUEST"),
    (f"{{ grid({BTC}) {{ ... on Grid {{ }} }} }}", "BAD_REQUEST"),
    ("{ ...nowhere }", "BAD_REQUEST"),
    ("{ __schema { types {" + "fields { type {" * 8 + "name" + "} }" * 8 + "} } }", "QUERY_TOO_COMPLEX"),
]
BODIES = [
    b"", b"{", b"5", b"null", b'"query"', b"[]", b'[{"query": "{ __typename }"}]', b"{}", b'{"query": null}',
    b'{"query": 5}', b'{"query": ""}', b"\xff\xfe", b"[" * 100_000, b'{"a":' * 5000,
    *(b'{"query": "{ __typename }", %b}' % rest for rest in (
        b'"variables": [1]', b'"variables": 5', b'"variables": {"x": NaN}', b'"variables": {"x": -Infinity}',
        b'"variables": {"x": 1e400}', b'"variables": {"x": "\\ud800"}', b'"extensions": 5', b'"operationName": "C"',
    )),
]
# fmt: on


def shaped(answer: Any, headers: Any) -> dict[str, Any]:
    """The error of an answer that is not GraphQL's, after a look at its shape."""
    body = answer.json()
    assert body.keys() == {"error"}
    assert body["error"].keys() == {"code", "message", "context", "request_id"}
    assert body["error"]["request_id"] == headers["x-request-id"]
    assert body["error"]["message"]
    assert "Traceback" not in answer.text
    assert answer.headers["content-type"] == "application/json"
    return dict(body["error"])


def test_every_code_has_a_status() -> None:
    assert STATUS.keys() == set(ErrorCode)
    assert all(400 <= status < 600 for status in STATUS.values())


@pytest.mark.parametrize(("query", "code"), QUESTIONS, ids=[f"{n}-{code}" for n, (_, code) in enumerate(QUESTIONS)])
def test_a_question_that_cannot_be_answered_is_refused_with_its_code(served: Served, query: str, code: str) -> None:
    assert served.code(query) == code


def test_a_query_too_deep_is_too_complex(served: Served) -> None:
    errors = served.post("{" + "pairs { edges { node {" * 5 + "symbol" + "} } }" * 5 + "}").json()["errors"]
    assert "QUERY_TOO_COMPLEX" in {error["extensions"]["code"] for error in errors}


def test_what_was_refused_says_where_and_what(served: Served) -> None:
    error = served.refuse('{ grid(pair: "NONE-USDT", interval: H1) { asOf } }')
    assert error["path"] == ["grid"]
    assert error["locations"] == [{"line": 1, "column": 3}]
    assert error["extensions"]["context"] == {"pair": "NONE-USDT"}
    assert "NONE-USDT" in error["message"]
    assert served.refuse(f"{{ grid({BTC}, rows: 4001) {{ asOf }} }}")["extensions"]["context"] == {"rows": 4001}


def test_one_bad_field_leaves_the_data_of_none(served: Served) -> None:
    """Fields of the root are not null, so a client never mistakes half an answer for a whole one."""
    served.refuse('{ status { version } skill(pair: "NONE-USDT") { mean } }')
    answer = served.post('{ status { version } pair(symbol: "x") { symbol } }').json()
    assert answer["data"]["pair"] is None
    assert answer["data"]["status"]["version"]


@pytest.mark.parametrize("body", BODIES, ids=[repr(body[:60]) for body in BODIES])
def test_a_body_that_is_no_request_is_refused(served: Served, body: bytes) -> None:
    answer = served.client.post("/graphql", content=body, headers={"content-type": "application/json"})
    if answer.status_code == 200:
        (error,) = answer.json()["errors"]
        assert error["extensions"]["code"] == "BAD_REQUEST"
    else:
        assert answer.status_code == 400
        assert shaped(answer, answer.headers)["code"] == "BAD_REQUEST"


@pytest.mark.parametrize("told", [True, False])
def test_a_body_too_large_is_refused_before_it_is_read_whole(served: Served, told: bool) -> None:
    """Whether or not its length is told beforehand."""
    body = b'{"query": "{ __typename }", "variables": {"x": "' + b"x" * MAX_BODY_BYTES + b'"}}'
    content = body if told else (body[start : start + 50_000] for start in range(0, len(body), 50_000))
    answer = served.client.post("/graphql", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert shaped(answer, answer.headers)["code"] == "REQUEST_TOO_LARGE"
    assert served.client.get("/health").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "code"),
    [
        ("GET", "/nope", {}, 404, "NOT_FOUND"),
        ("GET", "/v2/grids/BTC-USDT", {}, 404, "NOT_FOUND"),
        ("POST", "/v1/grids/BTC-USDT", {}, 405, "BAD_REQUEST"),
        ("GET", "/..%2f..%2fetc/passwd", {}, 404, "NOT_FOUND"),
        ("PUT", "/graphql", {}, 405, "BAD_REQUEST"),
        ("DELETE", "/health", {}, 405, "BAD_REQUEST"),
        ("POST", "/schema.graphql", {}, 405, "BAD_REQUEST"),
        ("POST", "/graphql", {"content-type": "text/plain"}, 400, "BAD_REQUEST"),
        ("POST", "/graphql", {"content-type": "multipart/form-data; boundary=x"}, 400, "BAD_REQUEST"),
        ("POST", "/graphql", {}, 400, "BAD_REQUEST"),
        ("GET", "/graphql", {"accept": "application/json"}, 400, "BAD_REQUEST"),
        ("GET", "/graphql?query=mutation{a}", {}, 400, "BAD_REQUEST"),
        ("GET", "/graphql?query={__typename}&variables={", {}, 400, "BAD_REQUEST"),
        ("GET", "/graphql?query={__typename}&variables=5", {}, 400, "BAD_REQUEST"),
    ],
)
def test_other_paths_refuse_in_the_same_shape(
    served: Served, method: str, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    answer = served.client.request(method, path, headers=headers)
    assert answer.status_code == status
    assert shaped(answer, answer.headers)["code"] == code
    if status == 405:
        assert answer.headers["allow"]


def fail(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("the secret of the server is 12345")

    monkeypatch.setattr(Pool, "fetchval", broken)


def test_what_nobody_expected_is_logged_and_masked(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    fail(monkeypatch)
    with capture_logs() as logs:
        error = served.refuse("{ status { database } }")
        answer = served.client.get("/health", headers={"x-request-id": "mine"})
        again = served.client.get("/schema.graphql")
    assert error["extensions"]["code"] == "INTERNAL"
    assert answer.status_code == 500
    assert shaped(answer, answer.headers)["code"] == "INTERNAL"
    assert answer.json()["error"]["request_id"] == "mine"
    assert again.status_code == 200, "the connection goes on"
    assert "12345" not in json.dumps(error) + answer.text
    assert [log["request_id"] for log in logs] == [error["extensions"]["request_id"], "mine"]
    for log in logs:
        assert log["log_level"] == "error"
        assert str(log["exc_info"]) == "the secret of the server is 12345"


def test_every_answer_has_a_request_id(served: Served) -> None:
    ids = {served.client.get("/health").headers["x-request-id"] for _ in range(5)}
    assert len(ids) == 5
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in ids)


@pytest.mark.parametrize("sent", [*SENT_IDS, *REFUSED_IDS])
def test_a_request_id_is_kept_only_if_plain(served: Served, sent: str) -> None:
    answer = served.client.get("/nope", headers=[(b"x-request-id", sent.encode())])
    given = answer.headers["x-request-id"]
    assert (given == sent) == (sent in SENT_IDS)
    assert answer.json()["error"]["request_id"] == given


def test_introspection_as_tools_ask_it_is_within_the_limits(served: Served) -> None:
    query = get_introspection_query(specified_by_url=True, schema_description=True, input_value_deprecation=True)
    assert served.ask(query)["__schema"]["queryType"]["name"] == "Query"


def test_a_query_may_come_by_get(served: Served) -> None:
    query = "query($symbol: String!) { pair(symbol: $symbol) { symbol } }"
    answer = served.client.get("/graphql", params={"query": query, "variables": '{"symbol": "BTC-USDT"}'})
    assert answer.json()["data"] == {"pair": {"symbol": "BTC-USDT"}}


def test_graphiql_has_a_page_under_it_for_browsers_without_internet(served: Served) -> None:
    page = served.client.get("/graphql", headers={"accept": "text/html"})
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert 'id="offline" hidden' in page.text
    assert page.text.count("</body>") == 1
    assert page.text.index('id="offline"') < page.text.index("</body>")
    (query,) = re.findall(r"<textarea[^>]*>(.*?)</textarea>", page.text, re.DOTALL)
    assert served.ask(query)["status"]["version"]


def test_the_start_page_leads_to_graphiql_and_health_answers(served: Served) -> None:
    assert '<a class="quiet" href="/graphql">' in served.client.get("/").text
    health = served.client.get("/health")
    assert health.status_code == 200
    assert health.json()["status"] == "ok"
    assert served.client.get("/schema.graphql").text.startswith('"""')
