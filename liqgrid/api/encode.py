"""Bytes for clients: packed arrays, and JSON by orjson."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from pybase64 import b64encode_as_string


@dataclass(frozen=True, slots=True)
class Packed:
    """An array on its way out, little-endian and rows first: float32, float64 or int64."""

    values: NDArray[Any]


def pack(packed: Packed) -> dict[str, object]:
    """Return ``{"dtype": "<f4", "shape": [288, 300], "data": base64}``."""
    values = np.ascontiguousarray(packed.values)
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    data = b64encode_as_string(little.data)  # at many times the speed of the standard library's
    return {"dtype": little.dtype.str, "shape": list(values.shape), "data": data}


def to_json(value: object) -> bytes:
    """Return JSON; NaN and infinities become null."""
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)
