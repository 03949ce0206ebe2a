"""A WebSocket of graphql-transport-ws: text frames, messages that are objects, an end to clients that do not read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from json import JSONDecodeError
from typing import Any

import structlog
from cross_web import HTTPException
from starlette.websockets import WebSocketDisconnect, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import NonJsonMessageReceived, NonTextMessageReceived
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.types import ConnectionInitMessage

from liqgrid.api.access import admit_by_message
from liqgrid.api.encode import to_json
from liqgrid.api.graphql.context import Context
from liqgrid.engine.market.errors import ErrorCode, LiqgridError

SEND_PATIENCE_S = 20.0  # for a client that does not read
CLOSE_PATIENCE_S = 5.0
TOO_SLOW = 4429
# What a connection is closed with whose first message does not let it in; graphql-ws tries none of the first two again.
_REFUSED = {ErrorCode.UNAUTHORISED: 4401, ErrorCode.RATE_LIMITED: 4429, ErrorCode.FORBIDDEN: 4403}
_FAILED = 4500
_REASON = 100  # characters: a close frame holds 123 bytes
_log = structlog.get_logger()


class Socket(ASGIWebSocketAdapter):
    """What strawberry reads messages from and writes them to."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._stuck = asyncio.Event()

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:
        """Yield messages until the client goes, or does not read what it is sent."""
        stuck = asyncio.create_task(self._stuck.wait())
        try:
            while True:
                received = asyncio.create_task(self.ws.receive())
                done, _ = await asyncio.wait({received, stuck}, return_when=asyncio.FIRST_COMPLETED)
                if received not in done:
                    received.cancel()
                    await self._drop()
                    return
                frame = received.result()
                if frame["type"] == "websocket.disconnect":
                    return
                yield self._message(frame)
        finally:
            stuck.cancel()

    def _message(self, frame: Mapping[str, Any]) -> object:
        if frame.get("text") is None:
            raise NonTextMessageReceived
        try:
            message = self.view.decode_json(frame["text"])
        except (JSONDecodeError, HTTPException) as error:
            raise NonJsonMessageReceived from error
        if not isinstance(message, dict) or not _is_well_formed(message):
            raise NonJsonMessageReceived
        return message

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send a message as text; a client that does not take it in time is dropped.

        To one that is gone nothing is sent: the reading side ends what runs for it.
        """
        text = to_json(_with_code(message)).decode()
        if self._stuck.is_set():
            return
        try:
            async with asyncio.timeout(SEND_PATIENCE_S):
                await self.ws.send_text(text)
        except TimeoutError:
            self._stuck.set()
        except (WebSocketDisconnect, RuntimeError):  # the second is starlette's word for sending after the end
            await asyncio.sleep(0)

    async def close(self, code: int, reason: str) -> None:
        """Close the connection, once: messages that were under way by then find it closed."""
        if self.ws.application_state is not WebSocketState.DISCONNECTED:
            await super().close(code, reason)

    async def _drop(self) -> None:
        _log.warning("a WebSocket client did not read what it was sent; dropped", client=str(self.ws.client))
        with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
            async with asyncio.timeout(CLOSE_PATIENCE_S):
                await self.ws.close(TOO_SLOW, "Too slow: messages were not read in time")


class Handler(BaseGraphQLTransportWSHandler[Context, None]):
    """The protocol, where the first message may show a key."""

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """Acknowledge a connection, if who began it may have one."""
        payload: object = message.get("payload", {})
        socket = self.websocket
        assert isinstance(socket, Socket)  # noqa: S101 - so the view makes it
        if isinstance(payload, dict) and not self.connection_init_received:
            try:
                await admit_by_message(socket.ws, self.context.visit, payload)
            except LiqgridError as error:
                self.connection_init_received = True  # and there is no second try
                await socket.close(_REFUSED.get(error.code, _FAILED), f"{error.code}: {error.message}"[:_REASON])
                return
        await super().handle_connection_init(message)


def _is_well_formed(message: dict[str, Any]) -> bool:
    """Whether a message's parts are of the types that strawberry takes them for."""
    if message.get("type") not in {"subscribe", "complete"}:
        return True
    payload = message.get("payload", {})
    fine = isinstance(message.get("id", ""), str) and isinstance(payload, dict)
    return fine and isinstance(payload.get("variables"), dict | None) and isinstance(payload.get("query", ""), str)


def _with_code(message: Mapping[str, object]) -> Mapping[str, object]:
    """Return a message with a code in the one error that strawberry words itself."""
    payload = message.get("payload")
    if message["type"] != "error" or not isinstance(payload, list):
        return message
    extensions = {"code": str(ErrorCode.TOO_MANY_SUBSCRIPTIONS), "context": {}}
    return {**message, "payload": [{"extensions": extensions, **error} for error in payload]}
