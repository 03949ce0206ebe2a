"""What goes wrong, as exceptions with the server's codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class LiqgridError(Exception):
    """A question that was not answered.

    Attributes
    ----------
    code
        The server's code (docs/errors.md of liqgrid), or one of the client's own: ``UNREACHABLE`` (no connection, or
        lost), ``TIMED_OUT`` (connected, and no answer in time), ``BAD_ANSWER`` (not what this client understands).
    message
        What was wrong, to show to a person.
    context
        The values the message is about.
    request_id
        Under which the server's log has it; None where no server answered.
    retry_after
        Seconds after which the same may be answered, where the server said so.
    """

    def __init__(
        self,
        code: str,
        message: str,
        context: Mapping[str, Any] | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.context = dict(context or {})
        self.request_id = request_id
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" + (f" (request {self.request_id})" if self.request_id else "")


class Unreachable(LiqgridError):
    """No server answered, or the connection to it was lost, for longer than the client's patience."""


class RateLimited(LiqgridError):
    """More was asked in a minute than the key may; ``retry_after`` says when there is room again."""


class UnknownPair(LiqgridError):
    """The server has no such pair or coin."""


class NotBuilt(LiqgridError):
    """The pair is stored, but no grid of that interval and time."""


class CursorTooOld(LiqgridError):
    """Too much happened since a stream's cursor: take the past by a query, then begin a stream without ``after``."""


_CLASSES: dict[str, type[LiqgridError]] = {
    "UNREACHABLE": Unreachable,
    "RATE_LIMITED": RateLimited,
    "UNKNOWN_PAIR": UnknownPair,
    "NOT_BUILT": NotBuilt,
    "CURSOR_TOO_OLD": CursorTooOld,
}


def error_of(
    code: str,
    message: str,
    context: Mapping[str, Any] | None = None,
    request_id: str | None = None,
    retry_after: float | None = None,
) -> LiqgridError:
    """Return the exception of a code."""
    return _CLASSES.get(code, LiqgridError)(code, message, context, request_id, retry_after)


def bad_answer(what: str, request_id: str | None = None) -> LiqgridError:
    """Return the error of an answer that is none."""
    return LiqgridError("BAD_ANSWER", what, request_id=request_id)
