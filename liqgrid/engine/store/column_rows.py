"""Grid columns as rows of PostgreSQL's binary COPY format: fields of one size laid out at once, then the spans."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from liqgrid.engine.market.arrays import I64, Bool
from liqgrid.engine.market.axis import COLUMN_REACH, bins_of
from liqgrid.engine.market.grid import GridColumns
from liqgrid.engine.market.span import encode_shares, encode_spans
from liqgrid.engine.store.binary import Field, doubles, integers, texts, timestamps

_LENGTH = struct.Struct(">i")
_DOUBLE = struct.Struct(">id")
_NULL = _LENGTH.pack(-1)
_SPANS = 4  # volume, which may be NULL, and three arrays of bytes
_BLOCK_ROWS = 128  # under a megabyte at a time


def column_rows(instrument_id: int, build_id: int, columns: GridColumns) -> Iterator[bytes]:
    """Yield the rows of ``copy_grid_column``, some at a time, without header and trailer."""
    count = len(columns)
    codes, exponents = encode_spans(columns.near_base)  # (2, K, COLUMN_REACH), (2, K)
    begin, end = _filled(codes != 0)  # (2, K) each
    price_bin = bins_of(columns.price)  # (K,)
    first_bin = np.stack([price_bin - COLUMN_REACH, price_bin + 1]) + begin  # (2, K)
    prefixes = _fixed(
        [
            integers(instrument_id, count), texts(str(columns.interval), count), timestamps(columns.close_ms),
            Field(np.full(count, build_id, dtype=">i8")),
            *map(doubles, (columns.price, columns.open, columns.high, columns.low, columns.close)),
            doubles(columns.mark_low), doubles(columns.mark_high), Field(columns.mark.astype("u1")),
            doubles(columns.open_interest_base), timestamps(columns.open_interest_ms), doubles(columns.total_base[0]),
            *map(doubles, (*columns.unplaced_base, *columns.near_quote)),
            *map(doubles, (*columns.outside_base, *columns.outside_quote, *columns.log_kept)),
            *(Field(side.astype(">i4")) for side in first_bin), *(Field(side.astype(">i2")) for side in exponents),
        ]
    )  # fmt: skip
    rows: list[bytes] = []
    for k in range(count):
        volume = float(columns.volume_base[k])
        rows += (prefixes[k].tobytes(), _NULL if math.isnan(volume) else _DOUBLE.pack(8, volume))
        for value in (
            codes[0, k, begin[0, k] : end[0, k]].tobytes(),
            codes[1, k, begin[1, k] : end[1, k]].tobytes(),
            encode_shares(columns.shares[:, k]),
        ):
            rows += (_LENGTH.pack(len(value)), value)
        if k % _BLOCK_ROWS == _BLOCK_ROWS - 1:
            yield b"".join(rows)
            rows.clear()
    yield b"".join(rows)


def _filled(filled: Bool) -> tuple[I64, I64]:
    """Return begin and end of what is between the first and the last true of each row, (2, K); equal where none is."""
    some = filled.any(axis=2)
    begin = np.where(some, filled.argmax(axis=2), 0)
    end = np.where(some, filled.shape[2] - filled[:, :, ::-1].argmax(axis=2), 0)
    return begin, end


def _fixed(fields: list[Field]) -> np.ndarray[Any, Any]:
    """Return the field count and these fields as wire bytes, one structured value for each row."""
    layout: list[tuple[str, str]] = [("count", ">i2")]
    for index, field in enumerate(fields):
        layout += [(f"length{index}", ">i4"), (f"value{index}", field.values.dtype.str)]
    wire = np.empty(len(fields[0].values), dtype=layout)
    wire["count"] = len(fields) + _SPANS
    for index, field in enumerate(fields):
        wire[f"length{index}"] = field.values.dtype.itemsize
        wire[f"value{index}"] = field.values
    return wire
