"""Coded errors: what happened, where, the value seen, and what to do.

Every error liqgrid raises on purpose is one of these. ``code`` is stable and documented in docs/errors.md;
HTTP status numbers and exit codes are looked up at the edges (``api/errors.py``, ``cli/main.py``).
"""

from __future__ import annotations

from enum import StrEnum


class ErrorCode(StrEnum):
    """Stable names of what can go wrong; each has a heading in docs/errors.md."""

    BAD_DATA = "BAD_DATA"
    BAD_REQUEST = "BAD_REQUEST"
    BAD_SETTING = "BAD_SETTING"
    FORBIDDEN = "FORBIDDEN"
    INTERNAL = "INTERNAL"
    NOT_BUILT = "NOT_BUILT"
    NOT_FOUND = "NOT_FOUND"
    RATE_LIMITED = "RATE_LIMITED"
    RANGE_TOO_LARGE = "RANGE_TOO_LARGE"
    REQUEST_TOO_LARGE = "REQUEST_TOO_LARGE"
    QUERY_TOO_COMPLEX = "QUERY_TOO_COMPLEX"
    SCHEMA_TOO_NEW = "SCHEMA_TOO_NEW"
    SCHEMA_TOO_OLD = "SCHEMA_TOO_OLD"
    STORE_UNAVAILABLE = "STORE_UNAVAILABLE"
    UNAUTHORISED = "UNAUTHORISED"
    UNKNOWN_PAIR = "UNKNOWN_PAIR"
    VENUE_UNREACHABLE = "VENUE_UNREACHABLE"


class LiqgridError(Exception):
    """An expected failure: its message is for the person who caused or can mend it, never a stack trace."""

    code: ErrorCode = ErrorCode.INTERNAL

    def __init__(self, message: str, **context: object) -> None:
        super().__init__(message)
        self.message = message
        self.context = context


class BadData(LiqgridError):
    """Input that breaks an invariant of the market's vocabulary; names file, line and column where it has them."""

    code = ErrorCode.BAD_DATA


class OutOfBalance(LiqgridError):
    """A column that does not add up to its open interest: a defect of liqgrid; the build ends and writes nothing."""


class BadRequest(LiqgridError):
    """A question that cannot be answered as it was put."""

    code = ErrorCode.BAD_REQUEST


class BadSetting(LiqgridError):
    """A setting or option that cannot be used; the process ends with exit code 2 before it does any work."""

    code = ErrorCode.BAD_SETTING


class UnknownPair(LiqgridError):
    """No instrument of this pair is stored."""

    code = ErrorCode.UNKNOWN_PAIR


class NotBuilt(LiqgridError):
    """The pair is known, but there is no grid of this interval or time."""

    code = ErrorCode.NOT_BUILT


class RangeTooLarge(LiqgridError):
    """The answer would hold more cells or rows than the server allows."""

    code = ErrorCode.RANGE_TOO_LARGE


class QueryTooComplex(LiqgridError):
    """The GraphQL document is deeper, longer or has more aliases than the server allows."""

    code = ErrorCode.QUERY_TOO_COMPLEX


class Unauthorised(LiqgridError):
    """A key is needed and none came, or one that does not open."""

    code = ErrorCode.UNAUTHORISED


class Forbidden(LiqgridError):
    """The key opens, but not this."""

    code = ErrorCode.FORBIDDEN


class RateLimited(LiqgridError):
    """More was asked in a minute than the client may."""

    code = ErrorCode.RATE_LIMITED


class StoreUnavailable(LiqgridError):
    """The database cannot be reached or could not be started."""

    code = ErrorCode.STORE_UNAVAILABLE


class SchemaTooNew(LiqgridError):
    """The database was migrated by a newer liqgrid."""

    code = ErrorCode.SCHEMA_TOO_NEW


class SchemaTooOld(LiqgridError):
    """The database has not been migrated to what this liqgrid needs."""

    code = ErrorCode.SCHEMA_TOO_OLD


class VenueUnreachable(LiqgridError):
    """A venue does not answer, or not to us."""

    code = ErrorCode.VENUE_UNREACHABLE
