"""PostgreSQL's binary format of COPY, made from arrays.

A row is its field count (int16), then for each field its length (int32; -1 for NULL) and its bytes, big-endian
(PostgreSQL manual, COPY, "Binary Format"). Rows with the same fields NULL have one fixed layout, so a structured
array writes all of them at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liqgrid.engine.market.arrays import F64, I64, Bool
from liqgrid.engine.market.strung import EPOCH_2000_MS

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"


@dataclass(frozen=True, slots=True)
class Field:
    """One column on its way to the database: values (N,) in wire form, and where they are NULL (None: nowhere)."""

    values: NDArray[Any]
    null: Bool | None = None


def integers(value: int, rows: int) -> Field:
    """Return a column that is the same int4 in every row."""
    return Field(np.full(rows, value, dtype=">i4"))


def texts(value: str, rows: int) -> Field:
    """Return a column that is the same text in every row."""
    encoded = value.encode()
    return Field(np.full(rows, encoded, dtype=f"S{len(encoded)}"))


def doubles(values: F64) -> Field:
    """Return a float8 column; NaN becomes NULL."""
    null = np.isnan(values)
    return Field(values.astype(">f8"), null if null.any() else None)


def bigints(values: F64) -> Field:
    """Return an int8 column of whole numbers held as floats; NaN becomes NULL."""
    null = np.isnan(values)
    return Field(np.where(null, 0, values).astype(">i8"), null if null.any() else None)


def timestamps(ts_ms: I64) -> Field:
    """Return a timestamptz column of epoch milliseconds."""
    return Field(((ts_ms - EPOCH_2000_MS) * 1000).astype(">i8"))


def encode(fields: Sequence[Field]) -> Iterator[bytes]:
    """Yield the rows' bytes, without header and trailer; rows with equal NULLs together, else in order."""
    rows = len(fields[0].values)
    pattern = np.zeros(rows, dtype=np.int64)  # (N,) bit f set: field f is NULL
    for index, field in enumerate(fields):
        if field.null is not None:
            pattern |= field.null.astype(np.int64) << index
    for code in np.unique(pattern):
        chosen: slice | Bool = slice(None) if (pattern == code).all() else pattern == code
        layout: list[tuple[str, str]] = [("count", ">i2")]
        for index, field in enumerate(fields):
            layout.append((f"length{index}", ">i4"))
            if not code >> index & 1:
                layout.append((f"value{index}", field.values.dtype.str))
        wire = np.empty(len(pattern[chosen]), dtype=layout)
        wire["count"] = len(fields)
        for index, field in enumerate(fields):
            if code >> index & 1:
                wire[f"length{index}"] = -1
            else:
                wire[f"length{index}"] = field.values.dtype.itemsize
                wire[f"value{index}"] = field.values[chosen]
        yield wire.tobytes()
