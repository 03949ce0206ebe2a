"""GraphQL over HTTP and WebSocket: JSON by orjson, errors with codes, GraphiQL in a browser."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from importlib.resources import files
from typing import Any

import orjson
from cross_web import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult

from liqgrid.api.answers import Answers, Made
from liqgrid.api.encode import to_json
from liqgrid.api.errors import error_response
from liqgrid.api.graphql.context import Context
from liqgrid.api.graphql.failures import coded
from liqgrid.api.graphql.kept import KeptAnswer, Question, extensions_of, kept_answer, question_of
from liqgrid.api.graphql.schema import schema
from liqgrid.api.graphql.socket import Handler, Socket
from liqgrid.api.reading import Reading
from liqgrid.api.safe_headers import GRAPHIQL_POLICY
from liqgrid.api.visit import Visit
from liqgrid.engine.market.errors import ErrorCode

MAX_SUBSCRIPTIONS = 100
INIT_PATIENCE = timedelta(seconds=10)


class View(GraphQL[Context, None]):
    """The GraphQL endpoint.

    A WebSocket is opened by pages of this origin and of ``origins``, and by programs, which send none; no other page
    can use a browser to read what only it may reach.
    """

    websocket_adapter_class = Socket  # type: ignore[assignment] # the base class is too narrow
    graphql_transport_ws_handler_class = Handler

    def __init__(self, origins: tuple[str, ...] = ()) -> None:
        super().__init__(
            schema(),
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=INIT_PATIENCE,
            max_subscriptions_per_connection=MAX_SUBSCRIPTIONS,
            allowed_origins=origins,
        )

    async def run(self, request: Any, *arguments: Any, **options: Any) -> Any:
        """Answer a request; one that is no GraphQL request at all gets the error shape of every other path.

        A query that was asked before, and whose answer is still right, comes no further than this.
        """
        try:
            question = await question_of(request) if isinstance(request, Request) else None
            if question is None:
                return await super().run(request, *arguments, **options)
            answers: Answers = request.app.state.answers
            visit: Visit = request.state.visit
            return await answers.serve(
                ("graphql", *question.key),
                lambda kept: kept.for_visit(visit),
                partial(self._make, request, question),
            )
        except HTTPException as error:
            return error_response(ErrorCode.BAD_REQUEST, error.reason, {}, request, error.status_code)

    async def _make(self, request: Request, question: Question, reading: Reading) -> Made[Response, KeptAnswer]:
        """Return the answer to a question, and what of it can be kept: nothing of errors, which need not come again."""
        result = await self.execute_single(
            request,
            self.request_adapter_class(request),
            Response(),
            await self.get_context(request, Response()),
            None,
            GraphQLRequestData(question.query, question.variables, question.operation_name, None),
        )
        visit: Visit = request.state.visit
        if result.errors or result.data is None or visit.price is None:
            answer = to_json(await self.process_result(request, result))
            return Made(Response(reading.with_ages(answer), media_type="application/json"))
        simulated = await request.app.state.pool.simulated()
        kept = kept_answer(result.data, reading, visit.price, simulated=simulated)
        return Made(kept.response(visit), kept, kept.size + len(question.query))

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        """Return what resolvers are given."""
        state = request.app.state
        return Context(
            state.pool, request.state.request_id, state.steps, request.state.visit, live=state.live, keys=state.keys
        )

    async def process_result(self, request: Any, result: ExecutionResult) -> GraphQLHTTPResponse:
        """Return the answer with every error coded; what nobody expected is logged and masked."""
        answer: GraphQLHTTPResponse = {"data": result.data}
        if result.errors:
            answer["errors"] = [coded(error, request.state.request_id).formatted for error in result.errors]
        simulated = result.data is not None and await request.app.state.pool.simulated()
        if extensions := extensions_of(request.state.visit, simulated=simulated):
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
