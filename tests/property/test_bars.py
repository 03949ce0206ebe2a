"""Bars put together to coarser intervals, against a loop over every bar."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqgrid.engine.market.bars import Bars, BarSeries, aggregate, finest_series, gaps
from liqgrid.engine.market.interval import Interval

START_MS = 1_718_841_600_000  # 2024-06-20 00:00 UTC, a multiple of every interval
INTERVALS = list(Interval)


@st.composite
def stored_bars(draw: st.DrawFn, interval: Interval, span_ms: int) -> Bars:
    """Bars of one interval somewhere in the span: some missing, some with the highest and lowest prices of all."""
    slots = sorted(draw(st.sets(st.integers(0, span_ms // interval.ms - 1), max_size=30)))
    rows = draw(
        st.lists(
            st.tuples(st.floats(1, 100), st.floats(1, 100), st.floats(0, 10), st.floats(0, 0.9), st.floats(0, 1000)),
            min_size=len(slots),
            max_size=len(slots),
        )
    )
    table = np.array(rows, dtype=np.float64).reshape(len(rows), 5)
    opened, closed = table[:, 0], table[:, 1]
    return Bars(
        interval=interval,
        open_ms=START_MS + np.array(slots, dtype=np.int64) * interval.ms,
        open=opened,
        high=np.maximum(opened, closed) + table[:, 2],
        low=np.minimum(opened, closed) - table[:, 3],
        close=closed,
        volume_base=table[:, 4],
    )


@st.composite
def stored(draw: st.DrawFn, count: int = 3) -> list[Bars]:
    """Bars of up to ``count`` intervals of one instrument, over the same two coarsest spans."""
    intervals = draw(st.lists(st.sampled_from(INTERVALS), max_size=count, unique=True))
    span_ms = 2 * max((interval.ms for interval in intervals), default=0)
    return [draw(stored_bars(interval, span_ms)) for interval in intervals]


def rows_of(bars: Bars | BarSeries) -> list[tuple[int, int, float, float, float, float, float]]:
    return list(
        zip(
            bars.open_ms.tolist(), bars.close_ms.tolist(), bars.open.tolist(), bars.high.tolist(), bars.low.tolist(),
            bars.close.tolist(), bars.volume_base.tolist(), strict=True,
        )
    )  # fmt: skip


@given(stored())
def test_the_finest_bar_of_each_stretch_is_kept(some: list[Bars]) -> None:
    expected: list[tuple[int, int, float, float, float, float, float]] = []
    for bars in sorted(some, key=lambda bars: bars.interval.ms):
        for row in rows_of(bars):
            inside = [finer for finer in expected if row[0] <= finer[0] < row[1]]
            if sum(finer[1] - finer[0] for finer in inside) < bars.interval.ms / 2:
                expected = [finer for finer in expected if finer not in inside] + [row]
    series = finest_series(some)
    assert rows_of(series) == sorted(expected)
    assert (series.open_ms[1:] >= series.close_ms[:-1]).all()  # nothing overlaps


@given(stored(), st.sampled_from(INTERVALS))
def test_coarser_bars_are_made_of_the_bars_in_their_time(some: list[Bars], interval: Interval) -> None:
    series = finest_series(some)
    rows = rows_of(series)
    expected = []
    for open_ms in range(START_MS - Interval.D1.ms, START_MS + 3 * Interval.D1.ms, interval.ms):
        close_ms = open_ms + interval.ms
        inside = [row for row in rows if row[0] >= open_ms and row[1] <= close_ms]
        if not inside or inside[0][0] != open_ms or inside[-1][1] != close_ms:
            continue
        expected.append(
            (
                open_ms, close_ms, inside[0][2], max(row[3] for row in inside), min(row[4] for row in inside),
                inside[-1][5], sum(row[6] for row in inside),
            )
        )  # fmt: skip
    found = aggregate(series, interval)
    assert found.interval is interval
    assert [row[:6] for row in rows_of(found)] == [row[:6] for row in expected]
    assert found.volume_base == pytest.approx([row[6] for row in expected], rel=1e-12)


@given(stored())
def test_gaps_are_where_nothing_is_stored(some: list[Bars]) -> None:
    series = finest_series(some)
    expected = [
        (before, after)
        for before, after in zip(series.close_ms[:-1].tolist(), series.open_ms[1:].tolist(), strict=True)
        if before != after
    ]
    assert gaps(series.open_ms, series.close_ms) == expected


@given(stored(count=1))
def test_an_interval_put_together_to_itself_is_itself(some: list[Bars]) -> None:
    for bars in some:
        assert rows_of(aggregate(finest_series(some), bars.interval)) == rows_of(bars)
