"""GraphQL over HTTP: JSON by orjson, errors with codes, GraphiQL in a browser."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any

import orjson
import structlog
from cross_web import HTTPException
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLHTTPResponse
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult

from liqgrid.api.encode import to_json
from liqgrid.api.errors import error_response
from liqgrid.api.graphql.context import Context
from liqgrid.api.graphql.schema import schema
from liqgrid.api.safe_headers import GRAPHIQL_POLICY
from liqgrid.engine.market.errors import ErrorCode, LiqgridError

_log = structlog.get_logger()
# How strawberry's and graphql-core's limiters word a refusal; tests/api holds each of them to it.
_OVER_A_LIMIT = re.compile(r"aliases found|more than \d+ tokens|maximum operation depth|introspection depth exceeded")


class View(GraphQL[Context, None]):
    """The GraphQL endpoint."""

    def __init__(self) -> None:
        super().__init__(schema(), subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL])

    async def run(self, request: Any, *arguments: Any, **options: Any) -> Any:
        """Answer a request; one that is no GraphQL request at all gets the error shape of every other path."""
        try:
            return await super().run(request, *arguments, **options)
        except HTTPException as error:
            return error_response(ErrorCode.BAD_REQUEST, error.reason, {}, request, error.status_code)

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        """Return what resolvers are given."""
        return Context(request.app.state.pool, request.state.request_id, request.app.state.steps, request.state.visit)

    async def process_result(self, request: Any, result: ExecutionResult) -> GraphQLHTTPResponse:
        """Return the answer with every error coded; what nobody expected is logged and masked."""
        answer: GraphQLHTTPResponse = {"data": result.data}
        if result.errors:
            answer["errors"] = [_render(error, request.state.request_id) for error in result.errors]
        extensions: dict[str, object] = {}
        if result.data is not None and await request.app.state.pool.simulated():
            extensions["simulated"] = True
        if (cost := request.state.visit.told_cost()) is not None:
            extensions["cost"] = cost
        if extensions:
            answer["extensions"] = extensions
        return answer

    def decode_json(self, data: str | bytes) -> object:
        """Return JSON that may be a request or its variables: no NaN, no half a character, no bottomless nesting."""
        decoded = orjson.loads(data)
        if not isinstance(decoded, dict | list | None):
            raise HTTPException(400, "A request and its variables are JSON objects")
        return {} if decoded is None else decoded

    def encode_json(self, data: object) -> bytes:
        """Return JSON with numpy arrays as lists."""
        return to_json(data)

    async def render_graphql_ide(self, request: Request) -> Response:
        """Return GraphiQL, with a plain page under it for browsers that cannot fetch its scripts."""
        fallback = files("liqgrid.api.graphql").joinpath("offline.html").read_text("utf-8")
        page = self.graphql_ide_html.replace("</body>", f"{fallback}</body>")
        return HTMLResponse(page, headers={"content-security-policy": GRAPHIQL_POLICY})


def _render(error: GraphQLError, request_id: str) -> Any:
    """Return an error in GraphQL's form with ``code``, ``context`` and ``request_id`` in its extensions."""
    cause = error.original_error
    if isinstance(cause, LiqgridError):
        code, message, context = cause.code, cause.message, cause.context
    elif cause is None or isinstance(cause, GraphQLError):
        limited = _OVER_A_LIMIT.search(error.message)
        code, message, context = ErrorCode.QUERY_TOO_COMPLEX if limited else ErrorCode.BAD_REQUEST, error.message, {}
    else:
        _log.error("query failed", request_id=request_id, path=error.path, exc_info=cause)
        code, message, context = ErrorCode.INTERNAL, "something went wrong here; the log has it under this id", {}
    shown = GraphQLError(message, error.nodes, error.source, error.positions, error.path)
    return {
        **shown.formatted,
        "extensions": {"code": str(code), "context": context, "request_id": request_id},
    }
