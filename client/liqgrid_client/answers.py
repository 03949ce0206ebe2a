"""Answers over HTTP: their data, or the error they tell."""

from __future__ import annotations

import json
from typing import Any, TypeVar

import httpx

from liqgrid_client.errors import LiqgridError, bad_answer, error_of
from liqgrid_client.questions import Question
from liqgrid_client.retries import retry_after_s

T = TypeVar("T")
_OK = 200
# What a proxy answers in place of a server that is away or busy.
_CODES = {429: "RATE_LIMITED", 502: "UNREACHABLE", 503: "UNREACHABLE"}


def answered(question: Question[T], response: httpx.Response) -> T:
    """Return what a response to a question answers.

    Raises
    ------
    LiqgridError
        The error it tells, or ``BAD_ANSWER``.
    """
    request_id = response.headers.get("x-request-id")
    if response.status_code != _OK:
        raise refusal(response.status_code, response.content, response.headers)
    answer = _parsed(response.content)
    if not isinstance(answer, dict):
        raise bad_answer(f"the answer is no JSON object: {response.text[:80]!r}", request_id)
    if answer.get("errors"):
        raise told(answer["errors"], request_id)
    try:
        return question.answer(answer.get("data"), is_simulated(answer))
    except LiqgridError as error:
        error.request_id = request_id
        raise


def is_simulated(answer: dict[str, Any]) -> bool:
    """Whether an answer of GraphQL is of a simulated market."""
    extensions = answer.get("extensions")
    return isinstance(extensions, dict) and extensions.get("simulated") is True


def told(errors: object, request_id: str | None = None) -> LiqgridError:
    """Return the first of the errors a GraphQL answer tells."""
    first = errors[0] if isinstance(errors, list) and errors else None
    if not isinstance(first, dict):
        return bad_answer(f"the answer tells errors that are none: {errors!r:.80}", request_id)
    extensions = first.get("extensions")
    return _coded({**(extensions if isinstance(extensions, dict) else {}), "message": first.get("message")}, request_id)


def refusal(status: int, body: bytes, headers: httpx.Headers) -> LiqgridError:
    """Return the error of a response that is not 200."""
    request_id = headers.get("x-request-id")
    answer = _parsed(body)
    error = answer.get("error") if isinstance(answer, dict) else None
    if isinstance(error, dict) and isinstance(error.get("code"), str):
        found = _coded(error, request_id)
        found.retry_after = retry_after_s(headers)
        return found
    code = _CODES.get(status, "BAD_ANSWER")
    message = f"HTTP {status} from something that is no liqgrid: {body[:80]!r}"
    return error_of(code, message, {"status": status}, request_id, retry_after_s(headers))


def lost(error: Exception) -> LiqgridError:
    """Return the error of a connection that could not be made, or ended."""
    if isinstance(error, httpx.ReadTimeout | httpx.WriteTimeout | httpx.PoolTimeout):
        return error_of("TIMED_OUT", f"no answer in time ({type(error).__name__})")
    if isinstance(error, httpx.DecodingError | httpx.TooManyRedirects):
        return bad_answer(str(error))
    return error_of("UNREACHABLE", f"{error}" or type(error).__name__)


def _coded(error: dict[str, Any], request_id: str | None) -> LiqgridError:
    code, context = error.get("code"), error.get("context")
    return error_of(
        code if isinstance(code, str) else "BAD_ANSWER",
        str(error.get("message")),
        context if isinstance(context, dict) else {},
        str(error.get("request_id") or request_id or "") or None,
    )


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
