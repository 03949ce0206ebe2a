"""Who is on this machine, and what a WebSocket is told that may not come in."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.requests import HTTPConnection

from liqgrid.api.access import Access, AccessRules
from liqgrid.api.peer import address_of, is_local
from liqgrid.engine.market.api_key import hash_of, id_of, make_key, masked


def connection(client: str | None, **headers: str) -> HTTPConnection:
    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return HTTPConnection(
        {"type": "http", "client": None if client is None else (client, 1), "path": "/", "headers": sent}
    )


@pytest.mark.parametrize(
    ("client", "host", "local"),
    [
        ("127.0.0.1", "127.0.0.1:8000", True),
        ("127.8.8.8", "localhost", True),
        ("::1", "[::1]:8000", True),
        ("::ffff:127.0.0.1", "LOCALHOST:1", True),
        ("127.0.0.1", "", True),
        ("127.0.0.1", "localhost.example.com", False),
        ("127.0.0.1", "localhost@example.com", False),
        ("127.0.0.1", "10.0.0.1", False),
        ("127.0.0.1", "[::1", False),
        ("10.0.0.1", "127.0.0.1", False),
        ("0.0.0.0", "127.0.0.1", False),
        ("::ffff:10.0.0.1", "localhost", False),
        ("localhost", "localhost", False),
        ("", "localhost", False),
        (None, "localhost", False),
    ],
)
def test_this_machine_is_told_by_address_and_name(client: str | None, host: str, local: bool) -> None:
    assert is_local(connection(client, host=host)) is local


def test_an_ipv6_network_counts_as_one_client() -> None:
    assert address_of(connection("2001:db8:1:2:3::4")) == address_of(connection("2001:db8:1:2:ffff::1"))
    assert address_of(connection("2001:db8:1:3::4")) != address_of(connection("2001:db8:1:2::4"))
    assert address_of(connection("10.0.0.1")) == "10.0.0.1"
    assert address_of(connection(None)) == "unknown"


class Nobodys:
    """A key ring without keys."""

    async def find(self, text: str) -> None:
        return None


NO_KEYS = SimpleNamespace(state=SimpleNamespace(keys=Nobodys()))


@pytest.mark.parametrize("told", [True, False])
def test_a_web_socket_with_a_key_that_does_not_open_is_refused_before_it_opens(told: bool) -> None:
    sent: list[dict[str, Any]] = []

    async def inner(*_: object) -> None:
        raise AssertionError("it was let in")

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    scope = {
        "type": "websocket", "client": ("10.0.0.1", 1), "path": "/graphql", "query_string": b"",
        "headers": [(b"x-api-key", b"wrong")], "app": NO_KEYS,
        "state": {"request_id": "mine"}, "extensions": {"websocket.http.response": {}} if told else {},
    }  # fmt: skip
    asyncio.run(Access(inner, AccessRules())(scope, receive, send))
    if told:
        assert (sent[0]["type"], sent[0]["status"]) == ("websocket.http.response.start", 401)
        assert json.loads(sent[1]["body"])["error"]["code"] == "UNAUTHORISED"
    else:
        assert [message["type"] for message in sent] == ["websocket.close"]


def test_keys_are_long_and_all_different() -> None:
    keys = {make_key() for _ in range(1000)}
    assert len(keys) == len({id_of(key) for key in keys}) == len({hash_of(key) for key in keys}) == 1000
    for key in keys:
        assert len(key.split("_", 2)[2]) == 43  # 256 bits
        assert masked(f"/{key}/x") == "/lgk_…/x"
        assert id_of(f"{key}\n") is None
