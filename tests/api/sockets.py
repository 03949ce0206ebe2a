"""A client of graphql-transport-ws, as others write it: a released WebSocket library and the protocol's messages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.api.served import Api

PATIENCE_S = 15
PROTOCOL = Subprotocol("graphql-transport-ws")


def address(api: Api) -> str:
    return str(api.client.base_url.join("/graphql")).replace("http://", "ws://")


@dataclass(frozen=True)
class Stream:
    """One subscription on a connection of its own."""

    socket: ClientConnection

    async def message(self) -> dict[str, Any]:
        text = await asyncio.wait_for(self.socket.recv(), PATIENCE_S)
        assert isinstance(text, str), "messages are text"
        return dict(json.loads(text))

    async def next(self) -> dict[str, Any]:
        """Return what the subscription's only field gave next."""
        message = await self.message()
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        (value,) = message["payload"]["data"].values()
        return dict(value)

    async def take(self, count: int) -> list[dict[str, Any]]:
        return [await self.next() for _ in range(count)]

    async def code(self) -> str:
        """Return the code of the error that ends the subscription."""
        message = await self.message()
        errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
        return str(errors[0]["extensions"]["code"])

    async def is_silent(self, seconds: float = 0.3) -> bool:
        try:
            await asyncio.wait_for(self.socket.recv(), seconds)
        except TimeoutError:
            return True
        return False


@asynccontextmanager
async def opened(api: Api, **options: Any) -> AsyncIterator[Stream]:
    """Open a connection and initialise it."""
    options = {"compression": None, "max_size": None, "open_timeout": PATIENCE_S, **options}
    async with connect(address(api), subprotocols=[PROTOCOL], proxy=None, **options) as socket:
        await socket.send('{"type": "connection_init"}')
        stream = Stream(socket)
        assert (await stream.message())["type"] == "connection_ack"
        yield stream


@asynccontextmanager
async def subscribed(api: Api, query: str, **variables: Any) -> AsyncIterator[Stream]:
    """Subscribe on a connection of its own."""
    async with opened(api) as stream:
        await subscribe(stream, query, **variables)
        yield stream


async def subscribe(stream: Stream, query: str, name: str = "1", **variables: Any) -> None:
    payload = {"query": query, "variables": variables}
    await stream.socket.send(json.dumps({"id": name, "type": "subscribe", "payload": payload}))
