"""Scalars and enumerations of the schema."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

from liqgrid.api.encode import Packed, pack
from liqgrid.api.grids import Unit
from liqgrid.engine.market.instrument import Side
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.times import in_utc

PackedArray = NewType("PackedArray", Packed)

SCALARS: dict[object, ScalarDefinition] = {
    PackedArray: strawberry.scalar(
        name="PackedArray",
        description=(
            'A numeric array: {"dtype": "<f4", "shape": [288, 300], "data": "<base64>"}; little-endian, rows first. '
            "In Python: numpy.frombuffer(base64.b64decode(a['data']), a['dtype']).reshape(a['shape'])."
        ),
        serialize=pack,
    )
}

strawberry.enum(Side, description="Side of a position; LONG is liquidated by falling prices.")
strawberry.enum(Interval, description="Length of a bar or of the step between grid columns: minutes, hours, a day.")
strawberry.enum(Unit, description="What amounts are counted in: quote currency (notional) or base currency.")


def packed(values: Any) -> PackedArray:
    """Return an array as the scalar."""
    return PackedArray(Packed(values))


def time_of(ts_ms: int) -> datetime:
    """Return epoch milliseconds as UTC time."""
    return datetime.fromtimestamp(ts_ms / 1000, UTC)


def optional_time(ts_ms: int | None) -> datetime | None:
    """Return epoch milliseconds as UTC time, None for None."""
    return None if ts_ms is None else time_of(ts_ms)


def milliseconds(time: datetime | None) -> int | None:
    """Return a client's time as epoch milliseconds; a time without a zone is UTC."""
    return None if time is None else round(in_utc(time).timestamp() * 1000)
