"""One shape for every error: {"error": {"code", "message", "context", "request_id"}}; HTTP numbers live here only."""

from __future__ import annotations

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from liqgrid.api.encode import to_json
from liqgrid.engine.market.errors import ErrorCode, LiqgridError

STATUS = {
    ErrorCode.BAD_DATA: 500,
    ErrorCode.BAD_REQUEST: 400,
    ErrorCode.BAD_SETTING: 500,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.INTERNAL: 500,
    ErrorCode.NOT_BUILT: 404,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.QUERY_TOO_COMPLEX: 400,
    ErrorCode.RANGE_TOO_LARGE: 413,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.REQUEST_TOO_LARGE: 413,
    ErrorCode.SCHEMA_TOO_NEW: 503,
    ErrorCode.SCHEMA_TOO_OLD: 503,
    ErrorCode.STORE_UNAVAILABLE: 503,
    ErrorCode.UNAUTHORISED: 401,
    ErrorCode.UNKNOWN_PAIR: 404,
    ErrorCode.VENUE_UNREACHABLE: 503,
}
_log = structlog.get_logger()


def error_response(
    code: ErrorCode, message: str, context: dict[str, object], request: Request, status: int | None = None
) -> Response:
    """Return an error as an HTTP response, with the status of its code unless another is given."""
    body = error_body(code, message, context, request.state.request_id)
    return Response(to_json(body), status or STATUS[code], media_type="application/json")


def error_body(code: ErrorCode, message: str, context: dict[str, object], request_id: str) -> dict[str, object]:
    """Return the one shape of an error."""
    return {"error": {"code": str(code), "message": message, "context": context, "request_id": request_id}}


async def on_liqgrid_error(request: Request, error: Exception) -> Response:
    """Answer an expected failure with its own words."""
    assert isinstance(error, LiqgridError)  # noqa: S101 - registered for that class only
    return error_response(error.code, error.message, error.context, request)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer what starlette refuses (unknown path, wrong method) in the one shape, with its status."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for that class only
    code = ErrorCode.NOT_FOUND if error.status_code == STATUS[ErrorCode.NOT_FOUND] else ErrorCode.BAD_REQUEST
    message = f"{request.method} {request.url.path}: {error.detail}"
    response = error_response(code, message, {}, request, error.status_code)
    response.headers.update(error.headers or {})
    return response


async def on_unexpected(request: Request, error: Exception) -> Response:
    """Log what nobody expected, and say no more than its request id."""
    _log.error("request failed", request_id=request.state.request_id, path=request.url.path, exc_info=error)
    return error_response(ErrorCode.INTERNAL, "something went wrong here; the log has it under this id", {}, request)
