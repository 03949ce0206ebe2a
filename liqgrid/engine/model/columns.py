"""Grid columns: which closes give a column of which interval, and the columns out of the book's snapshots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from liqgrid.engine.market.arrays import F64, I64, Bool
from liqgrid.engine.market.bars import over, whole_intervals
from liqgrid.engine.market.errors import OutOfBalance
from liqgrid.engine.market.grid import GridColumns
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.model.inputs import Inputs
from liqgrid.engine.model.replay import Snapshots

_BALANCE = 1e-6  # float32 bins: each is rounded to 6e-8 of itself


@dataclass(frozen=True, slots=True)
class WantedColumns:
    """The K columns to make of one interval, ascending: rows of the inputs where the bar of each begins and ends."""

    interval: Interval
    first: I64
    last: I64


def wanted_columns(inputs: Inputs, after_ms: int, horizons_ms: Mapping[Interval, int]) -> list[WantedColumns]:
    """Return the columns to make: those that close after ``after_ms``, no older than their interval's horizon."""
    series = inputs.series
    newest_ms = int(series.close_ms[-1])
    wanted = []
    for interval in Interval:
        first, last = whole_intervals(series.open_ms, series.close_ms, interval)
        oldest_ms = max(after_ms, newest_ms - horizons_ms.get(interval, newest_ms))
        kept = (series.close_ms[last] > oldest_ms) & (last >= inputs.first)  # (N,)
        wanted.append(WantedColumns(interval, first[kept], last[kept]))
    return wanted


def closes_of(wanted: list[WantedColumns], inputs: Inputs) -> Bool:
    """Return (T,) where a bar of the inputs closes with a wanted column."""
    closes = np.zeros(len(inputs.series), dtype=bool)
    for columns in wanted:
        closes[columns.last] = True
    return closes


def grid_columns(
    snapshots: Snapshots, start: int, wanted: list[WantedColumns], inputs: Inputs
) -> Iterator[GridColumns]:
    """Yield, for each interval, the wanted columns that these snapshots make; ``start`` is the row of their first bar.

    Raises
    ------
    OutOfBalance
        If a side's parts do not add up to its total: an error in liqgrid, which must not reach a reader.
    """
    rows = snapshots.bar + start  # (S,)
    _check_balance(snapshots, inputs.series.close_ms[rows])
    for columns in wanted:
        here = np.isin(columns.last, rows, assume_unique=True)
        if here.any():
            last = columns.last[here]
            yield _columns(columns.interval, columns.first[here], last, snapshots, np.searchsorted(rows, last), inputs)


def _columns(interval: Interval, first: I64, last: I64, snapshots: Snapshots, at: I64, inputs: Inputs) -> GridColumns:
    """Return the columns of bars ``first`` … ``last`` and of the snapshots ``at``, (K,) each."""
    series, replayed = inputs.series, inputs.replay
    kept: dict[str, Any] = {
        field.name: getattr(snapshots, field.name)[:, at] for field in fields(snapshots) if field.name != "bar"
    }

    def lowest(values: F64) -> F64:
        return over(np.minimum, values, first, last)

    def highest(values: F64) -> F64:
        return over(np.maximum, values, first, last)

    return GridColumns(
        interval=interval,
        close_ms=series.close_ms[last],
        price=replayed.mark_close[last],
        open=series.open[first],
        high=highest(series.high),
        low=lowest(series.low),
        close=series.close[last],
        volume_base=over(np.add, series.volume_base, first, last),
        mark_low=lowest(replayed.mark_low),
        mark_high=highest(replayed.mark_high),
        mark=over(np.logical_and, replayed.has_mark, first, last),
        open_interest_base=replayed.open_interest_base[last],
        open_interest_ms=replayed.open_interest_ms[last],
        **kept,
    )


def _check_balance(snapshots: Snapshots, close_ms: I64) -> None:
    """Hold what is stored of both sides to the book's total (I1, I2)."""
    held = snapshots.near_base.sum(axis=2, dtype=np.float64) + snapshots.outside_base + snapshots.unplaced_base
    wrong = ~(np.abs(held - snapshots.total_base) <= _BALANCE * snapshots.total_base)  # (2, S)
    if wrong.any():
        side, s = np.argwhere(wrong)[0]
        raise OutOfBalance(
            f"side {side} of the book at {close_ms[s]} ms held {held[side, s]!r}, its total was "
            f"{snapshots.total_base[side, s]!r}",
            close_ms=int(close_ms[s]),
        )
