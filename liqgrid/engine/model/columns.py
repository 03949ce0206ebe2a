"""Grid columns: which closes give a column of which interval, and the columns out of the book's snapshots."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from liqgrid.engine.market.bars import Bars, aggregate
from liqgrid.engine.market.grid import GridColumn
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.model.inputs import Inputs
from liqgrid.engine.model.replay import BookSnapshot

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
    """Yield the columns of each snapshot, one for every interval that closes with it."""
    for snapshot in snapshots:
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
                    volume_base=float(np.nan_to_num(bars.volume_base[bar])),
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
