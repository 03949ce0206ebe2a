"""The binary COPY format: what the encoder writes is what the database then holds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from liqgrid.engine.market.arrays import F64
from liqgrid.engine.store.binary import (
    HEADER,
    TRAILER,
    Field,
    bigints,
    doubles,
    encode,
    integers,
    texts,
    timestamps,
)
from liqgrid.engine.store.database import Connection, connected

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WHOLE = 2**53  # beyond it floats skip whole numbers
MILLENNIUM_MS = 1000 * 365 * 86_400_000

times = st.integers(-MILLENNIUM_MS // 2, 8 * MILLENNIUM_MS)
floats = st.floats(allow_nan=True, allow_infinity=True, allow_subnormal=True)
whole_floats = st.integers(-WHOLE, WHOLE).map(float) | st.just(math.nan)
rows = st.lists(st.tuples(times, floats, floats, whole_floats, whole_floats), max_size=40)

# without the character that no text in PostgreSQL holds, and lone halves of others
written = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@pytest.fixture
def connection(database_dsn: str) -> Iterator[Connection]:
    """A connection to a database without tables."""
    with connected(database_dsn) as connection:
        yield connection


def copied(connection: Connection, types: str, fields: Sequence[Field]) -> list[tuple[Any, ...]]:
    """Send fields to an empty table of these column types, and return its rows in order of the first."""
    connection.execute("DROP TABLE IF EXISTS copied")
    connection.execute(f"CREATE TEMPORARY TABLE copied ({types})")
    with connection.cursor() as cursor, cursor.copy("COPY copied FROM STDIN (FORMAT binary)") as copy:
        copy.write(HEADER)
        for block in encode(fields):
            copy.write(block)
        copy.write(TRAILER)
    return connection.execute("TABLE copied ORDER BY 1", binary=True).fetchall()


def column(values: Sequence[float]) -> F64:
    return np.array(values, dtype=np.float64)


# The database is the same for all examples; each makes its own table.
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(drawn=rows, number=st.integers(-(2**31), 2**31 - 1), text=written)
def test_every_kind_of_field_comes_back(connection: Connection, drawn: list[Any], number: int, text: str) -> None:
    ts, first, second, third, fourth = ([row[i] for row in drawn] for i in range(5))
    count = len(drawn)
    stored = copied(
        connection,
        "n int8, i int4, t text, at timestamptz, a float8, b float8, c int8, d int8",
        [
            bigints(column(range(count))),
            integers(number, count),
            texts(text, count),
            timestamps(np.array(ts, dtype=np.int64)),
            doubles(column(first)),
            doubles(column(second)),
            bigints(column(third)),
            bigints(column(fourth)),
        ],
    )
    assert [(row[0], row[1], row[2], row[3]) for row in stored] == [
        (n, number, text, EPOCH + timedelta(milliseconds=ts[n])) for n in range(count)
    ]
    for n, row in enumerate(stored):
        for value, wanted in zip(row[4:], (first[n], second[n], third[n], fourth[n]), strict=True):
            assert value is None if math.isnan(wanted) else value == wanted
            if value == 0:
                assert math.copysign(1, value) == math.copysign(1, wanted) or isinstance(value, int)


def test_every_pattern_of_nulls_in_one_block(connection: Connection) -> None:
    wanted = [tuple(None if n % 8 >> i & 1 else float(n) for i in range(3)) for n in range(16)]
    fields = [doubles(np.array([row[i] for row in wanted], dtype=np.float64)) for i in range(3)]
    stored = copied(connection, "n int8, a float8, b float8, c float8", [bigints(column(range(16))), *fields])
    assert [row[1:] for row in stored] == wanted


def test_no_rows_are_no_rows(connection: Connection) -> None:
    assert copied(connection, "a float8, b int4", [doubles(column([])), integers(1, 0)]) == []


def test_rows_that_are_null_in_nothing_keep_their_order(connection: Connection) -> None:
    encoded = b"".join(encode([bigints(column([3, 1, 2]))]))
    assert [encoded[start + 13] for start in (0, 14, 28)] == [3, 1, 2]
