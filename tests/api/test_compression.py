"""Answers of GraphQL to those who are not on this machine: compressed, and the same."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import orjson
import pytest

from liqgrid.api.access import AccessRules, Anonymous
from tests.api.conftest import Served
from tests.api.served import DECODED, Api, serving

GRID = '{ grid(pair: "BTC-USDT", interval: M15, rows: %d) { times priceEdges long short } }'
SMALL = "{ status { version } }"
ELSEWHERE = {"x-forwarded-for": "203.0.113.9"}


@pytest.fixture(scope="module")
def public(served: Served) -> Iterator[Api]:
    with serving(served.dsn, AccessRules(Anonymous.EVERYBODY)) as api:
        yield api


def raw(api: Api, query: str, coding: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """An answer and its bytes as they came over the wire."""
    headers["accept-encoding"] = coding
    with api.client.stream("POST", "/graphql", json={"query": query}, headers=headers) as answer:
        return answer, b"".join(answer.iter_raw())


@pytest.mark.parametrize(("rows", "is_whole"), [(5, True), (300, False)])  # over 64 kB is sent in pieces
@pytest.mark.parametrize("coding", sorted(DECODED))
def test_an_answer_is_the_same_compressed(public: Api, coding: str, rows: int, is_whole: bool) -> None:
    query = f"{GRID % rows} # {coding}"  # a text that nobody asked before
    for _ in ("made", "given again"):
        answer, body = raw(public, query, coding, **ELSEWHERE)
        plain, content = raw(public, query, "identity", **ELSEWHERE)
        assert answer.headers["content-encoding"] == coding
        assert answer.headers["vary"] == "accept-encoding"
        assert int(answer.headers["content-length"]) == len(body) < 0.7 * len(content)
        assert orjson.loads(DECODED[coding](body))["data"] == orjson.loads(content)["data"]
        assert "content-encoding" not in plain.headers
        assert (len(content) < 65_536) is is_whole


def test_nothing_is_compressed_for_this_machine_or_when_small(public: Api) -> None:
    assert "content-encoding" not in raw(public, GRID % 300, "zstd, br, gzip")[0].headers
    assert "content-encoding" not in raw(public, SMALL, "zstd, br, gzip", **ELSEWHERE)[0].headers
