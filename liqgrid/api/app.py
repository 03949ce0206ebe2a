"""The application: routes, its pool, who may ask, request ids, and errors in one shape."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from os import urandom
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from liqgrid import __version__
from liqgrid.api.access import Access, AccessRules
from liqgrid.api.access_log import AccessLog
from liqgrid.api.answers import DEFAULT_BYTES, Answers
from liqgrid.api.compression import Compression
from liqgrid.api.database import Pool, open_pool, read_role
from liqgrid.api.encode import to_json
from liqgrid.api.errors import error_response, on_http_exception, on_liqgrid_error, on_unexpected
from liqgrid.api.graphql.schema import sdl
from liqgrid.api.graphql.view import View
from liqgrid.api.heads import add, sent
from liqgrid.api.keys import KeyRing
from liqgrid.api.lineage import StepCache
from liqgrid.api.live.changes import Changes
from liqgrid.api.live.following import Live
from liqgrid.api.live.hints import listen
from liqgrid.api.page.routes import page_routes
from liqgrid.api.rest.routes import rest_routes
from liqgrid.api.rest.vendor.routes import vendor_routes
from liqgrid.api.safe_headers import SafeHeaders, cross_origin
from liqgrid.engine.market.api_key import masked
from liqgrid.engine.market.errors import ErrorCode, LiqgridError
from liqgrid.engine.model.rows import load
from liqgrid.sql import queries

MAX_BODY_BYTES = 256 * 1024
BODY_S = 20.0
_log = structlog.get_logger()
_REQUEST_ID = re.compile(r"[\w.:-]{1,64}")


def create_app(dsn: str, rules: AccessRules | None = None, kept: Kept | None = None) -> Starlette:
    """Return the application over a migrated database; the pool opens and closes with its lifespan.

    Without ``rules`` this machine may ask, and nobody else without a key. ``kept`` says how much of what was answered
    stays in memory.
    """
    rules, kept = rules or AccessRules(), kept or Kept()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        changes = Changes(kept.changes_page)
        app.state.answers = Answers(changes, kept.answers_bytes)
        app.state.pool = await open_pool(dsn, changes)
        await asyncio.to_thread(load)  # once for an installation it is compiled, which takes a second
        app.state.keys = KeyRing(app.state.pool, rules.meters.clock)
        reader = await read_role(app.state.pool)
        if reader.may_write:
            _log.warning("the API reads as a role that may write; `liqgrid migrate` gives it one", role=reader.name)
        app.state.live = Live()
        listening = asyncio.create_task(listen(dsn, app.state.live.hints, changes))
        app.state.steps = StepCache()
        try:
            yield
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await app.state.pool.close()

    view = View(rules.origins)
    return Starlette(
        routes=[
            *page_routes(),
            Route("/health", _health),
            Route("/schema.graphql", _schema),
            Route(
                "/graphql", view, methods=["GET", "POST"], middleware=[Middleware(Compression, to_this_machine=False)]
            ),
            WebSocketRoute("/graphql", view),
            *rest_routes(),
            *vendor_routes(),
        ],
        middleware=[
            Middleware(RequestIds),
            *([Middleware(AccessLog)] if rules.log_requests else []),
            Middleware(SafeHeaders),
            Middleware(Provenance),
            *cross_origin(rules.origins),
            Middleware(Unexpected),
            Middleware(Access, rules),
            Middleware(BodyLimit),
        ],
        exception_handlers={LiqgridError: on_liqgrid_error, HTTPException: on_http_exception},
        lifespan=lifespan,
    )


@dataclass(frozen=True, slots=True)
class Kept:
    """What a process keeps of what it answered, and the memory where it shares with others what changed, if it does."""

    answers_bytes: int = DEFAULT_BYTES
    changes_page: memoryview | None = None


async def _health(request: Request) -> Response:
    """Answer 200 when the database answers."""
    await request.app.state.pool.fetchval(queries("api")["ping"])
    simulated = await request.app.state.pool.simulated()
    return Response(
        to_json({"status": "ok", "version": __version__, "simulated": simulated}), media_type="application/json"
    )


async def _schema(request: Request) -> Response:
    return PlainTextResponse(sdl())


class RequestIds:
    """Give every request an id, the client's own if it sent a plain ``X-Request-Id``, and send it back."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        request_id = _wanted_id(scope) or urandom(16).hex()
        state: dict[str, Any] = scope.setdefault("state", {})
        state["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                add(message, {"x-request-id": request_id})
            await send(message)

        await self._app(scope, receive, send_with_id)


class Provenance:
    """Mark every answer from a simulated market with ``x-liqgrid-simulated: 1``, in whatever form it is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start" and await _is_simulated(scope):
                add(message, {"x-liqgrid-simulated": "1"})
            await send(message)

        await self._app(scope, receive, send_marked if scope["type"] == "http" else send)


async def _is_simulated(scope: Scope) -> bool:
    pool: Pool = scope["app"].state.pool
    if pool.is_away:  # there is nothing from it to mark, and its absence was told of
        return False
    try:
        return await pool.simulated()
    except LiqgridError:  # gone in this very moment
        return False


class Unexpected:
    """Answer what nobody expected, inside the request id, so that the answer has one and the connection goes on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        answering = False

        async def send_and_note(message: Message) -> None:
            nonlocal answering
            answering = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception as error:
            if scope["type"] != "http" or answering:
                raise
            response = await on_unexpected(Request(scope), error)
            await response(scope, receive, send)


class BodyLimit:
    """Refuse a body no question needs before it is read whole, and one that does not come in time."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen, told = 0, _told_length(scope)
        whole = False
        until_s = asyncio.get_running_loop().time() + BODY_S

        async def receive_within() -> Message:
            nonlocal seen, whole
            if whole:  # all that can still come is that the client went away
                return await receive()
            try:
                async with asyncio.timeout_at(until_s):
                    message = await receive()
            except TimeoutError:
                raise _BodyRefused(
                    ErrorCode.BAD_REQUEST, f"the request body did not come within {BODY_S:g} s", 408
                ) from None
            seen += len(message.get("body", b""))
            if max(seen, told) > MAX_BODY_BYTES:
                raise _BodyRefused(ErrorCode.REQUEST_TOO_LARGE, f"the request body is over {MAX_BODY_BYTES} bytes", 413)
            whole = not message.get("more_body", False)
            return message

        try:
            await self._app(scope, receive_within, send)
        except _BodyRefused as refused:
            response = error_response(refused.code, refused.message, {}, Request(scope), refused.status)
            response.headers["connection"] = "close"
            await response(scope, receive, send)


class _BodyRefused(Exception):
    """Ends the reading of a body."""

    def __init__(self, code: ErrorCode, message: str, status: int) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


def _told_length(scope: Scope) -> int:
    told = sent(scope, b"content-length")
    return int(told) if told.isascii() and told.isdigit() else 0


def _wanted_id(scope: Scope) -> str | None:
    wanted = sent(scope, b"x-request-id")
    # Logs have it, so it is no place for a key.
    return wanted if _REQUEST_ID.fullmatch(wanted) and masked(wanted) == wanted else None
