"""One request for a path of REST: its form, its values, its tag, its answer."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from liqgrid.api.cost import EXPORT_COST, cost_of
from liqgrid.api.graphql.context import Context
from liqgrid.api.rest.endpoint import Asked, Endpoint
from liqgrid.api.rest.etags import matches, tag_of_body, tag_of_build
from liqgrid.api.rest.formats import MEDIA_TYPES, by_accept, by_suffix
from liqgrid.api.rest.parameters import parse

_NOT_MODIFIED = 304
# A copy is asked about each time it is used: a late row may change any column, and asking costs little.
_REVALIDATED = "private, no-cache"


async def serve(endpoint: Endpoint, request: Request) -> Response:
    """Return the answer to a request.

    Raises
    ------
    LiqgridError
        If it cannot be answered as it was put.
    """
    in_path = dict(request.path_params)
    suffix = in_path.pop("format", None)
    form = (
        by_accept(request.headers.get("accept"), endpoint.forms)
        if suffix is None
        else by_suffix(suffix, endpoint.forms)
    )
    values = parse([*in_path.items(), *request.query_params.multi_items()], endpoint.parameters)
    context = Context(request.app.state.pool, request.state.request_id, request.app.state.steps, request.state.visit)
    context.visit.charge(EXPORT_COST if endpoint.streams else cost_of(endpoint.question, values))
    headers = {"vary": "accept, accept-encoding"}
    if endpoint.streams:
        return await _stream(endpoint, request, Asked(context, values, form), headers)
    headers["cache-control"] = _REVALIDATED
    tag = await tag_of_build(context.pool, endpoint.path, values, form) if endpoint.of_build else None
    if tag is not None and matches(request.headers.get("if-none-match"), tag):
        return Response(None, _NOT_MODIFIED, {**headers, "etag": tag})
    answer = await endpoint.answer(Asked(context, values, form, tag))
    if answer.next is not None:
        headers["link"] = _next_link(request, answer.next)
    if not isinstance(answer.body, bytes):
        return StreamingResponse(answer.body, 200, _tagged(headers, tag), MEDIA_TYPES[form])
    if tag is None:
        tag = tag_of_body(answer.body)
        if matches(request.headers.get("if-none-match"), tag):
            return Response(None, _NOT_MODIFIED, {**headers, "etag": tag})
    return Response(answer.body, 200, _tagged(headers, tag), MEDIA_TYPES[form])


async def _stream(endpoint: Endpoint, request: Request, asked: Asked, headers: Mapping[str, str]) -> Response:
    """Return a history, named as a file; it has no tag, for rows may arrive while it is sent."""
    name = f"{endpoint.path.split('/')[-2]}-{asked.values['pair']}.{asked.form}"
    headers = {**headers, "cache-control": "no-store", "content-disposition": f'attachment; filename="{name}"'}
    if request.method == "HEAD":
        return Response(None, 200, headers, MEDIA_TYPES[asked.form])
    answer = await endpoint.answer(asked)
    assert not isinstance(answer.body, bytes)  # noqa: S101 - so its endpoint says
    return StreamingResponse(answer.body, 200, headers, MEDIA_TYPES[asked.form])


def _tagged(headers: dict[str, str], tag: str | None) -> dict[str, str]:
    return headers if tag is None else {**headers, "etag": tag}


def _next_link(request: Request, cursor: str) -> str:
    following = request.url.include_query_params(after=cursor)
    return f'<{following.path}?{following.query}>; rel="next"'
