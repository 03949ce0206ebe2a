"""The application: routes, its pool, request ids, and errors in one shape."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from liqgrid import __version__
from liqgrid.api.database import open_pool
from liqgrid.api.encode import to_json
from liqgrid.api.errors import error_response, on_http_exception, on_liqgrid_error, on_unexpected
from liqgrid.api.graphql.schema import sdl
from liqgrid.api.graphql.view import View
from liqgrid.api.lineage import StepCache
from liqgrid.api.rest.routes import rest_routes
from liqgrid.api.rest.vendor.routes import vendor_routes
from liqgrid.engine.market.errors import ErrorCode, LiqgridError
from liqgrid.sql import queries

MAX_BODY_BYTES = 256 * 1024
_REQUEST_ID = re.compile(r"[\w.:-]{1,64}")


def create_app(dsn: str) -> Starlette:
    """Return the application over a migrated database; the pool opens and closes with its lifespan."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.pool = await open_pool(dsn)
        app.state.steps = StepCache()
        try:
            yield
        finally:
            await app.state.pool.close()

    return Starlette(
        routes=[
            Route("/", _home),
            Route("/health", _health),
            Route("/schema.graphql", _schema),
            Route("/graphql", View(), methods=["GET", "POST"]),
            *rest_routes(),
            *vendor_routes(),
        ],
        middleware=[Middleware(RequestIds), Middleware(Provenance), Middleware(Unexpected), Middleware(BodyLimit)],
        exception_handlers={LiqgridError: on_liqgrid_error, HTTPException: on_http_exception},
        lifespan=lifespan,
    )


async def _home(request: Request) -> Response:
    return RedirectResponse("/graphql")


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
        request_id = _wanted_id(scope) or uuid4().hex
        state: dict[str, Any] = scope.setdefault("state", {})
        state["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["x-request-id"] = request_id
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
                MutableHeaders(scope=message)["x-liqgrid-simulated"] = "1"
            await send(message)

        await self._app(scope, receive, send_marked if scope["type"] == "http" else send)


async def _is_simulated(scope: Scope) -> bool:
    try:
        return bool(await scope["app"].state.pool.simulated())
    except LiqgridError:  # the database is away, so there is nothing from it to mark
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
    """Refuse a body no question needs, before it is read whole."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen = 0

        async def receive_within() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > MAX_BODY_BYTES:
                raise _BodyTooLarge
            return message

        try:
            await self._app(scope, receive_within, send)
        except _BodyTooLarge:
            message = f"the request body is over {MAX_BODY_BYTES} bytes"
            response = error_response(ErrorCode.REQUEST_TOO_LARGE, message, {}, Request(scope))
            response.headers["connection"] = "close"
            await response(scope, receive, send)


class _BodyTooLarge(Exception):
    """Ends the reading of a body."""


def _wanted_id(scope: Scope) -> str | None:
    sent = Headers(scope=scope).get("x-request-id", "")
    return sent if _REQUEST_ID.fullmatch(sent) else None
