"""graphql-transport-ws as clients use and misuse it; a client that does not read is dropped and costs no memory."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from liqgrid.api.access import AccessRules, Anonymous
from liqgrid.api.graphql import socket as server_socket
from liqgrid.api.graphql import view
from liqgrid.engine.market.api_key import Scope, id_of
from liqgrid.engine.store.database import connected
from liqgrid.engine.store.keys import create_key, revoke_key
from tests.api.conftest import Served
from tests.api.growing import Venue
from tests.api.served import Api, serving
from tests.api.sockets import PATIENCE_S, PROTOCOL, Stream, address, opened, subscribe, subscribed

WATCH = 'subscription { gridColumn(pair: "BTC-USDT", interval: M15) { cursor closeTime } }'
BTC = 'pair: "BTC-USDT", interval: M15'


async def close_of(served: Api, *messages: str | bytes, **options: Any) -> int:
    """Send messages on a fresh connection; return the code it is closed with."""
    async with connect(address(served), subprotocols=[PROTOCOL], proxy=None, **options) as client:
        with suppress(ConnectionClosed):
            for message in messages:
                await client.send(message)
            while True:
                await asyncio.wait_for(client.recv(), PATIENCE_S)
        return client.close_code or 0


INIT = '{"type": "connection_init"}'
SUBSCRIBE = json.dumps({"id": "1", "type": "subscribe", "payload": {"query": WATCH}})
# fmt: off
CLOSES = [
    ([SUBSCRIBE], 4401),
    ([INIT, INIT], 4429),
    ([INIT, SUBSCRIBE, SUBSCRIBE], 4409),
    (["{"], 4400), (["5"], 4400), (["[]"], 4400), (["null"], 4400), (['"x"'], 4400), ([b"\x00"], 4400), (["{}"], 4400),
    (['{"type": "nope"}'], 4400),
    (['{"type": "connection_init", "payload": 5}'], 4400),
    ([INIT, '{"type": "subscribe", "id": "1"}'], 4400),
    ([INIT, '{"type": "subscribe", "id": {}, "payload": {"query": "{ __typename }"}}'], 4400),
    ([INIT, '{"type": "subscribe", "id": "1", "payload": []}'], 4400),
    ([INIT, '{"type": "subscribe", "id": "1", "payload": {"query": 5}}'], 4400),
    ([INIT, '{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }", "variables": [1]}}'], 4400),
    ([INIT, '{"type": "complete"}'], 4400),
    (["[" * 100_000], 4400),
    (["x" * 300_000], 1009),
]
REFUSED = [
    ('subscription { gridColumn(pair: "NONE-USDT", interval: M15) { cursor } }', "UNKNOWN_PAIR"),
    ('subscription { gridColumn(pair: "btc", interval: M15) { cursor } }', "BAD_REQUEST"),
    ('subscription { gridColumn(pair: "BTC-USDT", interval: M1) { cursor } }', "NOT_BUILT"),
    (f'subscription {{ gridColumn({BTC}, rows: 0) {{ cursor }} }}', "BAD_REQUEST"),
    (f'subscription {{ gridColumn({BTC}, rows: 4001) {{ cursor }} }}', "BAD_REQUEST"),
    (f'subscription {{ gridColumn({BTC}, priceLow: 2, priceHigh: 1) {{ cursor }} }}', "BAD_REQUEST"),
    (f'subscription {{ gridColumn({BTC}, priceLow: 1e8) {{ cursor }} }}', "BAD_REQUEST"),
    (f'subscription {{ gridColumn({BTC}, venues: ["okx"]) {{ cursor }} }}', "BAD_REQUEST"),
    (f'subscription {{ gridColumn({BTC}, after: "nonsense") {{ cursor }} }}', "BAD_REQUEST"),
    (f'subscription {{ gridColumn({BTC}, after: "djE6QlRDLVVTRFQ=") {{ cursor }} }}', "BAD_REQUEST"),
    ('subscription { liquidations(pair: "NONE-USDT") { cursor } }', "UNKNOWN_PAIR"),
    ('subscription { nope }', "BAD_REQUEST"),
    ("subscription {", "BAD_REQUEST"),
    ("subscription {" + " ".join(f"a{n}: __typename" for n in range(100)) + "}", "QUERY_TOO_COMPLEX"),
    ('{ grid(pair: "NONE-USDT", interval: M15) { asOf } }', "UNKNOWN_PAIR"),
]
# fmt: on


@pytest.mark.parametrize(("messages", "code"), CLOSES, ids=[f"{n}-{code}" for n, (_, code) in enumerate(CLOSES)])
def test_what_is_not_the_protocol_is_closed_with_its_code(
    served: Served, messages: list[str | bytes], code: int, caplog: pytest.LogCaptureFixture
) -> None:
    assert asyncio.run(close_of(served, *messages)) == code
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(("query", "code"), REFUSED, ids=[f"{n}-{code}" for n, (_, code) in enumerate(REFUSED)])
def test_what_cannot_be_answered_is_refused_with_its_code(served: Served, query: str, code: str) -> None:
    async def client() -> str:
        async with subscribed(served, query) as stream:
            message = await stream.message()
            errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
            assert errors[0]["extensions"].keys() == {"code", "context", "request_id"}
            return str(errors[0]["extensions"]["code"])

    assert asyncio.run(client()) == code


def test_one_who_says_nothing_is_sent_away(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    assert view.INIT_PATIENCE.total_seconds() == 10
    monkeypatch.setattr(view, "INIT_PATIENCE", timedelta(seconds=0.2))
    with serving(served.dsn) as api:
        assert asyncio.run(close_of(api)) == 4408


def test_only_this_origin_and_programs_come_in(served: Served) -> None:
    own = str(served.client.base_url).rstrip("/")

    async def enters(origin: str | None) -> bool:
        with suppress(InvalidStatus):
            async with connect(address(served), subprotocols=[PROTOCOL], proxy=None, origin=origin):  # type: ignore[arg-type]
                return True
        return False

    entering = [asyncio.run(enters(origin)) for origin in (None, own, "https://evil.example", "null")]
    assert entering == [True, True, False, False]


def test_pages_the_operator_lets_ask_come_in(served: Served) -> None:
    async def enters(api: Api, origin: str) -> bool:
        with suppress(InvalidStatus):
            async with connect(address(api), subprotocols=[PROTOCOL], proxy=None, origin=origin):  # type: ignore[arg-type]
                return True
        return False

    with serving(served.dsn, AccessRules(origins=("https://charts.example.com",))) as api:
        origins = ("https://charts.example.com", "https://charts.example.com.evil", "https://evil.example", "null")
        assert [asyncio.run(enters(api, origin)) for origin in origins] == [True, False, False, False]


def test_a_key_for_streams_opens_and_is_charged_for_each_operation(served: Served) -> None:
    with connected(served.dsn) as connection:
        reads = create_key(connection, "reads", (Scope.READ,), 100, 100)
        streams = create_key(connection, "streams", (Scope.STREAM,), 100, 12)

    async def refusal(api: Api, headers: dict[str, str]) -> tuple[int, str]:
        with pytest.raises(InvalidStatus) as refused:
            await connect(address(api), subprotocols=[PROTOCOL], proxy=None, additional_headers=headers)
        answer = refused.value.response
        return answer.status_code, json.loads(answer.body or b"")["error"]["code"]

    async def client(api: Api) -> None:
        assert await refusal(api, {"x-api-key": "lgk_wrong"}) == (401, "UNAUTHORISED")
        assert await refusal(api, {"x-api-key": reads}) == (403, "FORBIDDEN")
        async with opened(api, additional_headers={"x-api-key": streams}) as stream:
            for name in ("1", "2"):  # 5 points each
                await subscribe(stream, WATCH, name=name)
                assert (await stream.message())["type"] == "next"
            await subscribe(stream, WATCH, name="3")
            assert await stream.code() == "RATE_LIMITED"

    with serving(served.dsn, AccessRules(Anonymous.NOBODY)) as api:
        asyncio.run(client(api))


async def begin(api: Api, payload: object, then: str = SUBSCRIBE, **options: Any) -> tuple[list[dict[str, Any]], int]:
    """Send a first message and a subscription; return the first answers, and the code it is closed with, 0 if not."""
    got: list[dict[str, Any]] = []
    async with connect(address(api), subprotocols=[PROTOCOL], proxy=None, **options) as client:
        with suppress(ConnectionClosed):
            await client.send(json.dumps({"type": "connection_init", "payload": payload}))
            await client.send(then)
            while len(got) < 2:
                got += [json.loads(await asyncio.wait_for(client.recv(), PATIENCE_S))]
        return got, client.close_code or 0


def test_a_key_may_come_with_the_first_message(served: Served) -> None:
    with connected(served.dsn) as connection:
        reads = create_key(connection, "reads", (Scope.READ,), 100, 100)
        streams = create_key(connection, "streams", (Scope.STREAM,), 100, 100)
        few = create_key(connection, "few", (Scope.STREAM,), 2, 9)
    opening: list[object] = [
        {"apiKey": streams},
        {"authorization": f"Bearer {streams}"},
        {"Authorization": f"bearer {streams}"},
    ]
    refused: list[tuple[object, int]] = [
        ({}, 4401), ({"apiKey": "lgk_wrong"}, 4401), ({"apiKey": ""}, 4401), ({"apiKey": [streams]}, 4401),
        ({"authorization": f"Basic {streams}"}, 4401), ({"authorization": 5}, 4401), ({"apiKey": "x" * 9000}, 4401),
        ({"apiKey": f"{streams}x"}, 4401), ({"x": streams}, 4401), ({"apiKey": reads}, 4403), (5, 4400), (None, 4400),
    ]  # fmt: skip

    async def client(api: Api) -> None:
        for payload in opening:
            messages, code = await begin(api, payload)
            assert [one["type"] for one in messages] == ["connection_ack", "next"]
            assert code in {0, 1000}
        for payload, closed in refused:
            assert await begin(api, payload) == ([], closed), payload
        # Its own limits hold: 5 points an operation of 9, and 2 requests a minute.
        messages, _ = await begin(api, {"apiKey": few})
        assert messages[1]["type"] == "next"
        messages, _ = await begin(api, {"apiKey": few})
        assert messages[1]["payload"]["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
        assert await begin(api, {"apiKey": few}) == ([], 4429)
        # The handshake's own key stands, whatever the message says.
        messages, _ = await begin(api, {"apiKey": "lgk_wrong"}, additional_headers={"x-api-key": streams})
        assert messages[1]["type"] == "next"

    with serving(served.dsn, AccessRules(Anonymous.NOBODY)) as api:
        with capture_logs() as logs:
            asyncio.run(client(api))
        assert not any(streams in str(line) for line in logs)
    with serving(served.dsn) as api:  # where none is needed, one that comes has to open
        assert asyncio.run(begin(api, {"apiKey": "lgk_wrong"})) == ([], 4401)
        assert asyncio.run(begin(api, {}))[0][1]["type"] == "next"


def test_nothing_is_answered_before_a_key(served: Served) -> None:
    async def client(api: Api) -> None:
        for message in (SUBSCRIBE, SUBSCRIBE.replace("subscription", "query").replace(WATCH, "{ __typename }")):
            async with connect(address(api), subprotocols=[PROTOCOL], proxy=None) as one:
                await one.send(message)
                with pytest.raises(ConnectionClosed):
                    await asyncio.wait_for(one.recv(), PATIENCE_S)
                assert one.close_code == 4401

    with serving(served.dsn, AccessRules(Anonymous.NOBODY)) as api:
        asyncio.run(client(api))


def test_a_key_that_is_taken_back_ends_what_it_opened(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("liqgrid.api.keys.HELD_S", 0)
    key = create_key(venue.connection, "one", (Scope.STREAM,), 100, 100)

    async def client(api: Api) -> None:
        async with connect(address(api), subprotocols=[PROTOCOL], proxy=None) as socket_:
            stream = Stream(socket_)
            await socket_.send(json.dumps({"type": "connection_init", "payload": {"apiKey": key}}))
            assert (await stream.message())["type"] == "connection_ack"
            await subscribe(stream, WATCH)
            assert (await stream.message())["type"] == "next"
            revoke_key(venue.connection, id_of(key) or "")
            venue.grow()
            assert await stream.code() == "UNAUTHORISED"
            assert (await stream.message())["type"] == "complete"
            await subscribe(stream, WATCH, name="2")
            assert await stream.code() == "UNAUTHORISED"
        assert await begin(api, {"apiKey": key}) == ([], 4401)

    with serving(venue.dsn, AccessRules(Anonymous.NOBODY)) as api:
        asyncio.run(client(api))


def test_no_other_protocol_is_spoken(served: Served) -> None:
    async def client() -> int:
        async with connect(address(served), subprotocols=["graphql-ws"], proxy=None) as one:  # type: ignore[list-item]
            await one.wait_closed()
            assert one.close_code is not None
            return one.close_code

    assert asyncio.run(client()) == 4406


def test_a_connection_carries_so_many_and_a_completed_one_makes_room(served: Served) -> None:
    async def client() -> None:
        async with opened(served) as stream:
            for number in range(view.MAX_SUBSCRIPTIONS):
                await subscribe(stream, WATCH, name=str(number))
                assert (await stream.message())["type"] == "next"
            await subscribe(stream, WATCH, name="over")
            message = await stream.message()
            assert (message["type"], message["id"]) == ("error", "over")
            assert message["payload"][0]["extensions"]["code"] == "TOO_MANY_SUBSCRIPTIONS"
            await stream.socket.send('{"type": "complete", "id": "0"}')
            await stream.socket.send('{"type": "ping"}')
            assert (await stream.message())["type"] == "pong"
            await subscribe(stream, WATCH, name="over")
            assert (await stream.message())["type"] == "next"

    asyncio.run(client())


def test_queries_over_a_socket_each_have_a_budget(served: Served) -> None:
    query = '{ grid(pair: "BTC-USDT", interval: M15, last: 500, rows: 1500) { asOf } }'

    async def client() -> list[str]:
        async with opened(served) as stream:
            kinds = []
            for number in range(4):
                await subscribe(stream, query, name=str(number))
                message = await stream.message()
                assert "errors" not in message["payload"]
                kinds += [message["type"], (await stream.message())["type"]]
            return kinds

    assert asyncio.run(client()) == ["next", "complete"] * 4


def test_who_does_not_read_is_dropped(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_socket, "SEND_PATIENCE_S", 0.3)
    monkeypatch.setattr(server_socket, "CLOSE_PATIENCE_S", 3)
    large = f"{{ grid({BTC}, last: 400, rows: 1000) {{ long short }} }}"

    async def client() -> int | None:
        narrow = socket.socket()
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        narrow.setblocking(False)
        host, port = served.client.base_url.host, served.client.base_url.port
        await asyncio.get_running_loop().sock_connect(narrow, (host, port))
        async with opened(served, sock=narrow, max_queue=1, ping_interval=None) as stream:
            for number in range(12):  # 4 MB each
                await subscribe(stream, large, name=str(number))
            deadline = asyncio.get_running_loop().time() + PATIENCE_S
            while not logs and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            assert logs, "it was not dropped"
            while True:
                try:
                    await asyncio.wait_for(stream.socket.recv(), PATIENCE_S)
                except ConnectionClosed as closed:
                    return closed.rcvd.code if closed.rcvd else None

    with capture_logs() as logs:
        code = asyncio.run(client())
    assert code == server_socket.TOO_SLOW
    assert any("did not read" in one["event"] for one in logs)
    assert served.ask("{ status { version } }")
