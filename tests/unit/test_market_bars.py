"""Bars: their close, their rows, and bars of several intervals put together, on a handful of bars."""

from __future__ import annotations

import numpy as np

from liqgrid.engine.market.bars import Bars, ReplayInput, aggregate, finest_series, gaps
from liqgrid.engine.market.interval import Interval

MINUTE_MS = 60_000


def bars(interval: Interval, *rows: tuple[int, float, float, float, float, float]) -> Bars:
    """Rows of (open in minutes, open, high, low, close, volume)."""
    columns = np.array(rows, dtype=np.float64).reshape(len(rows), 6).T
    return Bars(interval, (columns[0] * MINUTE_MS).astype(np.int64), *columns[1:])


def test_a_bar_closes_one_interval_after_it_opened() -> None:
    assert bars(Interval.M5, (0, 1, 1, 1, 1, 0), (10, 1, 1, 1, 1, 0)).close_ms.tolist() == [300_000, 900_000]


def test_five_minutes_make_one_bar() -> None:
    minutes = bars(
        Interval.M1,
        (0, 10, 12, 9, 11, 1),
        (1, 11, 15, 11, 14, 2),
        (2, 14, 14, 8, 9, 3),
        (3, 9, 10, 9, 10, 4),
        (4, 10, 11, 10, 10.5, 5),
    )
    found = aggregate(finest_series([minutes]), Interval.M5)
    # open of the first, highest high, lowest low, close of the last, 1 + 2 + 3 + 4 + 5
    assert (found.open_ms.tolist(), found.open.tolist(), found.high.tolist()) == ([0], [10], [15])
    assert (found.low.tolist(), found.close.tolist(), found.volume_base.tolist()) == ([8], [10.5], [15])


def test_a_bar_without_its_beginning_or_end_is_left_out_and_one_with_a_hole_is_not() -> None:
    minutes = bars(
        Interval.M1, (0, 1, 1, 1, 1, 1), (4, 2, 2, 2, 2, 1), (5, 3, 3, 3, 3, 1), (8, 4, 4, 4, 4, 1), (14, 5, 5, 5, 5, 1)
    )
    found = aggregate(finest_series([minutes]), Interval.M5)
    assert found.open_ms.tolist() == [
        0
    ]  # that of 5 minutes has no bar that ends at 10, that of 10 none that begins there
    assert found.open.tolist() == [1]
    assert found.volume_base.tolist() == [2]


def test_an_unknown_volume_makes_the_sum_unknown() -> None:
    minutes = bars(Interval.M1, *((minute, 1, 1, 1, 1, 1) for minute in range(10)))
    minutes.volume_base[3] = np.nan
    volume = aggregate(finest_series([minutes]), Interval.M5).volume_base
    assert np.isnan(volume[0])
    assert volume[1] == 5


def test_a_coarser_bar_counts_where_finer_ones_cover_less_than_half() -> None:
    minutes = bars(Interval.M1, (3, 1, 1, 1, 1, 1))  # one minute of five: left out
    fives = bars(Interval.M5, (0, 2, 2, 2, 2, 2), (5, 3, 3, 3, 3, 3))
    quarters = bars(Interval.M15, (0, 4, 4, 4, 4, 4), (15, 5, 5, 5, 5, 5))
    series = finest_series([quarters, minutes, fives])
    # Two fives are ten minutes of the first quarter: that quarter is left out.
    assert series.open_ms.tolist() == [0, 5 * MINUTE_MS, 15 * MINUTE_MS]
    assert series.close_ms.tolist() == [5 * MINUTE_MS, 10 * MINUTE_MS, 30 * MINUTE_MS]
    assert series.close.tolist() == [2, 3, 5]
    assert gaps(series.open_ms, series.close_ms) == [(10 * MINUTE_MS, 15 * MINUTE_MS)]


def test_half_of_the_time_is_enough_for_the_finer_bars() -> None:
    quarters = bars(Interval.M15, (0, 1, 1, 1, 1, 1), (15, 1, 1, 1, 1, 1))
    hour = bars(Interval.H1, (0, 9, 9, 9, 9, 9))
    assert finest_series([hour, quarters]).open_ms.tolist() == [0, 15 * MINUTE_MS]


def test_bars_coarser_than_the_interval_give_none() -> None:
    hours = bars(Interval.H1, (0, 1, 1, 1, 1, 1), (60, 1, 1, 1, 1, 1))
    assert len(aggregate(finest_series([hours]), Interval.M15)) == 0
    assert len(aggregate(finest_series([hours]), Interval.H4)) == 0  # nothing ends at 04:00


def test_no_bars_give_no_bars() -> None:
    series = finest_series([])
    assert len(series) == 0
    assert len(aggregate(series, Interval.H1)) == 0
    assert gaps(series.open_ms, series.close_ms) == []


def test_rows_of_a_replay_input() -> None:
    times, prices = np.arange(5, dtype=np.int64), np.arange(5, dtype=np.float64)
    whole = ReplayInput(
        open_ms=times,
        close_ms=times + 1,
        low=prices,
        high=prices + 1,
        mark_low=prices + 2,
        mark_high=prices + 3,
        mark_close=prices + 4,
        volume_base=prices + 5,
        open_interest_base=prices + 6,
        open_interest_ms=times + 1,
        has_mark=np.array([True, False, True, False, True]),
    )
    part = whole.rows(1, 3)
    assert len(whole) == 5
    assert len(part) == 2
    assert part.open_ms.tolist() == [1, 2]
    assert part.open_interest_base.tolist() == [7.0, 8.0]
    assert part.has_mark.tolist() == [False, True]
