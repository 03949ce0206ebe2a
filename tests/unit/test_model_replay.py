"""The replay, step by step, on markets whose every amount can be worked by hand.

Prices are powers of g = 1.0005 and levels are whole bins away, so that an entry range of two bins gives half to each.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.axis import LOG_GROWTH
from liqgrid.engine.market.bars import ReplayInput
from liqgrid.engine.market.errors import BadData
from liqgrid.engine.model.book import Book, empty_book
from liqgrid.engine.model.levels import LevelTable
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.model.replay import replay
from tests.replay_table import replay_input
from tests.snapshots import side_view

HOUR_MS = 3_600_000
LONG, SHORT = 0, 1


def price(coordinate: float) -> float:
    return math.exp(coordinate * LOG_GROWTH)


def levels(*bins_away: float) -> LevelTable:
    """Classes of equal weight, whose levels lie this many bins from the entry."""
    away: F64 = np.array(bins_away, dtype=np.float64) * LOG_GROWTH
    weight = np.full(len(away), 1 / len(away))
    leverage = np.arange(2, len(away) + 2, dtype=np.float64)
    return LevelTable(leverage, np.arange(len(away)), weight, np.stack([np.exp(-away), np.exp(away)]))


def bars(*rows: dict[str, float]) -> ReplayInput:
    """Bars of an hour from coordinates; by default last and mark range over [0, 2] and close at 1.5."""
    table = []
    for hour, row in enumerate(rows):
        low, high, close = row.get("low", 0.0), row.get("high", 2.0), row.get("close", 1.5)
        open_ms = row.get("at_hour", hour + 1) * HOUR_MS
        prices = (low, high, row.get("mark_low", low), row.get("mark_high", high), close)
        table.append((open_ms, open_ms + HOUR_MS, *map(price, prices), row.get("volume", 0.0), row["interest"], 1.0))
    return replay_input(np.array(table, dtype=np.float64).reshape(len(rows), 10))


def run(market: ReplayInput, table: LevelTable, chosen: ModelParameters | None = None) -> Book:
    return replay(empty_book(len(table.leverage)), market, table, chosen or ModelParameters()).book


def cells(book: Book, side: int) -> dict[int, float]:
    """Base amount by bin, what rounding left out."""
    whole = book.base[side].sum(axis=0)
    return {book.first_bin + int(w): float(whole[w]) for w in np.flatnonzero(whole > 1e-9)}


def test_three_bars() -> None:
    market = bars(
        {"interest": 100},
        {"interest": 100, "volume": 200 * math.log(2)},
        {"interest": 90, "mark_low": -98.5},
    )
    table = levels(100)

    # Bar 0 begins the history: 100 of open interest whose entries nobody knows.
    book = run(market.rows(0, 1), table)
    assert book.unplaced_base.tolist() == book.total_base.tolist() == book.opened_base.tolist() == [100, 100]
    assert cells(book, LONG) == cells(book, SHORT) == {}

    # Bar 1: exp(−200 ln 2 / (2 × 100)) = 1/2 stays, so 50 is closed and 50 opens at entries over bins 0 and 1.
    # Longs have their levels 100 bins below: 25 in −100 and 25 in −99; shorts 25 in 100 and 25 in 101.
    book = run(market.rows(0, 2), table)
    assert cells(book, LONG) == pytest.approx({-100: 25, -99: 25})
    assert cells(book, SHORT) == pytest.approx({100: 25, 101: 25})
    assert book.unplaced_base == pytest.approx([50, 50])

    # Bar 2: the mark's low is in bin −99, so the 25 longs there are liquidated. Of longs 75 rest and 15 open, 7.5 each.
    # Of shorts 100 rest, more than 90: everything shrinks to 9/10.
    result = replay(empty_book(1), market, table, ModelParameters())
    assert result.predicted_base == pytest.approx(np.array([[0, 0, 25], [0, 0, 0]]))
    assert cells(result.book, LONG) == pytest.approx({-100: 32.5, -99: 7.5})
    assert cells(result.book, SHORT) == pytest.approx({100: 22.5, 101: 22.5})
    assert result.book.unplaced_base == pytest.approx([50, 45])
    assert result.book.total_base.tolist() == [90, 90]

    # Ledger: longs 100 + 50 + 15 = 90 + 25 + 50; shorts 100 + 50 = 90 + 0 + (50 + 10).
    assert result.book.opened_base == pytest.approx([165, 150])
    assert result.book.liquidated_base == pytest.approx([25, 0])
    assert result.book.closed_base == pytest.approx([50, 60])


def test_a_level_the_mark_only_just_reached_is_liquidated() -> None:
    opened: list[dict[str, float]] = [{"interest": 100}, {"interest": 200}]
    # 100 opens: shorts 50 in bins 100 and 101. A mark high in bin 100, even at its start, liquidates that bin.
    for mark_high, liquidated in ((99.999, 0), (100.0, 50), (100.5, 50), (101.0, 100), (150.0, 100)):
        market = bars(*opened, {"interest": 200, "mark_high": mark_high})
        result = replay(empty_book(1), market, levels(100), ModelParameters())
        assert result.predicted_base[SHORT, 2] == pytest.approx(liquidated), mark_high
        assert result.predicted_base[LONG, 2] == 0


def test_levels_the_close_has_passed_get_nothing_and_the_rest_takes_their_part() -> None:
    # Entries over [0, 4], two classes 1 and 100 bins away, an eighth of what opens in each bin of each class.
    # Long levels: −1, 0, 1, 2 and −100 … −97. The close is in bin 2, so bin 2 gets nothing; 70 go to 7 bins, 10 each.
    market = bars({"interest": 30}, {"interest": 100, "high": 4, "close": 2.5})
    book = run(market, levels(1, 100))
    assert cells(book, LONG) == pytest.approx(dict.fromkeys((-100, -99, -98, -97, -1, 0, 1), 10))
    # Short levels: 1, 2, 3, 4 and 100 … 103. Bins 1 and 2 get nothing; 70 go to 6 bins.
    assert cells(book, SHORT) == pytest.approx(dict.fromkeys((3, 4, 100, 101, 102, 103), 70 / 6))
    assert book.unplaced_base.tolist() == [30, 30]


def test_what_finds_no_level_is_unplaced() -> None:
    # The mark closed at −5.5, below every long level (−1 … 0): nothing of the longs can be placed.
    market = bars({"interest": 30}, {"interest": 100, "close": -5.5})
    book = run(market, levels(1))
    assert cells(book, LONG) == {}
    assert cells(book, SHORT) == pytest.approx({1: 35, 2: 35})
    assert book.unplaced_base.tolist() == [100, 30]
    assert book.opened_base.tolist() == [100, 100]


def test_a_flat_bar_opens_in_one_bin() -> None:
    market = bars({"interest": 10}, {"interest": 50, "low": 7.25, "high": 7.25, "close": 7.25})
    book = run(market, levels(20))
    assert cells(book, LONG) == pytest.approx({-13: 40})
    assert cells(book, SHORT) == pytest.approx({27: 40})


def test_an_entry_range_that_parts_a_bin() -> None:
    # Entries over [0.5, 2.5]: a quarter in bins 0 and 2, half in bin 1; shifted by 10 bins.
    market = bars({"interest": 10}, {"interest": 50, "low": 0.5, "high": 2.5, "close": 1.5})
    assert cells(run(market, levels(10)), LONG) == pytest.approx({-10: 10, -9: 20, -8: 10})


@pytest.mark.parametrize(("hours", "forgotten"), [(0, False), (1, False), (24, False), (24.001, True), (100, True)])
def test_a_gap_of_more_than_a_day_forgets_the_entries(hours: float, forgotten: bool) -> None:
    market = bars({"interest": 100}, {"interest": 200}, {"interest": 200, "at_hour": 3 + hours})
    book = run(market, levels(100))
    assert cells(book, LONG) == ({} if forgotten else pytest.approx({-100: 50, -99: 50}))
    assert book.unplaced_base.tolist() == ([200, 200] if forgotten else [100, 100])
    assert book.liquidated_base.tolist() == [0, 0]


def test_after_a_gap_nothing_is_liquidated() -> None:
    market = bars({"interest": 100}, {"interest": 200}, {"interest": 200, "at_hour": 99, "mark_low": -500})
    assert run(market, levels(100)).liquidated_base.tolist() == [0, 0]


def test_the_modelled_share_is_the_part_of_open_interest_in_the_book() -> None:
    market = bars({"interest": 100}, {"interest": 200}, {"interest": 50})
    shares = [run(market.rows(0, t), levels(100), ModelParameters(modelled_share=0.25)).total_base for t in (1, 2, 3)]
    assert [share.tolist() for share in shares] == [[25, 25], [50, 50], [12.5, 12.5]]


def test_turnover_counts_by_its_fraction() -> None:
    # exp(−0.5 × 400 ln 2 / 200) = 1/2
    market = bars({"interest": 100}, {"interest": 100, "volume": 400 * math.log(2)})
    book = run(market, levels(100), ModelParameters(turnover_fraction=0.5))
    assert book.closed_base == pytest.approx([50, 50])
    assert run(market, levels(100), ModelParameters(turnover_fraction=0)).closed_base.tolist() == [0, 0]


def test_twelve_bars_close_what_one_bar_of_their_volume_closes() -> None:
    one = bars({"interest": 100}, {"interest": 100, "volume": 90.0})
    twelve = bars({"interest": 100}, *({"interest": 100, "volume": 7.5} for _ in range(12)))
    assert run(twelve, levels(500)).unplaced_base == pytest.approx(run(one, levels(500)).unplaced_base, rel=1e-12)


def test_snapshots_are_taken_at_the_closes_asked_for() -> None:
    market = bars({"interest": 100}, {"interest": 200}, {"interest": 200})
    kept = replay(empty_book(1), market, levels(100), ModelParameters(), np.array([False, True, False])).snapshots
    assert kept.bar.tolist() == [1]
    assert kept.near_base.dtype == np.float32
    long, short = (side_view(kept, 0, side, price(1.5)) for side in (LONG, SHORT))
    assert (long.total_base, short.total_base) == (200, 200)
    assert (long.first_bin, short.first_bin) == (-100, 100)
    assert long.base[:2] == pytest.approx([50, 50])
    assert (long.outside_base, long.outside_quote) == (0, 0)


def test_log_kept_is_the_logarithm_of_what_closing_left() -> None:
    # Bar 1: half is closed by volume. Bar 2: nothing by volume, but open interest falls to 60 %. Bar 4: after a gap.
    market = bars(
        {"interest": 100},
        {"interest": 100, "volume": 200 * math.log(2)},
        {"interest": 60},
        {"interest": 60, "at_hour": 99},
    )
    kept = replay(empty_book(1), market, levels(100), ModelParameters(), np.ones(4, dtype=bool)).snapshots.log_kept
    assert np.exp(kept[:, :3]) == pytest.approx(np.tile([1, 0.5, 0.3], (2, 1)))
    assert np.exp(kept[:, 3] - kept[:, 2]).tolist() == [0, 0]


def test_the_given_book_stays_as_it_was() -> None:
    market = bars({"interest": 100}, {"interest": 200}, {"interest": 150, "mark_low": -200})
    before = run(market.rows(0, 2), levels(100))
    kept = before.copy()
    replay(before, market.rows(2, 3), levels(100), ModelParameters())
    assert cells(before, LONG) == cells(kept, LONG)
    assert before.total_base.tolist() == kept.total_base.tolist()
    assert before.liquidated_base.tolist() == [0, 0]


def test_no_bars_change_nothing() -> None:
    market = bars({"interest": 100}, {"interest": 200})
    book = run(market, levels(100))
    result = replay(book, market.rows(0, 0), levels(100), ModelParameters())
    assert result.predicted_base.shape == (2, 0)
    assert cells(result.book, LONG) == cells(book, LONG)


def test_bars_that_begin_before_the_book_closed_are_refused() -> None:
    market = bars({"interest": 100}, {"interest": 200})
    book = run(market, levels(100))
    with pytest.raises(BadData, match="before the book's close"):
        replay(book, market.rows(1, 2), levels(100), ModelParameters())


def test_a_price_off_the_axis_is_refused() -> None:
    market = bars({"interest": 100}, {"interest": 100, "low": -50_000.0})
    with pytest.raises(BadData, match="it must be within"):
        run(market, levels(100))
