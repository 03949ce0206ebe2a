"""graphql-transport-ws: messages, and what becomes of a lost connection; no input or output in here."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from liqgrid_client.answers import is_simulated, lost, refusal, told
from liqgrid_client.errors import LiqgridError, bad_answer, error_of
from liqgrid_client.questions import Question
from liqgrid_client.retries import LONGEST_PAUSE_S, is_passing, pause_s

E = TypeVar("E")
PROTOCOL = Subprotocol("graphql-transport-ws")
INIT = '{"type": "connection_init"}'
PONG = '{"type": "pong"}'
MAX_MESSAGE_BYTES = 1 << 24


def subscribe_message(question: Question[Any]) -> str:
    """Return the message that begins a subscription, the only one of its connection."""
    return json.dumps({"id": "1", "type": "subscribe", "payload": question.payload()})


def message_of(text: str | bytes) -> dict[str, Any]:
    """Return a message.

    Raises
    ------
    LiqgridError
        The error it tells, ``BAD_ANSWER`` if it is no message, or ``UNREACHABLE`` where the server ends the stream.
    """
    try:
        message = json.loads(text)
    except ValueError:
        message = None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise bad_answer(f"no message of {PROTOCOL}: {text[:80]!r}")
    if message["type"] == "error":
        raise told(message.get("payload"))
    if message["type"] == "complete":
        raise error_of("UNREACHABLE", "the server ended the subscription")
    return message


def event_of(question: Question[E], message: dict[str, Any]) -> E:
    """Return the event of a ``next`` message.

    Raises
    ------
    LiqgridError
        The error it tells, or ``BAD_ANSWER``.
    """
    payload = message.get("payload")
    if not isinstance(payload, dict):
        raise bad_answer(f"an event without a payload: {message!r:.80}")
    if payload.get("errors"):
        raise told(payload["errors"])
    return question.answer(payload.get("data"), is_simulated(payload))


def stream_error(error: Exception) -> LiqgridError:
    """Return the error of a stream that could not be opened, or was lost."""
    if isinstance(error, LiqgridError):
        return error
    if isinstance(error, InvalidStatus):
        response = error.response
        return refusal(
            response.status_code, bytes(response.body or b""), httpx.Headers(list(response.headers.raw_items()))
        )
    return lost(error)


@dataclass
class Losses:
    """How often in a row a stream was lost, and since when; over ``patience_s`` seconds it is given up.

    A row ends when an event came, or the stream stood for as long as the longest pause.
    """

    patience_s: float
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    count: int = 0
    since_s: float | None = None
    opened_s: float | None = None

    def opened(self) -> None:
        """Note that the server took the connection."""
        self.opened_s = self.clock()

    def received(self) -> None:
        """Note that an event came."""
        self.count, self.since_s = 0, None

    def pause_s(self, error: Exception) -> float:
        """Return how long to wait before the stream is opened again.

        Raises
        ------
        LiqgridError
            If waiting would not help, or was tried long enough.
        """
        failure = stream_error(error)
        now_s = self.clock()
        if self.opened_s is not None and now_s - self.opened_s >= LONGEST_PAUSE_S:
            self.received()
        self.opened_s = None
        if self.since_s is None:
            self.since_s = now_s
        self.count += 1
        pause = pause_s(self.count, failure)
        if not is_passing(failure) or now_s + pause - self.since_s > self.patience_s:
            raise failure from error
        return pause
