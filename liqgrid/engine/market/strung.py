"""Arrays out of values that the database strung together: a few strings of bytes to fetch instead of a row for each."""

from __future__ import annotations

import numpy as np

from liqgrid.engine.market.arrays import F64, I64

EPOCH_2000_MS = 946_684_800_000  # from which PostgreSQL counts microseconds


def decode_doubles(values: bytes | None) -> F64:
    """Return the float8 values that ``string_agg(float8send(…), '')`` strung together, (N,); None is no row."""
    return np.frombuffer(values or b"", dtype=">f8").astype(np.float64)


def decode_timestamps(values: bytes | None) -> I64:
    """Return epoch milliseconds of what ``string_agg(timestamptz_send(…), '')`` strung together, (N,)."""
    return np.frombuffer(values or b"", dtype=">i8").astype(np.int64) // 1000 + EPOCH_2000_MS
