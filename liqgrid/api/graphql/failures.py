"""Errors in GraphQL's form, with a code; the same over HTTP and WebSocket."""

from __future__ import annotations

import re

import structlog
from graphql import GraphQLError

from liqgrid.engine.market.errors import ErrorCode, LiqgridError

_log = structlog.get_logger()
# How strawberry's and graphql-core's limiters word a refusal; tests/api holds each of them to it.
_OVER_A_LIMIT = re.compile(r"aliases found|more than \d+ tokens|maximum operation depth|introspection depth exceeded")


def coded(error: GraphQLError, request_id: str) -> GraphQLError:
    """Return an error with ``code``, ``context`` and ``request_id`` in its extensions.

    What nobody expected is logged, and says no more than its request id.
    """
    cause = error.original_error
    if isinstance(cause, LiqgridError):
        code, message, context = cause.code, cause.message, cause.context
    elif cause is None or isinstance(cause, GraphQLError):
        limited = _OVER_A_LIMIT.search(error.message)
        code, message, context = ErrorCode.QUERY_TOO_COMPLEX if limited else ErrorCode.BAD_REQUEST, error.message, {}
    else:
        _log.error("query failed", request_id=request_id, path=error.path, exc_info=cause)
        code, message, context = ErrorCode.INTERNAL, "something went wrong here; the log has it under this id", {}
    extensions = {"code": str(code), "context": context, "request_id": request_id}
    return GraphQLError(message, error.nodes, error.source, error.positions, error.path, extensions=extensions)
