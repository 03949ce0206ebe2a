"""What a replay reads: bars, marks and open interest samples put side by side, on a handful of bars."""

from __future__ import annotations

import numpy as np
import pytest

from liqgrid.engine.market.bars import Bars, BarSeries, finest_series
from liqgrid.engine.market.errors import OutOfBalance
from liqgrid.engine.market.grid import BinSpan
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.rows import OpenInterestRows
from liqgrid.engine.model.book import Book, SideColumn, empty_book
from liqgrid.engine.model.columns import grid_columns, wanted_columns
from liqgrid.engine.model.inputs import chunks, replay_inputs
from liqgrid.engine.model.replay import BookSnapshot

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
    book.close_ms, book.open_interest_base = hour * HOUR_MS, open_interest
    return book


def series(*opens: int) -> BarSeries:
    return finest_series([hours(*opens)])


def test_a_bar_has_the_newest_open_interest_at_its_close() -> None:
    # Bars close at 2, 3, 4 and 5 o'clock. A sample at the close counts, one a moment after it does not.
    found = replay_inputs(series(1, 2, 3, 4), [], samples((1.5, 10), (3, 20), (4.0001, 30), (4.5, 40)), empty_book(1))
    assert found.replay.open_interest_base.tolist() == [10, 20, 20, 40]
    assert (found.open_interest_ms / HOUR_MS).tolist() == [1.5, 3, 3, 4.5]
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
    assert list(chunks(found, [0])) == []


def test_a_book_goes_on_where_it_closed_with_the_open_interest_it_had() -> None:
    found = replay_inputs(series(1, 2, 3, 4), [], samples((0.5, 7), (4.5, 40)), book_closed_at(3, 7.0))
    assert (found.first, found.bars_without_open_interest) == (2, 0)
    assert found.replay.open_interest_base[2:].tolist() == [7, 40]
    assert (found.open_interest_ms[2:] / HOUR_MS).tolist() == [0.5, 4.5]


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
    assert list(chunks(found, changes_ms)) == [(0, 2), (2, 4), (4, 6)]


def test_chunks_are_bounded() -> None:
    opens = range(1, 25_001)
    found = replay_inputs(series(*opens), [], samples((0, 10)), empty_book(1))
    assert list(chunks(found, [0])) == [(0, 10_000), (10_000, 20_000), (20_000, 25_000)]


def test_every_interval_has_a_column_at_its_closes() -> None:
    inputs = replay_inputs(series(*range(1, 10)), [], samples((0, 10)), empty_book(1))
    wanted = wanted_columns(inputs, {})
    by_hour = {ms / HOUR_MS: [interval for interval, _, _ in columns] for ms, columns in wanted.items()}
    # The four hours up to 4 o'clock lack their first.
    assert by_hour == {hour: [Interval.H1, Interval.H4] if hour == 8 else [Interval.H1] for hour in range(2, 11)}


def test_columns_older_than_their_horizon_or_before_the_first_bar_are_not_wanted() -> None:
    inputs = replay_inputs(series(*range(10)), [], samples((3.5, 10)), empty_book(1))
    wanted = wanted_columns(inputs, {Interval.H1: 2 * HOUR_MS})
    # The newest close is 10 o'clock: hours at 9 and 10. The first bar replayed opens at 3: four hours at 4 and 8.
    assert sorted(ms / HOUR_MS for ms in wanted) == [4, 8, 9, 10]


def test_a_column_has_the_bar_of_its_interval_and_the_state_at_its_close() -> None:
    inputs = replay_inputs(series(*range(9)), [], samples((0, 10)), empty_book(1))
    wanted = wanted_columns(inputs, {})
    spans = [BinSpan(k, np.array([1.0], dtype=np.float32)) for k in (9000, 9500)]
    snapshot = BookSnapshot(
        close_ms=8 * HOUR_MS,
        price=107.5,
        open_interest_base=10.0,
        total_base=4.0,
        long=SideColumn(spans[0], 1.0, 2.0, 200.0),
        short=SideColumn(spans[1], 0.0, 3.0, 300.0),
    )
    (one, hour), (two, four) = grid_columns([snapshot], wanted, inputs)
    assert (one, two) == (Interval.H1, Interval.H4)
    # The bar from 7 to 8 alone, and those from 4 to 8: 104, 105, 106 and 107, volumes 4 + 5 + 6 + 7.
    assert (hour.open, hour.high, hour.low, hour.close, hour.volume_base) == (107, 108, 106, 107, 7)
    assert (four.open, four.high, four.low, four.close, four.volume_base) == (104, 108, 103, 107, 22)
    for column in (hour, four):
        assert (column.close_ms, column.price, column.total_base) == (8 * HOUR_MS, 107.5, 4.0)
        assert (column.open_interest_base, column.open_interest_ms, column.mark) == (10.0, 0, False)
        assert (column.long, column.short) == (spans[0], spans[1])
        assert (column.long_unplaced_base, column.short_unplaced_base) == (1.0, 0.0)
        assert (column.long_outside_base, column.long_outside_quote) == (2.0, 200.0)
        assert (column.short_outside_base, column.short_outside_quote) == (3.0, 300.0)


def test_a_column_out_of_balance_is_refused() -> None:
    inputs = replay_inputs(series(*range(9)), [], samples((0, 10)), empty_book(1))
    whole = SideColumn(BinSpan(9000, np.array([1.0], dtype=np.float32)), 1.0, 2.0, 200.0)
    short_of_one = SideColumn(BinSpan(9500, np.array([1.0], dtype=np.float32)), 1.0, 1.0, 200.0)
    snapshot = BookSnapshot(8 * HOUR_MS, 107.5, 10.0, 4.0, whole, short_of_one)
    with pytest.raises(OutOfBalance, match=r"held 3\.0, its total was 4\.0"):
        list(grid_columns([snapshot], wanted_columns(inputs, {}), inputs))


@pytest.mark.parametrize("interval", list(Interval))
def test_bars_since_midnight_are_put_together_though_the_replay_begins_later(interval: Interval) -> None:
    inputs = replay_inputs(series(*range(24)), [], samples((0, 10)), book_closed_at(22, 10.0))
    wanted = wanted_columns(inputs, {})
    found = {which: bars for columns in wanted.values() for which, bars, _ in columns}
    if interval.ms < Interval.H1.ms:
        assert interval not in found
    else:
        assert len(found[interval]) == Interval.D1.ms // interval.ms
    assert sorted(ms / HOUR_MS for ms in wanted) == [23, 24]
