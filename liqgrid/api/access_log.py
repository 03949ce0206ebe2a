"""One line a request: who asked for which path, and how it ended. Never a key, a query or another header."""

from __future__ import annotations

import time

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from liqgrid.engine.market.api_key import masked

_PATH_LENGTH = 200
_SWITCHED = 101
_log = structlog.get_logger()


class AccessLog:
    """Log every request when it ends, also one whose client went away; ``status`` is 0 where none was sent."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        began_s = time.perf_counter()
        status = size = 0

        async def send_seen(message: Message) -> None:
            nonlocal status, size
            match message["type"]:
                case "http.response.start" | "websocket.http.response.start":
                    status = message["status"]
                case "websocket.accept":
                    status = _SWITCHED
                case "http.response.body":
                    size += len(message.get("body", b""))
                case "websocket.send":
                    size += len(message.get("bytes") or message.get("text") or b"")
            await send(message)

        try:
            await self._app(scope, receive, send_seen)
        finally:
            visit = scope["state"].get("visit")
            _log.info(
                "request",
                request_id=scope["state"].get("request_id"),
                method=scope.get("method", "WEBSOCKET"),
                path=_path(scope),
                status=status,
                ms=round((time.perf_counter() - began_s) * 1000, 1),
                bytes=size,
                client="unknown" if visit is None else visit.client,
            )


def _path(scope: Scope) -> str:
    """Return the path as it was sent, percent signs and all, so that nobody writes lines of his own into the log."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode("ascii", "backslashreplace")
    return masked(raw.decode("ascii", "backslashreplace"))[:_PATH_LENGTH]
