"""Grid columns: which closes give a column of which interval, and the columns out of the book's snapshots."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from liqgrid.engine.market.bars import Bars, aggregate
from liqgrid.engine.market.errors import OutOfBalance
from liqgrid.engine.market.grid import GridColumn
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.model.book import SideColumn
from liqgrid.engine.model.inputs import Inputs
from liqgrid.engine.model.replay import BookSnapshot

_BALANCE = 1e-6  # float32 spans: each bin is rounded to 6e-8 of itself

# The intervals that have a column at one close, each with its bars and the row of the column's own bar.
WantedColumns = Mapping[int, list[tuple[Interval, Bars, int]]]


def wanted_columns(inputs: Inputs, horizons_ms: Mapping[Interval, int]) -> WantedColumns:
    """Return the columns to make, by close time: those of the bars to replay, no older than their horizon."""
    after_ms = int(inputs.series.open_ms[inputs.first])
    newest_ms = int(inputs.series.close_ms[-1])
    wanted: dict[int, list[tuple[Interval, Bars, int]]] = {}
    for interval in Interval:
        bars = aggregate(inputs.series, interval)
        oldest_ms = max(after_ms, newest_ms - horizons_ms.get(interval, newest_ms))
        for row in np.flatnonzero(bars.close_ms > oldest_ms):
            wanted.setdefault(int(bars.close_ms[row]), []).append((interval, bars, int(row)))
    return wanted


def grid_columns(
    snapshots: Iterable[BookSnapshot], wanted: WantedColumns, inputs: Inputs
) -> Iterator[tuple[Interval, GridColumn]]:
    """Yield the columns of each snapshot, one for every interval that closes with it.

    Raises
    ------
    OutOfBalance
        If a side's parts do not add up to its total: an error in liqgrid, which must not reach a reader.
    """
    for snapshot in snapshots:
        for side in (snapshot.long, snapshot.short):
            _check_balance(snapshot, side)
        row = int(np.searchsorted(inputs.series.close_ms, snapshot.close_ms))
        for interval, bars, bar in wanted[snapshot.close_ms]:
            yield (
                interval,
                GridColumn(
                    close_ms=snapshot.close_ms,
                    price=snapshot.price,
                    open=float(bars.open[bar]),
                    high=float(bars.high[bar]),
                    low=float(bars.low[bar]),
                    close=float(bars.close[bar]),
                    volume_base=float(bars.volume_base[bar]),
                    open_interest_base=snapshot.open_interest_base,
                    open_interest_ms=int(inputs.open_interest_ms[row]),
                    mark=bool(inputs.replay.has_mark[row]),
                    total_base=snapshot.total_base,
                    long_unplaced_base=snapshot.long.unplaced_base,
                    short_unplaced_base=snapshot.short.unplaced_base,
                    long=snapshot.long.span,
                    short=snapshot.short.span,
                    long_outside_base=snapshot.long.outside_base,
                    long_outside_quote=snapshot.long.outside_quote,
                    short_outside_base=snapshot.short.outside_base,
                    short_outside_quote=snapshot.short.outside_quote,
                ),
            )


def _check_balance(snapshot: BookSnapshot, side: SideColumn) -> None:
    """Hold what is stored of a side to the book's total (I1, I2)."""
    held = float(side.span.base.sum(dtype=np.float64)) + side.outside_base + side.unplaced_base
    if not abs(held - snapshot.total_base) <= _BALANCE * snapshot.total_base:
        raise OutOfBalance(
            f"a side of the book at {snapshot.close_ms} ms held {held!r}, its total was {snapshot.total_base!r}",
            close_ms=snapshot.close_ms,
        )
