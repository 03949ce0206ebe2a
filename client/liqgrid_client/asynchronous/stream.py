"""Subscriptions: a connection each, opened again where it was lost, from the last event on."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Any, Protocol, TypeVar

from websockets.exceptions import WebSocketException

from liqgrid_client.asynchronous.system import ClientConnection, connect, receive, sleep
from liqgrid_client.errors import LiqgridError, bad_answer
from liqgrid_client.protocol import (
    INIT,
    MAX_MESSAGE_BYTES,
    PONG,
    PROTOCOL,
    Losses,
    event_of,
    message_of,
    subscribe_message,
)
from liqgrid_client.questions import Question
from liqgrid_client.settings import Settings


class HasCursor(Protocol):
    """An event that a stream can go on behind."""

    @property
    def cursor(self) -> str:
        """Where the stream is."""


E = TypeVar("E", bound=HasCursor)


async def follow(
    settings: Settings, subscription: Callable[[str | None], Question[E]], after: str | None
) -> AsyncGenerator[E, None]:
    """Yield events behind a cursor, each once, through lost connections.

    Raises
    ------
    LiqgridError
        If the subscription is refused, or the server stays away for longer than the client's patience.
    """
    losses = Losses(settings.patience_s)
    while True:
        try:
            async with connect(
                settings.socket_url,
                subprotocols=[PROTOCOL],
                additional_headers=settings.headers,
                user_agent_header=None,
                open_timeout=settings.timeout_s,
                max_size=MAX_MESSAGE_BYTES,
                ssl=settings.socket_tls,
            ) as socket:
                await _open(socket, settings.timeout_s)
                losses.opened()
                question = subscription(after)
                await socket.send(subscribe_message(question))
                while True:
                    message = await _next(socket, None)
                    if message["type"] == "next":
                        event = event_of(question, message)
                        losses.received()
                        after = event.cursor
                        yield event
        except (LiqgridError, WebSocketException, OSError, EOFError) as error:
            pause_s = losses.pause_s(error)
        await sleep(pause_s)


async def _open(socket: ClientConnection, timeout_s: float) -> None:
    """Initialise a connection."""
    await socket.send(INIT)
    message = await _next(socket, timeout_s)
    if message["type"] != "connection_ack":
        raise bad_answer(f"the server began with {message!r:.80}")


async def _next(socket: ClientConnection, timeout_s: float | None) -> dict[str, Any]:
    """Return the next message that is no ping."""
    while True:
        message = message_of(await receive(socket, timeout_s))
        if message["type"] == "ping":
            await socket.send(PONG)
        elif message["type"] != "pong":
            return message
