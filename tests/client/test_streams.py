"""Subscriptions through lost connections: every column and liquidation once, in order."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from liqgrid.api.graphql.catalog import encode_cursor
from liqgrid.engine.market.instrument import parse_instrument
from liqgrid.engine.store.raw import ensure_instrument
from liqgrid_client import Client, CursorTooOld, GridColumnEvent, LiqgridError, UnknownPair, Unreachable, retries
from liqgrid_client.protocol import Losses
from liqgrid_client.retries import LONGEST_PAUSE_S
from tests.api.growing import STEP_MS, Venue
from tests.api.realised import START_MS
from tests.api.served import Api, serving, until
from tests.api.test_live_liquidations import save
from tests.client.both import Half
from tests.client.relay import relaying
from tests.client.test_faults import PASSING, target

BTC = "BTC-USDT"


def columns(client: Any, **options: Any) -> Any:
    return client.grid_columns(BTC, "15m", **{"rows": 40, **options})


def closes(events: list[GridColumnEvent]) -> list[int]:
    return [round(event.close_time.timestamp() * 1000) for event in events]


def hold(api: Api, events: list[GridColumnEvent]) -> None:
    """Assert that what came is what a grid of the same columns has."""
    edges = events[0].price_edges
    with Client(str(api.client.base_url)) as client:
        grid = client.grid(
            BTC, "15m", last=len(events), rows=len(edges) - 1, price_low=float(edges[0]), price_high=float(edges[-1])
        )
    assert grid.times.astype(int).tolist() == closes(events)
    assert (grid.long == np.stack([event.long for event in events])).all()
    assert (grid.short == np.stack([event.short for event in events])).all()
    assert all((event.price_edges == edges).all() for event in events)


def test_columns_come_as_they_are_built(venue: Venue, live: Api, half: Half) -> None:
    newest = venue.newest_ms
    events = half.follow(str(live.client.base_url), columns, lambda _, count: venue.grow() if count < 3 else None, 4)
    assert closes(events) == [newest + step * STEP_MS for step in range(4)]
    assert not any(event.replaces for event in events)
    hold(live, events)
    first = events[0]
    assert first.bar.low <= first.bar.close <= first.bar.high
    assert first.venues[0].venue == "binance"
    table = first.to_pandas()
    assert set(table["time"]) == {np.datetime64(newest, "ms")}
    assert table["long"].sum() == pytest.approx(float(first.long.sum()))


def test_a_cut_in_the_middle_loses_and_repeats_nothing(venue: Venue, live: Api, half: Half) -> None:
    """Cut after a column, with new ones built meanwhile; within one, for it is long; and while nothing comes."""
    with relaying(target(live), 3000, 9000) as relay:
        newest = venue.newest_ms

        def each(_: GridColumnEvent, count: int) -> None:
            if count in (1, 4, 7):
                relay.cut()
                faults: list[bytes | int | None] = [PASSING["503"], 600, 5000]
                relay.faults += faults[: count % 4]
            if count in (0, 1, 3, 4, 7):
                venue.grow(2)

        events = half.follow(relay.url, columns, each, 11)
        assert closes(events) == [newest + step * STEP_MS for step in range(11)]
        assert relay.connections > 6
        hold(live, events)


def test_a_restarted_server_is_found_again(venue: Venue, live: Api, half: Half) -> None:
    with ExitStack() as first, relaying(target(first.enter_context(serving(venue.dsn)))) as relay:
        newest = venue.newest_ms

        def each(_: GridColumnEvent, count: int) -> None:
            if count == 0:
                relay.target = target(live)
                first.close()
                venue.grow(3)

        events = half.follow(relay.url, columns, each, 4)
    assert closes(events) == [newest + step * STEP_MS for step in range(4)]


def test_a_program_goes_on_where_it_stopped(venue: Venue, live: Api, half: Half) -> None:
    url = str(live.client.base_url)
    (last,) = half.follow(url, columns, lambda *_: None, 1)
    new = venue.grow(2)
    events = half.follow(url, lambda client: columns(client, after=last.cursor), lambda *_: None, 2)
    assert closes(events) == new
    changed = venue.correct(venue.stored - 2)
    again = half.follow(url, lambda client: columns(client, after=events[-1].cursor), lambda *_: None, 2)
    assert closes(again) == changed
    assert all(event.replaces for event in again)


def test_liquidations_through_cuts(venue: Venue, live: Api, half: Half) -> None:
    stored = ensure_instrument(venue.connection, parse_instrument("binance:BTC-USDT"))
    row = venue.connection.execute("SELECT coalesce(max(arrival), 0) FROM liquidation").fetchone()
    assert row is not None
    start = encode_cursor(f"liquidations:{BTC}:{stored.instrument_id}={row[0]}")

    def arrive(count: int) -> None:
        save(venue.connection, "binance", (START_MS + count, f"{half.name} {count}"))

    with relaying(target(live)) as relay:

        def each(_: Any, count: int) -> None:
            if count % 2:
                relay.cut()
            arrive(count + 1)

        arrive(0)
        events = half.follow(relay.url, lambda client: client.live_liquidations(BTC, after=start), each, 7)
        assert relay.connections == 4
    assert [round(event.time.timestamp() * 1000) - START_MS for event in events] == list(range(7))
    assert (events[0].side, events[0].notional, events[0].symbol) == ("short", 32_000.0, "binance:BTC-USDT")


def test_what_arrives_before_the_stream_is_first_open_is_in_it(venue: Venue, live: Api, half: Half) -> None:
    ensure_instrument(venue.connection, parse_instrument("binance:BTC-USDT"))
    with relaying(target(live), 1 << 32, *[b""] * 1000) as relay:  # where it begins is asked for, then nobody is there

        def arrive() -> None:
            until(lambda: relay.connections > 2)
            save(venue.connection, "binance", (START_MS, f"{half.name} away"))
            relay.faults.clear()

        arriving = threading.Thread(target=arrive)
        arriving.start()
        (event,) = half.follow(relay.url, lambda client: client.live_liquidations(BTC), lambda *_: None, 1)
        arriving.join()
    assert event.time.timestamp() * 1000 == START_MS


def test_a_page_of_liquidations_goes_on_live(venue: Venue, live: Api, half: Half) -> None:
    save(venue.connection, "binance", (START_MS, f"{half.name} stored"))
    (page,) = half.run(str(live.client.base_url), lambda client: client.liquidations(BTC))
    save(venue.connection, "binance", (START_MS + 7, f"{half.name} after it"))
    assert page.live_cursor
    (event,) = half.follow(
        str(live.client.base_url), lambda client: client.live_liquidations(BTC, after=page.live_cursor),
        lambda *_: None, 1,
    )  # fmt: skip
    assert event.time.timestamp() * 1000 == START_MS + 7


def test_what_cannot_be_streamed_is_refused_at_once(live: Api, half: Half) -> None:
    def follow(call: Any) -> Any:
        return half.follow(str(live.client.base_url), call, lambda *_: None, 1)

    with pytest.raises(UnknownPair) as unknown:
        follow(lambda client: client.grid_columns("NONE-USDT", "1h"))
    assert unknown.value.request_id
    with pytest.raises(LiqgridError, match="BAD_REQUEST"):
        follow(lambda client: columns(client, after="nonsense"))


def test_nobody_there_is_told_when_patience_ends(half: Half) -> None:
    with relaying(("127.0.0.1", 9)) as relay:
        gone = relay.url
    with pytest.raises(Unreachable):
        half.follow(gone, columns, lambda *_: None, 1, patience=0.3)


def test_a_stream_that_breaks_off_for_good_is_told(live: Api, half: Half) -> None:
    with relaying(target(live)) as relay:

        def each(_: GridColumnEvent, count: int) -> None:
            relay.faults += [b""] * 1000
            relay.cut()

        with pytest.raises(Unreachable):
            half.follow(relay.url, columns, each, 2, patience=1)


ACK = {"type": "connection_ack"}


def event(data: Any) -> dict[str, Any]:
    return {"type": "next", "id": "1", "payload": {"data": data}}


@contextmanager
def speaking(*messages: Any, heard: list[Any] | None = None) -> Iterator[str]:
    """A server that takes a subscription and says these things; what clients say is put in ``heard``."""
    heard = [] if heard is None else heard

    def speak(client: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            for message in messages:
                client.send(message if isinstance(message, str) else json.dumps(message))
            while True:
                heard.append(json.loads(client.recv()))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        with serve(speak, sock=listener, subprotocols=[Subprotocol("graphql-transport-ws")]) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            yield "http://{}:{}".format(*listener.getsockname())
            server.shutdown()
        thread.join(10)


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (["<html>"], "BAD_ANSWER"),
        (["5"], "BAD_ANSWER"),
        ([{"type": 5}], "BAD_ANSWER"),
        ([{"type": "next"}], "BAD_ANSWER"),
        ([ACK, {"type": "next", "id": "1"}], "BAD_ANSWER"),
        ([ACK, event(None)], "BAD_ANSWER"),
        ([ACK, event({"gridColumn": {"cursor": "a"}})], "BAD_ANSWER"),
        ([ACK, {"type": "error", "id": "1", "payload": "no"}], "BAD_ANSWER"),
        ([ACK, {"type": "error", "id": "1", "payload": [{"extensions": {"code": "FORBIDDEN"}}]}], "FORBIDDEN"),
    ],
)
def test_messages_that_are_none_are_coded_errors(half: Half, messages: list[Any], code: str) -> None:
    with speaking(*messages) as url, pytest.raises(LiqgridError) as error:
        half.follow(url, columns, lambda *_: None, 1, patience=5)
    assert error.value.code == code


def test_pings_are_answered_and_an_old_cursor_has_its_class(half: Half) -> None:
    old = {"message": "m", "extensions": {"code": "CURSOR_TOO_OLD", "context": {"waiting": 501}, "request_id": "r"}}
    ping = {"type": "ping"}
    heard: list[Any] = []
    messages = [ping, ACK, ping, {"type": "pong"}, event_with_errors(old)]
    with speaking(*messages, heard=heard) as url, pytest.raises(CursorTooOld) as error:
        half.follow(url, columns, lambda *_: None, 1, patience=5)
    assert (error.value.context, error.value.request_id) == ({"waiting": 501}, "r")
    assert [message["type"] for message in heard] == ["connection_init", "pong", "subscribe", "pong"]
    assert heard[2]["payload"]["variables"] == {"pair": BTC, "interval": "M15", "rows": 40, "unit": "QUOTE"}


def event_with_errors(error: dict[str, Any]) -> dict[str, Any]:
    return {"type": "next", "id": "1", "payload": {"data": None, "errors": [error]}}


def test_a_server_that_never_begins_is_given_up(half: Half) -> None:
    with speaking() as url, pytest.raises(LiqgridError) as error:
        half.follow(url, columns, lambda *_: None, 1, patience=0.1, timeout=0.1)
    assert error.value.code == "UNREACHABLE"


def test_losses_are_counted_until_a_stream_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_PAUSE_S", 0.2)
    now = [100.0]
    losses = Losses(patience_s=60, clock=lambda: now[0])
    lost = Unreachable("UNREACHABLE", "cut")
    pauses = []
    for _ in range(5):
        pauses.append(losses.pause_s(lost))
        now[0] += 1
    assert pauses[-1] > pauses[0]
    losses.opened()
    now[0] += LONGEST_PAUSE_S  # quiet, but it stood
    assert losses.pause_s(lost) <= 0.2
    now[0] += 59
    losses.opened()
    losses.received()
    assert losses.pause_s(lost) <= 0.2
    now[0] += 61
    with pytest.raises(Unreachable):
        losses.pause_s(lost)
    with pytest.raises(UnknownPair):
        losses.pause_s(UnknownPair("UNKNOWN_PAIR", "none"))
