"""One request for a path of REST: its form, its values, its tag, its answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from liqgrid.api.answers import Answers, Made
from liqgrid.api.compression import LEAST_BYTES, chosen_coding, compressed, tag_for
from liqgrid.api.cost import DEEP_FIELDS, EXPORT_COST, cost_of
from liqgrid.api.graphql.context import Context
from liqgrid.api.reading import Reading
from liqgrid.api.rest.endpoint import Asked, Endpoint
from liqgrid.api.rest.etags import not_modified, tag_of_body, tag_of_build
from liqgrid.api.rest.formats import DENSE, MEDIA_TYPES, Format, by_accept, by_suffix
from liqgrid.api.rest.parameters import parse

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
    asked = Asked(context, values, form)
    fields = frozenset().union(*(DEEP_FIELDS[group] for group in asked.included))
    context.visit.charge(EXPORT_COST if endpoint.streams else cost_of(endpoint.question, values, fields))
    headers = {"vary": "accept, accept-encoding"}
    if endpoint.streams:
        return await _stream(endpoint, request, asked, headers)
    headers["cache-control"] = _REVALIDATED
    coding = chosen_coding(request.headers.get("accept-encoding", "identity"))
    question = ("rest", endpoint.path, form, orjson.dumps(sorted(values.items()), default=str))
    plain = partial(_plain, endpoint, request, asked, headers)
    if coding is None or form in DENSE:
        return await _kept(request, headers, question, plain)
    return await _kept(
        request, headers, (*question, coding), partial(_coded, request, headers, question, coding, plain)
    )


@dataclass(frozen=True, slots=True)
class KeptBody:
    """An answer that can be given again: its bytes, which may be compressed, and what its head says of them."""

    body: bytes
    tag: str
    form: Format
    next: str | None
    coding: str | None = None

    def response(self, request: Request, headers: Mapping[str, str]) -> Response:
        """Return the answer to a request, or that it holds that already."""
        if (unchanged := not_modified(request, self.tag, headers)) is not None:
            return unchanged
        told = {**headers, "etag": self.tag}
        if self.next is not None:
            told["link"] = _next_link(request, self.next)
        if self.coding is not None:
            told |= {"etag": tag_for(self.tag, self.coding), "content-encoding": self.coding}
        return Response(self.body, 200, told, MEDIA_TYPES[self.form])


Making = Callable[[Reading], Awaitable[Made[Response, KeptBody]]]


async def _kept(request: Request, headers: Mapping[str, str], key: Hashable, make: Making) -> Response:
    answers: Answers = request.app.state.answers
    return await answers.serve(key, lambda kept: kept.response(request, headers), make)


async def _plain(
    endpoint: Endpoint, request: Request, asked: Asked, headers: Mapping[str, str], reading: Reading
) -> Made[Response, KeptBody]:
    """Return an answer as it is made."""
    values = asked.values
    tag = await tag_of_build(asked.context.pool, endpoint.path, values, asked.form) if endpoint.of_build else None
    if tag is not None and (unchanged := not_modified(request, tag, headers)) is not None:
        return Made(unchanged)
    answer = await endpoint.answer(replace(asked, tag=tag))
    if not isinstance(answer.body, bytes):
        return Made(StreamingResponse(answer.body, 200, _tagged(headers, tag), MEDIA_TYPES[asked.form]))
    kept = KeptBody(answer.body, tag or tag_of_body(answer.body), asked.form, answer.next)
    return Made(kept.response(request, headers), kept, len(kept.body))


async def _coded(
    request: Request, headers: Mapping[str, str], question: Hashable, coding: str, plain: Making, reading: Reading
) -> Made[Response, KeptBody]:
    """Return an answer compressed, of one that may be kept as it is."""
    found: list[KeptBody] = []

    def use(kept: KeptBody) -> Response:
        found.append(kept)
        return kept.response(request, headers)

    answers: Answers = request.app.state.answers

    async def make(reading: Reading) -> Made[Response, KeptBody]:
        made = await plain(reading)
        if made.kept is not None:
            found.append(made.kept)
        return made

    response = await answers.serve(question, use, make)
    if not found:  # a stream, or the client holds it
        return Made(response)
    kept = found[-1]
    if len(kept.body) >= LEAST_BYTES:
        kept = replace(kept, body=await compressed(coding, kept.body), coding=coding)
    return Made(kept.response(request, headers), kept, len(kept.body))


async def _stream(endpoint: Endpoint, request: Request, asked: Asked, headers: Mapping[str, str]) -> Response:
    """Return a history, named as a file; it has no tag, for rows may arrive while it is sent."""
    name = f"{endpoint.path.split('/')[-2]}-{asked.values['pair']}.{asked.form}"
    headers = {**headers, "cache-control": "no-store", "content-disposition": f'attachment; filename="{name}"'}
    if request.method == "HEAD":
        return Response(None, 200, headers, MEDIA_TYPES[asked.form])
    answer = await endpoint.answer(asked)
    assert not isinstance(answer.body, bytes)  # noqa: S101 - so its endpoint says
    return StreamingResponse(answer.body, 200, headers, MEDIA_TYPES[asked.form])


def _tagged(headers: Mapping[str, str], tag: str | None) -> dict[str, str]:
    return dict(headers) if tag is None else {**headers, "etag": tag}


def _next_link(request: Request, cursor: str) -> str:
    following = request.url.include_query_params(after=cursor)
    return f'<{following.path}?{following.query}>; rel="next"'
