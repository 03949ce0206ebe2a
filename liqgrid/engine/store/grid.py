"""What builds read and write: checkpoints, grid columns, predictions, skill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from psycopg.types.json import Jsonb

from liqgrid.engine.market.arrays import F64, I64
from liqgrid.engine.market.grid import GridColumns
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.rows import LiquidationBarRows
from liqgrid.engine.market.strung import decode_doubles, decode_timestamps
from liqgrid.engine.store.binary import (
    HEADER,
    TRAILER,
    doubles,
    encode,
    integers,
    timestamps,
)
from liqgrid.engine.store.column_rows import column_rows
from liqgrid.engine.store.database import Connection
from liqgrid.sql import queries

_SQL = queries("grid")


@dataclass(frozen=True, slots=True)
class BuildKey:
    """What a column is made by, beside its inputs."""

    model_version: str
    parameters_hash: str
    formula_version: str


@dataclass(frozen=True, slots=True)
class BuildRecord:
    """One finished build; ``watermark_ms`` is the close of its last bar."""

    build_id: int
    key: BuildKey
    built_from_ms: int
    watermark_ms: int
    bars: int
    columns: int
    duration_s: float
    coverage: dict[str, int]


def load_changes(connection: Connection, instrument_id: int) -> tuple[int | None, int | None]:
    """Return the earliest time raw rows changed since they were built, and that of rows that were not late.

    Both epoch ms; None when nothing changed.
    """
    row = connection.execute(_SQL["load_changes"], [instrument_id]).fetchone()
    return (None, None) if row is None else (row[0], row[1])


def is_built_by(connection: Connection, instrument_id: int, key: BuildKey) -> bool:
    """Return whether the newest build was made by this model version, these parameters and this formula."""
    row = connection.execute(_SQL["newest_build"], [instrument_id]).fetchone()
    return row == (key.model_version, key.parameters_hash, key.formula_version)


def bar_begun_before(connection: Connection, instrument_id: int, at_ms: int) -> int:
    """Return the open of the bar that the newest build replayed over ``at_ms``, or ``at_ms``."""
    row = connection.execute(_SQL["bar_begun_before"], [instrument_id, at_ms]).fetchone()
    return at_ms if row is None else int(row[0])


def newest_checkpoint(connection: Connection, instrument_id: int, key: BuildKey, until_ms: int) -> bytes | None:
    """Return the newest stored book at or before ``until_ms`` that this key made."""
    row = connection.execute(
        _SQL["newest_checkpoint"], [instrument_id, key.model_version, key.parameters_hash, until_ms]
    ).fetchone()
    return None if row is None else bytes(row[0])


def newest_checkpoint_ms(connection: Connection, instrument_id: int) -> int | None:
    """Return when the newest stored book closed; None where none is stored."""
    row = connection.execute(_SQL["newest_checkpoint_time"], [instrument_id]).fetchone()
    return None if row is None else row[0]


def begin_build(
    connection: Connection, instrument_id: int, key: BuildKey, parameters: dict[str, Any], after_ms: int
) -> int:
    """Take away what an earlier build made after ``after_ms``, and return the new build's number."""
    connection.execute(_SQL["commit_without_waiting"])
    for name in ("delete_columns", "delete_predictions", "delete_checkpoints"):
        connection.execute(_SQL[name], [instrument_id, after_ms])
    connection.execute(_SQL["save_model"], [key.model_version, key.parameters_hash, Jsonb(parameters)])
    row = connection.execute(_SQL["next_build"]).fetchone()
    assert row is not None  # noqa: S101 - nextval always has its row
    return int(row[0])


def save_columns(connection: Connection, instrument_id: int, build_id: int, columns: GridColumns) -> None:
    """Append grid columns."""
    with connection.cursor() as cursor, cursor.copy(_SQL["copy_grid_column"]) as copy:
        copy.write(HEADER)
        for rows in column_rows(instrument_id, build_id, columns):
            copy.write(rows)
        copy.write(TRAILER)


def save_predictions(
    connection: Connection, instrument_id: int, open_ms: I64, close_ms: I64, predicted_base: F64
) -> None:
    """Append the predicted liquidations (2, T) of bars, base units."""
    fields = [
        integers(instrument_id, len(open_ms)),
        timestamps(open_ms),
        timestamps(close_ms),
        doubles(predicted_base[0]),
        doubles(predicted_base[1]),
    ]
    with connection.cursor() as cursor, cursor.copy(_SQL["copy_predicted_liquidation"]) as copy:
        copy.write(HEADER + b"".join(encode(fields)) + TRAILER)


def save_checkpoint(connection: Connection, instrument_id: int, key: BuildKey, close_ms: int, book: bytes) -> None:
    """Keep the carry state after the bar that closed at ``close_ms``."""
    connection.execute(_SQL["save_checkpoint"], [instrument_id, close_ms, key.model_version, key.parameters_hash, book])
    connection.execute(_SQL["thin_checkpoints"], [instrument_id])


def finish_build(
    connection: Connection, instrument_id: int, record: BuildRecord, change_ms: int, horizons_ms: dict[Interval, int]
) -> None:
    """Record the build, drop what is older than its interval's horizon, and forget changes since ``change_ms``."""
    connection.execute(
        _SQL["save_build"],
        [
            record.build_id,
            instrument_id,
            record.key.model_version,
            record.key.parameters_hash,
            record.key.formula_version,
            record.built_from_ms,
            record.watermark_ms,
            record.bars,
            record.columns,
            record.duration_s,
            Jsonb(record.coverage),
        ],
    )
    for interval, horizon_ms in horizons_ms.items():
        connection.execute(_SQL["delete_old_columns"], [instrument_id, str(interval), record.watermark_ms - horizon_ms])
    connection.execute(_SQL["clear_changes"], [instrument_id, change_ms])
    connection.execute(_SQL["notify_build"], [instrument_id, record.build_id])


def load_realised(connection: Connection, instrument_id: int) -> dict[Interval, LiquidationBarRows]:
    """Return the realised liquidations of every interval that has any, finest first.

    Single ones make hours: those over all of which they were listened to, zero where there were none.
    """
    stored = {row[0] for row in connection.execute(_SQL["liquidation_intervals"], [instrument_id])}
    realised = {}
    for interval in (interval for interval in Interval if str(interval) in stored):
        ts, long, short = _strung(connection, "load_realised", [instrument_id, str(interval)])
        if ts is not None:
            realised[interval] = LiquidationBarRows(decode_timestamps(ts), decode_doubles(long), decode_doubles(short))
    return realised


def load_predicted(connection: Connection, instrument_id: int) -> tuple[I64, I64, F64]:
    """Return open and close times (T,) and the predicted liquidations (2, T) of every replayed bar."""
    opens, closes, long, short = _strung(connection, "load_predicted", [instrument_id])
    predicted = np.stack([decode_doubles(long), decode_doubles(short)])
    return decode_timestamps(opens), decode_timestamps(closes), predicted


def _strung(connection: Connection, query: str, arguments: list[Any]) -> tuple[Any, ...]:
    row = connection.execute(_SQL[query], arguments, binary=True).fetchone()
    assert row is not None  # noqa: S101 - an aggregate always has its row
    return row


def load_scored_until(connection: Connection, instrument_id: int) -> int | None:
    """Return the close of the last bar skill was measured on, epoch ms; None before the first time."""
    row = connection.execute(_SQL["load_scored_until"], [instrument_id]).fetchone()
    return None if row is None else row[0]


def save_scored_until(connection: Connection, instrument_id: int, watermark_ms: int) -> None:
    """Remember that skill was measured up to here, with or without a result."""
    connection.execute(_SQL["save_scored_until"], [instrument_id, watermark_ms])


def delete_skill(connection: Connection, instrument_id: int) -> None:
    """Forget what was measured: it was of columns that are no more, maybe at another interval."""
    connection.execute(_SQL["delete_skill"], [instrument_id])


def save_skill(
    connection: Connection,
    instrument_id: int,
    interval: Interval,
    sides: tuple[float, float],
    bars: tuple[int, int],
    within_ms: tuple[int, int],
    build_id: int,
) -> None:
    """Store the instrument's skill at an interval: correlation and bars of long and short."""
    connection.execute(_SQL["save_skill"], [instrument_id, str(interval), *sides, *bars, *within_ms, build_id])
