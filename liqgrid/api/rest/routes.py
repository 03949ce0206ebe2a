"""The routes of REST: each path as it is, with its form by ``Accept``, and with an ending that names it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from liqgrid.api.compression import Compression
from liqgrid.api.encode import to_json
from liqgrid.api.rest.endpoints import endpoints
from liqgrid.api.rest.etags import not_modified, tag_of_body
from liqgrid.api.rest.openapi import openapi
from liqgrid.api.rest.serve import serve


def rest_routes() -> list[BaseRoute]:
    """Return the routes of /v1 and of the document that describes them."""
    table = endpoints()
    document = to_json(openapi(table))
    # The longer path first: a pair has no dot, so what has one is asked for in a form.
    paths = [
        (path, partial(serve, endpoint))
        for endpoint in table
        for path in (f"{endpoint.path}.{{format}}", endpoint.path)
    ]
    return [
        _route("/openapi.json", partial(_document, document)),
        *(_route(path, answer) for path, answer in paths),
    ]


def _route(path: str, answer: Callable[[Request], Awaitable[Response]]) -> Route:
    async def handle(request: Request) -> Response:
        return await answer(request)

    return Route(path, handle, methods=["GET"], middleware=[Middleware(Compression)])


async def _document(document: bytes, request: Request) -> Response:
    tag = tag_of_body(document)
    headers = {"etag": tag, "cache-control": "public, max-age=300", "vary": "accept-encoding"}
    return not_modified(request, tag, headers) or Response(document, 200, headers, "application/json")
