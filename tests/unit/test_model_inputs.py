"""What a replay reads: bars, marks and open interest samples put side by side, on a handful of bars."""

from __future__ import annotations

import numpy as np
import pytest

from liqgrid.engine.market.axis import COLUMN_REACH
from liqgrid.engine.market.bars import Bars, BarSeries, finest_series
from liqgrid.engine.market.errors import OutOfBalance
from liqgrid.engine.market.grid import SHARE_BLOCKS, GridColumns
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.rows import OpenInterestRows
from liqgrid.engine.model.book import Book, empty_book
from liqgrid.engine.model.columns import WantedColumns, closes_of, grid_columns, wanted_columns
from liqgrid.engine.model.inputs import Inputs, chunks, replay_inputs
from liqgrid.engine.model.replay import Snapshots

HOUR_MS = 3_600_000


def hours(*opens: int, interval: Interval = Interval.H1, offset: float = 0.0) -> Bars:
    """Bars that open at these hours: prices 100 + hour (+ offset), low 1 below, high 1 above, volume = hour."""
    at = np.array(opens, dtype=np.float64)
    price = 100 + at + offset
    return Bars(interval, (at * HOUR_MS).astype(np.int64), price, price + 1, price - 1, price, at)


def samples(*rows: tuple[float, float]) -> OpenInterestRows:
    """Open interest at these hours."""
    table = np.array(rows, dtype=np.float64).reshape(len(rows), 2)
    return OpenInterestRows((table[:, 0] * HOUR_MS).astype(np.int64), table[:, 1])


def book_closed_at(hour: int, open_interest: float) -> Book:
    book = empty_book(1)
    book.close_ms, book.open_interest_base, book.open_interest_ms = hour * HOUR_MS, open_interest, hour * HOUR_MS
    return book


def series(*opens: int) -> BarSeries:
    return finest_series([hours(*opens)])


def pieces(inputs: Inputs, changes_ms: list[int], wanted: int | None = None) -> list[tuple[int, int]]:
    """The chunks where the state at every ``wanted``-th close is asked for, or at none."""
    rows = np.arange(len(inputs.series))
    return list(chunks(inputs, changes_ms, rows % wanted == 0 if wanted else rows < 0))


def test_a_bar_has_the_newest_open_interest_at_its_close() -> None:
    # Bars close at 2, 3, 4 and 5 o'clock. A sample at the close counts, one a moment after it does not.
    found = replay_inputs(series(1, 2, 3, 4), [], samples((1.5, 10), (3, 20), (4.0001, 30), (4.5, 40)), empty_book(1))
    assert found.replay.open_interest_base.tolist() == [10, 20, 20, 40]
    assert (found.replay.open_interest_ms / HOUR_MS).tolist() == [1.5, 3, 3, 4.5]
    assert (found.first, found.bars_without_open_interest) == (0, 0)


def test_later_samples_never_change_earlier_bars() -> None:
    known = [(1.5, 10.0), (3.0, 20.0)]
    before = replay_inputs(series(1, 2, 3, 4), [], samples(*known), empty_book(1))
    after = replay_inputs(series(1, 2, 3, 4), [], samples(*known, (4.5, 99.0)), empty_book(1))
    assert before.replay.open_interest_base[:3].tolist() == after.replay.open_interest_base[:3].tolist()


def test_bars_before_the_first_sample_are_left_out_and_counted() -> None:
    found = replay_inputs(series(1, 2, 3, 4), [], samples((3.5, 20)), empty_book(1))
    assert (found.first, found.bars_without_open_interest) == (2, 2)
    assert found.replay.open_interest_base[2:].tolist() == [20, 20]


def test_without_any_sample_nothing_is_replayed() -> None:
    found = replay_inputs(series(1, 2), [], samples(), empty_book(1))
    assert (found.first, found.bars_without_open_interest) == (2, 2)
    assert pieces(found, [0]) == []


def test_a_book_goes_on_where_it_closed_with_the_open_interest_it_had() -> None:
    found = replay_inputs(series(1, 2, 3, 4), [], samples((0.5, 7), (4.5, 40)), book_closed_at(3, 7.5))
    assert (found.first, found.bars_without_open_interest) == (2, 0)
    assert found.replay.open_interest_base[2:].tolist() == [7.5, 40]
    assert (found.replay.open_interest_ms[2:] / HOUR_MS).tolist() == [3, 4.5]


def test_a_jump_of_open_interest_counts_when_the_next_sample_confirms_it() -> None:
    # 100 times as much for a moment, then for good; the sample after each jump is held back too if it jumps back.
    rows = samples((0, 10), (2, 1000), (3, 11), (4, 12), (5, 1200), (6, 1100), (7, 1300))
    found = replay_inputs(series(0, 1, 2, 3, 4, 5, 6), [], rows, empty_book(1))
    assert found.replay.open_interest_base.tolist() == [10, 10, 10, 12, 12, 1100, 1300]
    assert (found.replay.open_interest_ms / HOUR_MS).tolist() == [0, 0, 0, 4, 4, 6, 7]
    assert found.samples_held_back == 3


def test_a_jump_is_held_back_alike_where_a_book_goes_on_before_it() -> None:
    rows = samples((0, 10), (2, 1000), (3, 1100), (4, 12), (5, 13))
    whole = replay_inputs(series(0, 1, 2, 3, 4), [], rows, empty_book(1)).replay
    for hour in range(1, 5):
        book = book_closed_at(hour, float(whole.open_interest_base[hour - 1]))
        book.open_interest_ms = int(whole.open_interest_ms[hour - 1])
        found = replay_inputs(series(0, 1, 2, 3, 4), [], rows, book)
        assert found.first == hour
        assert found.replay.open_interest_base[hour:].tolist() == whole.open_interest_base[hour:].tolist()
        assert found.replay.open_interest_ms[hour:].tolist() == whole.open_interest_ms[hour:].tolist()


def test_mark_bars_count_where_one_covers_the_same_time() -> None:
    marks = [hours(2, 3, offset=0.5), hours(4, interval=Interval.H4, offset=9.0)]
    found = replay_inputs(series(1, 2, 3, 4), marks, samples((0, 10)), empty_book(1)).replay
    assert found.has_mark.tolist() == [False, True, True, False]  # at 4 the mark bar is one of four hours
    assert found.mark_close.tolist() == [101, 102.5, 103.5, 104]
    assert found.mark_low.tolist() == [100, 101.5, 102.5, 103]
    assert found.mark_high.tolist() == [102, 103.5, 104.5, 105]
    assert found.low.tolist() == [100, 101, 102, 103]


def test_an_unknown_volume_is_none_and_counted() -> None:
    bars = hours(1, 2, 3)
    bars.volume_base[:2] = np.nan
    found = replay_inputs(finest_series([bars]), [], samples((2.5, 10)), empty_book(1))
    assert found.replay.volume_base.tolist() == [0, 0, 3]
    assert found.first == 1
    assert found.bars_without_volume == 1  # of those replayed


def test_chunks_end_where_rules_change() -> None:
    changes_ms = [int(hour * HOUR_MS) for hour in (0, 3, 4.5, 90)]
    found = replay_inputs(series(1, 2, 3, 4, 5, 6), [], samples((0, 10)), empty_book(1))
    # The set of 3 o'clock is in force from the bar that opens then, that of half past four from the one at 5.
    assert pieces(found, changes_ms) == [(0, 2), (2, 4), (4, 6)]


def test_chunks_are_bounded() -> None:
    opens = range(1, 25_001)
    found = replay_inputs(series(*opens), [], samples((0, 10)), empty_book(1))
    assert pieces(found, [0]) == [(0, 16_384), (16_384, 25_000)]


def test_chunks_are_bounded_in_snapshots() -> None:
    found = replay_inputs(series(*range(1, 5_001)), [], samples((0, 10)), empty_book(1))
    assert pieces(found, [0], wanted=2) == [(0, 2048), (2048, 4096), (4096, 5000)]
    assert pieces(found, [0], wanted=1) == [(0, 1024), (1024, 2048), (2048, 3072), (3072, 4096), (4096, 5000)]


def closes_in_hours(inputs: Inputs, wanted: list[WantedColumns]) -> dict[Interval, list[float]]:
    return {
        columns.interval: (inputs.series.close_ms[columns.last] / HOUR_MS).tolist()
        for columns in wanted
        if len(columns.last)
    }


def test_every_interval_has_a_column_at_its_closes() -> None:
    inputs = replay_inputs(series(*range(1, 10)), [], samples((0, 10)), empty_book(1))
    wanted = wanted_columns(inputs, -1, {})
    # The four hours up to 4 o'clock lack their first.
    assert closes_in_hours(inputs, wanted) == {Interval.H1: list(range(2, 11)), Interval.H4: [8]}
    assert np.flatnonzero(closes_of(wanted, inputs)).tolist() == list(range(9))


def test_columns_older_than_their_horizon_or_before_the_first_bar_are_not_wanted() -> None:
    inputs = replay_inputs(series(*range(10)), [], samples((3.5, 10)), empty_book(1))
    # The newest close is 10 o'clock: hours at 9 and 10. The first bar replayed opens at 3: four hours at 4 and 8.
    wanted = wanted_columns(inputs, -1, {Interval.H1: 2 * HOUR_MS})
    assert closes_in_hours(inputs, wanted) == {Interval.H1: [9, 10], Interval.H4: [4, 8]}


def test_columns_that_a_change_leaves_as_they_are_are_not_wanted() -> None:
    inputs = replay_inputs(series(*range(9)), [], samples((0, 10)), empty_book(1))
    assert closes_in_hours(inputs, wanted_columns(inputs, 6 * HOUR_MS, {})) == {
        Interval.H1: [7, 8, 9],
        Interval.H4: [8],
    }


def snapshots_of(bar: int, short_by: float = 0.0) -> Snapshots:
    """One snapshot: a bin of 1 on both sides, worth 50 and 60, 1 of the longs unplaced, 2 and 3 outside, 4 in all."""
    near = np.zeros((2, 1, COLUMN_REACH), dtype=np.float32)
    near[:, 0, 100] = 1.0
    shares = np.zeros((2, 1, 1, SHARE_BLOCKS), dtype=np.uint8)
    pairs = [(4.0, 4.0), (1.0, 0.0), (50.0, 60.0), (2.0, 3.0 - short_by), (200.0, 300.0), (-0.5, -0.75)]
    return Snapshots(np.array([bar]), near, shares, *(np.array(pair)[:, None] for pair in pairs))


def test_a_column_has_the_bar_of_its_interval_and_the_state_at_its_close() -> None:
    marks = [hours(4, 5, 6, 7, offset=0.5)]
    inputs = replay_inputs(series(*range(9)), marks, samples((0, 10)), empty_book(1))
    hour, four = grid_columns(snapshots_of(7), 0, wanted_columns(inputs, -1, {}), inputs)
    assert (hour.interval, four.interval, len(hour), len(four)) == (Interval.H1, Interval.H4, 1, 1)

    def bar(columns: GridColumns) -> list[float]:
        return [float(getattr(columns, name)[0]) for name in ("open", "high", "low", "close", "volume_base")]

    # The bar from 7 to 8 alone, and those from 4 to 8: 104, 105, 106 and 107, volumes 4 + 5 + 6 + 7.
    assert bar(hour) == [107, 108, 106, 107, 7]
    assert bar(four) == [104, 108, 103, 107, 22]
    assert (hour.mark_low[0], hour.mark_high[0], four.mark_low[0], four.mark_high[0]) == (106.5, 108.5, 103.5, 108.5)
    for columns in (hour, four):
        assert (columns.close_ms.tolist(), columns.price.tolist()) == ([8 * HOUR_MS], [107.5])
        assert (columns.open_interest_base.tolist(), columns.open_interest_ms.tolist()) == ([10.0], [0])
        assert columns.mark.tolist() == [True]
        assert columns.total_base.tolist() == [[4.0], [4.0]]
        assert columns.unplaced_base.tolist() == [[1.0], [0.0]]
        assert columns.near_quote.tolist() == [[50.0], [60.0]]
        assert columns.outside_base.tolist() == [[2.0], [3.0]]
        assert columns.outside_quote.tolist() == [[200.0], [300.0]]
        assert columns.log_kept.tolist() == [[-0.5], [-0.75]]
        assert columns.near_base[:, 0, 100].tolist() == [1.0, 1.0]


def test_a_column_is_by_mark_only_where_all_of_its_interval_is() -> None:
    inputs = replay_inputs(series(*range(9)), [hours(5, 6, 7)], samples((0, 10)), empty_book(1))
    hour, four = grid_columns(snapshots_of(7), 0, wanted_columns(inputs, -1, {}), inputs)
    assert (hour.mark.tolist(), four.mark.tolist()) == ([True], [False])


def test_a_column_out_of_balance_is_refused() -> None:
    inputs = replay_inputs(series(*range(9)), [], samples((0, 10)), empty_book(1))
    with pytest.raises(OutOfBalance, match=r"side 1 .* held .*3\.0.*, its total was .*4\.0"):
        list(grid_columns(snapshots_of(7, short_by=1.0), 0, wanted_columns(inputs, -1, {}), inputs))


@pytest.mark.parametrize("interval", list(Interval))
def test_bars_since_midnight_are_put_together_though_the_replay_begins_later(interval: Interval) -> None:
    inputs = replay_inputs(series(*range(24)), [], samples((0, 10)), book_closed_at(22, 10.0))
    wanted = {columns.interval: columns for columns in wanted_columns(inputs, -1, {})}[interval]
    hours_of = [23, 24] if interval is Interval.H1 else [24] if interval.ms > Interval.H1.ms else []
    assert (inputs.series.close_ms[wanted.last] / HOUR_MS).tolist() == hours_of
    if interval is Interval.D1:
        assert (wanted.first.tolist(), wanted.last.tolist()) == ([0], [23])
