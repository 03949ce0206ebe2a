"""Forms an answer may have, and which of them a client wants: by suffix, or by ``Accept``."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from starlette.exceptions import HTTPException

from liqgrid.api.negotiation import weights
from liqgrid.engine.market.errors import BadRequest

_NOT_ACCEPTABLE = 406


class Format(StrEnum):
    """A form of an answer, by the suffix that asks for it."""

    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"
    ARROW = "arrow"
    PARQUET = "parquet"
    PNG = "png"


MEDIA_TYPES = {
    Format.JSON: "application/json",
    Format.NDJSON: "application/x-ndjson",
    Format.CSV: "text/csv",
    Format.ARROW: "application/vnd.apache.arrow.stream",
    Format.PARQUET: "application/vnd.apache.parquet",
    Format.PNG: "image/png",
}
# Compressed as they are.
DENSE = (Format.PARQUET, Format.PNG)


def by_suffix(suffix: str, offered: Sequence[Format]) -> Format:
    """Return the format that a path's ending names.

    Raises
    ------
    BadRequest
        If there is none of that name here.
    """
    if suffix not in offered:
        raise BadRequest(
            f"format was {suffix[:60]!r}; it must be one of {', '.join(offered)}", parameter="format", value=suffix[:60]
        )
    return Format(suffix)


def by_accept(accept: str | None, offered: Sequence[Format]) -> Format:
    """Return the format an ``Accept`` header likes best, of equals the first offered.

    Raises
    ------
    HTTPException
        406 if it accepts none of them.
    """
    wanted = weights(accept or "*/*")
    liked = [(_weight(wanted, MEDIA_TYPES[one]), one) for one in offered]
    best, chosen = max(liked, key=lambda pair: pair[0])
    if best == 0:
        served = ", ".join(MEDIA_TYPES[one] for one in offered)
        raise HTTPException(_NOT_ACCEPTABLE, f"accept was {accept!r}; served are {served}")
    return chosen


def _weight(wanted: dict[str, float], media_type: str) -> float:
    for name in (media_type, media_type.partition("/")[0] + "/*", "*/*"):
        if name in wanted:
            return wanted[name]
    return 0.0
