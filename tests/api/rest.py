"""What tests of REST share: GraphQL's answers in REST's words, and tables out of bytes."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from tests.api.served import unpacked

ENUMS = {"H1": "1h", "H4": "4h", "D1": "1d", "M15": "15m", "LONG": "long", "SHORT": "short"}
FORMS = ("csv", "ndjson", "arrow", "parquet")


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def in_rest(value: Any) -> Any:
    """An answer of GraphQL as REST words it: snake_case, arrays as lists, NaN as None, enumerations by their values."""
    if isinstance(value, dict):
        if value.keys() == {"dtype", "shape", "data"}:
            return _listed(unpacked(value))
        return {snake(key): in_rest(one) for key, one in value.items()}
    if isinstance(value, list):
        return [in_rest(one) for one in value]
    return ENUMS.get(value, value) if isinstance(value, str) else value


def _listed(values: NDArray[Any]) -> Any:
    """Numbers as their shortest text says them: a float32 as a float32."""
    if values.ndim > 1:
        return [_listed(row) for row in values]
    if values.dtype.kind == "i":
        return values.tolist()
    return [None if np.isnan(value) else float(str(value)) for value in values]


def rows_of(answer: httpx.Response) -> list[dict[str, Any]]:
    """Rows of a table in any form; times as ISO 8601, cells of CSV as numbers where they are."""
    assert answer.status_code == 200, answer.text
    kind = answer.headers["content-type"].partition(";")[0]
    if kind == "text/csv":
        return [{name: _cell(cell) for name, cell in row.items()} for row in csv.DictReader(io.StringIO(answer.text))]
    if kind == "application/x-ndjson":
        return [json.loads(line) for line in answer.text.splitlines()]
    table = (
        pa.ipc.open_stream(answer.content).read_all()
        if kind == "application/vnd.apache.arrow.stream"
        else parquet.read_table(pa.BufferReader(answer.content))
    )
    return [{name: _told(value) for name, value in row.items()} for row in table.to_pylist()]


def _cell(text: str) -> Any:
    if text == "":
        return None
    try:
        return float(text)
    except ValueError:
        return text


def _told(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"
    return value


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The error of an answer, after a look at its shape."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.json().keys() == {"error"}
    error = dict(answer.json()["error"])
    assert error.keys() == {"code", "message", "context", "request_id"}
    assert error["request_id"] == answer.headers["x-request-id"]
    assert error["code"] == code
    return error
