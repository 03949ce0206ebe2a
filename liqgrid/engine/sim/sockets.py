"""WebSocket connections of the exchange: subscriptions, frames on their way, and what may befall them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field

import orjson
from aiohttp import WSMsgType, web

from liqgrid.engine.sim.exchange import Exchange
from liqgrid.engine.sim.faults import Faults
from liqgrid.engine.sim.streams import frames

_MOST_WAITING = 100_000  # frames a client may be behind before it is cut off


@dataclass(slots=True, eq=False)
class Connection:
    """One client: what it listens to, and frames it has not been sent yet."""

    socket: web.WebSocketResponse
    request: web.Request
    combined: bool
    streams: list[str]
    waiting: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(_MOST_WAITING))
    silent: bool = False

    def cut(self) -> None:
        """Cut the connection without a word."""
        self.silent = True
        if self.request.transport is not None:
            self.request.transport.abort()


@dataclass(slots=True)
class Sockets:
    """All connections of an exchange, and the market time up to which they have been told."""

    exchange: Exchange
    told_ms: int
    connections: set[Connection] = field(default_factory=set)

    def publish(self, now_ms: int) -> None:
        """Put what happened since the last time on its way to those who listen."""
        since_ms, self.told_ms = self.told_ms, max(now_ms, self.told_ms)
        texts: dict[tuple[str, bool], list[str]] = {}
        for connection in list(self.connections):
            for stream in [] if connection.silent else connection.streams:
                key = (stream, connection.combined)
                if key not in texts:
                    found = frames(self.exchange, stream, since_ms, self.told_ms)
                    texts[key] = [_text(frame, *key) for frame in found]
                for text in texts[key]:
                    if connection.waiting.full():
                        connection.cut()
                        break
                    connection.waiting.put_nowait(text)

    async def sent(self) -> None:
        """Wait until everybody has been sent what was on its way."""
        await asyncio.gather(*(connection.waiting.join() for connection in self.connections))

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one connection until either side ends it."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        path = request.match_info.get("streams", "") or request.query.get("streams", "")
        combined = request.path.endswith("/stream")
        connection = Connection(socket, request, combined, [name for name in path.split("/") if "@" in name])
        self.connections.add(connection)
        writer = asyncio.create_task(_write(connection, self.exchange.faults))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    answer = _control(connection, message.data)
                    if not connection.silent:
                        await socket.send_str(answer)
        finally:
            self.connections.discard(connection)
            writer.cancel()
        return socket


def _text(frame: object, stream: str, combined: bool) -> str:
    return orjson.dumps({"stream": stream, "data": frame} if combined else frame).decode()


def _control(connection: Connection, text: str) -> str:
    """Do what a control message asks for and return the answer."""
    try:
        request = json.loads(text)
    except ValueError as error:
        return json.dumps({"error": {"code": 3, "msg": f"Invalid JSON: {error}"}})
    number = request.get("id") if isinstance(request, dict) else None
    match request:
        case {"method": "SUBSCRIBE", "params": list(names)}:
            connection.streams.extend(name for name in names if name not in connection.streams)
            return json.dumps({"result": None, "id": number})
        case {"method": "UNSUBSCRIBE", "params": list(names)}:
            connection.streams[:] = [name for name in connection.streams if name not in names]
            return json.dumps({"result": None, "id": number})
        case {"method": "LIST_SUBSCRIPTIONS"}:
            return json.dumps({"result": connection.streams, "id": number})
    return json.dumps({"error": {"code": 2, "msg": "Invalid request"}, "id": number})


async def _write(connection: Connection, faults: Faults) -> None:
    """Send what waits, with the faults that strike it."""
    held: str | None = None
    while True:
        text = await connection.waiting.get()
        try:
            if not connection.silent and faults.strikes("cut_socket"):
                connection.cut()
            if not connection.silent and faults.strikes("stall"):
                connection.silent = True
            if connection.silent:
                continue
            if held is None and faults.strikes("reorder"):
                held = text
                continue
            await _send(connection, text, faults)
            if held is not None:
                await _send(connection, held, faults)
                held = None
        except ConnectionError:
            connection.silent = True
        finally:
            connection.waiting.task_done()


async def _send(connection: Connection, text: str, faults: Faults) -> None:
    if faults.strikes("malformed"):
        cut = faults.stream("malformed").randrange(len(text))
        await connection.socket.send_str(faults.stream("malformed").choice([text[:cut], "{}", "[]", "null", "<html>"]))
        return
    await connection.socket.send_str(text)
    if faults.strikes("duplicate"):
        await connection.socket.send_str(text)
