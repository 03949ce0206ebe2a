"""REST as HTTP: tags and conditional requests, codings, pictures, HEAD, the document."""

from __future__ import annotations

import asyncio
import struct

import httpx
import pytest
from graphql import Undefined
from openapi_spec_validator import validate

from liqgrid.api import heatmap
from liqgrid.api.compression import chosen_coding
from liqgrid.api.graphql.schema import schema
from liqgrid.api.negotiation import weights
from liqgrid.api.rest.endpoints import endpoints
from liqgrid.api.rest.projection import snake
from liqgrid.engine.store.database import connected
from tests.api.conftest import Served
from tests.api.rest import refused
from tests.api.served import DECODED, until

GRID = "/v1/grids/BTC-USDT?interval=15m&last=20"
OF_BUILDS = [GRID, "/v1/clusters/BTC-USDT?interval=1h", "/v1/exposure/BTC-USDT.csv?interval=1h"]
OF_BODIES = ["/v1/bars/BTC-USDT?interval=1h", "/v1/pairs", "/v1/status.csv", "/v1/skill/BTC-USDT", "/openapi.json",
             "/api/futures/liquidation/map?exchange=Binance&symbol=BTCUSDT&range=1d"]  # fmt: skip
BUILD = (
    "instrument_id, model_version, parameters_hash, formula_version, built_from, watermark, bars, columns, duration_s, "
    "coverage"
)
STREAMS = [
    "/v1/export/grids/BTC-USDT.csv?interval=1h&start=2024-07-02",
    "/v1/grids/BTC-USDT.arrow?interval=1h&last=20",
]
WHOLE = [GRID, "/openapi.json", "/v1/bars/BTC-USDT.csv?interval=15m&first=500"]


QUESTIONS = {
    "grid": "/v1/grids/{pair}",
    "topClusters": "/v1/clusters/{pair}",
    "exposure": "/v1/exposure/{pair}",
    "signals": "/v1/signals/{pair}",
    "cascade": "/v1/cascade/{pair}",
    "stopZones": "/v1/stop-zones/{pair}",
    "pairs": "/v1/pairs",
    "pair": "/v1/pairs/{symbol}",
    "skill": "/v1/skill/{pair}",
    "status": "/v1/status",
    "bars": "/v1/bars/{pair}",
    "openInterest": "/v1/open-interest/{pair}",
    "fundingRates": "/v1/funding-rates/{pair}",
    "longShortRatios": "/v1/long-short-ratios/{pair}",
    "liquidations": "/v1/liquidations/{pair}",
    "liquidationBars": "/v1/liquidation-bars/{pair}",
}


def raw(served: Served, path: str, coding: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """An answer and its bytes as they came over the wire."""
    with served.client.stream("GET", path, headers={"accept-encoding": coding, **headers}) as answer:
        return answer, b"".join(answer.iter_raw())


@pytest.mark.parametrize("path", [*OF_BUILDS, *OF_BODIES])
@pytest.mark.parametrize("coding", ["identity", "zstd", "br", "gzip"])
def test_an_answer_that_a_client_holds_is_not_sent_again(served: Served, path: str, coding: str) -> None:
    first, _ = raw(served, path, coding)
    tag = first.headers["etag"]
    assert not tag.startswith("W/")
    again, body = raw(served, path, coding, **{"if-none-match": f'"other", {tag}'})
    assert again.status_code == 304
    assert body == b""
    assert again.headers["etag"] == tag, "a cache finds by it what it holds"
    assert again.headers["cache-control"] == first.headers["cache-control"]
    assert "accept-encoding" in again.headers["vary"]
    assert raw(served, path, coding, **{"if-none-match": '"other"'})[0].status_code == 200


@pytest.mark.parametrize("path", OF_BUILDS)
def test_a_tag_is_of_the_question_and_its_form(served: Served, path: str) -> None:
    def tag(asked: str) -> str:
        return str(served.client.get(asked, headers={"accept-encoding": "identity"}).headers["etag"])

    other = path.replace("?", ".ndjson?") if "." not in path else path.replace(".csv", ".ndjson")
    assert (
        len({tag(path), tag(other), tag(f"{path}&venues=binance"), tag(path.replace("1h", "4h").replace("15m", "1h"))})
        == 4
    )
    assert tag(path) == tag(path)


def test_a_new_build_is_a_new_tag(served: Served) -> None:
    """The tag is of what the answer is made of, asked before it is made."""
    before = served.client.get(GRID).headers["etag"]

    def ask() -> httpx.Response:
        return served.client.get(GRID, headers={"if-none-match": before})

    with connected(served.dsn) as connection:
        row = connection.execute(
            f"INSERT INTO build ({BUILD}) SELECT {BUILD} FROM build ORDER BY build_id DESC LIMIT 1 RETURNING build_id"
        ).fetchone()
        assert row
        try:
            until(lambda: ask().status_code == 200)
            assert ask().headers["etag"] != before
        finally:
            connection.execute("DELETE FROM build WHERE build_id = $1", [row[0]])
    until(lambda: ask().status_code == 304)


def test_a_pair_that_is_not_stored_has_no_tag(served: Served) -> None:
    answer = served.client.get("/v1/grids/NONE-USDT?interval=1h", headers={"if-none-match": "*"})
    refused(answer, 404, "UNKNOWN_PAIR")


@pytest.mark.parametrize("coding", sorted(DECODED))
@pytest.mark.parametrize("path", WHOLE + STREAMS)
def test_a_coding_holds_the_same_bytes(served: Served, path: str, coding: str) -> None:
    plain, content = raw(served, path, "identity")
    assert "content-encoding" not in plain.headers
    answer, body = raw(served, path, coding)
    if path in STREAMS and coding == "br":
        assert "content-encoding" not in answer.headers
        return
    assert answer.headers["content-encoding"] == coding
    assert DECODED[coding](body) == content
    assert len(body) < 0.9 * len(content)
    if "etag" in plain.headers:
        assert answer.headers["etag"] != plain.headers["etag"], "other bytes have another strong tag"
    if "content-length" in plain.headers:
        assert int(answer.headers["content-length"]) == len(body)


@pytest.mark.parametrize("path", ["/v1/skill/BTC-USDT", "/v1/grids/BTC-USDT.parquet?interval=1h", "/v1/bars/NO-USDT"])
def test_what_is_small_dense_or_an_error_is_sent_as_it_is(served: Served, path: str) -> None:
    assert "content-encoding" not in raw(served, path, "zstd, br, gzip")[0].headers


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        (None, None), ("", None), ("identity", None), ("gzip", "gzip"), ("gzip, deflate, br, zstd", "zstd"),
        ("gzip;q=1, br;q=0.5", "gzip"), ("zstd;q=0, br", "br"), ("*", "zstd"), ("*;q=0", None), ("deflate", None),
        ("gzip;q=nan", None), ("gzip;q=1e9", None), ("identity, gzip;q=0.5", None), ("GZIP", "gzip"), (",,;;", None),
    ],
)  # fmt: skip
def test_a_coding_is_what_the_client_likes_best(accepted: str | None, coding: str | None) -> None:
    assert chosen_coding(accepted) == coding


def test_only_so_many_names_of_a_header_are_read() -> None:
    assert len(weights(",".join(f"a{number}" for number in range(10_000)))) == 100


def test_a_picture_by_url(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []

    def draw(*arguments: object) -> bytes:
        drawn.append(arguments)
        return original(*arguments)  # type: ignore[arg-type]

    original = heatmap.draw
    monkeypatch.setattr(heatmap, "draw", draw)
    path = "/v1/grids/BTC-USDT.png?interval=15m&last=100&rows=60"
    answer = served.client.get(path)
    assert answer.headers["content-type"] == "image/png"
    assert struct.unpack(">II", answer.content[16:24]) == (1920, 1080)
    assert served.client.get(path.replace(".png", ""), headers={"accept": "image/png"}).content == answer.content
    assert served.client.get(path, headers={"if-none-match": answer.headers["etag"]}).status_code == 304
    assert len(drawn) == 1, "the same build and question is drawn once"
    refused(served.client.get("/v1/grids/NONE-USDT.png?interval=1h"), 404, "UNKNOWN_PAIR")
    refused(served.client.get("/v1/bars/BTC-USDT.png?interval=1h"), 400, "BAD_REQUEST")


def test_many_who_want_one_picture_wait_for_one(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []

    def draw(*arguments: object) -> bytes:
        drawn.append(arguments)
        return b"picture"

    monkeypatch.setattr(heatmap, "draw", draw)
    path = "/v1/grids/BTC-USDT.png?interval=15m&last=30&rows=7"

    async def everybody() -> list[bytes]:
        async with httpx.AsyncClient(base_url=served.client.base_url, trust_env=False, timeout=60) as client:
            return [answer.content for answer in await asyncio.gather(*(client.get(path) for _ in range(8)))]

    assert asyncio.run(everybody()) == [b"picture"] * 8
    assert len(drawn) == 1


@pytest.mark.parametrize("path", [*OF_BUILDS, "/v1/export/bars/BTC-USDT?interval=1h", "/v1/pairs"])
def test_head_is_get_without_a_body(served: Served, path: str) -> None:
    head, get = served.client.head(path), served.client.get(path)
    assert head.status_code == 200
    assert head.content == b""
    for name in ("content-type", "etag", "cache-control", "vary"):
        assert head.headers.get(name) == get.headers.get(name), name


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_is_written(served: Served, method: str) -> None:
    answer = served.client.request(method, "/v1/pairs")
    refused(answer, 405, "BAD_REQUEST")
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


def test_the_document_is_valid_openapi(served: Served) -> None:
    document = served.client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1.")
    validate(document)


def test_every_question_and_argument_of_graphql_is_one_of_rest() -> None:
    """With the same default; REST answers with GraphQL's resolvers, so it lacks no field."""
    table = {endpoint.path: endpoint for endpoint in endpoints()}
    root = schema()._schema.query_type
    assert root
    assert root.fields.keys() == QUESTIONS.keys()
    for question, field in root.fields.items():
        parameters = {parameter.name: parameter for parameter in table[QUESTIONS[question]].parameters}
        assert (parameters.pop("include", None) is not None) == (question in {"topClusters", "exposure", "signals"})
        assert parameters.keys() == {snake(name) for name in field.args}
        for name, argument in field.args.items():
            default = None if argument.default_value is Undefined else argument.default_value
            assert parameters[snake(name)].default == default
