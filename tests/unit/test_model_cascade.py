"""Cascades of a hand-worked book: 20 bins from 1000, the price at the lower edge of bin 1010."""

from __future__ import annotations

import math

import numpy as np
import pytest

from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.axis import LOG_GROWTH, bins_of, mid_prices
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.model.cascade import Cascade, run_cascade
from liqgrid.engine.model.impact import Impact, MarketDay, VenueBars, measure_day

FIRST_BIN, WIDTH = 1000, 20
LONGS = {1009: 4.0, 1007: 12.0, 1006: 9.0, 1003: 50.0}
SHORTS = {1011: 5.0, 1013: 7.0}
# Daily volatility of one bin and a volume of 4: a notional Q moves the price by sqrt(Q / 4) bins.
SQUARE_ROOT = Impact(1.0, MarketDay(LOG_GROWTH, 4.0, 24))


def at(coordinate: float) -> float:
    """The price at a coordinate: 1008.7 lies in bin 1008."""
    return math.exp(coordinate * LOG_GROWTH)


def book(longs: dict[int, float] = LONGS, shorts: dict[int, float] = SHORTS) -> F64:
    base = np.zeros((2, WIDTH))
    for row, notional in enumerate((longs, shorts)):
        for k, amount in notional.items():
            base[row, k - FIRST_BIN] = amount / mid_prices(k, 1)[0]
    return base


def travel(*coordinates: float, impact: Impact | None = None) -> Cascade:
    return run_cascade(FIRST_BIN, book(), at(1010), [at(one) for one in coordinates], impact)


def ends(cascade: Cascade) -> list[float]:
    return [math.log(price) / LOG_GROWTH for price in cascade.legs.end]


def test_a_fall_liquidates_the_longs_it_enters_nearest_first() -> None:
    done = travel(1006.2)
    assert bins_of(done.steps.price).tolist() == [1009, 1007, 1006]
    assert done.steps.side_row.tolist() == [0, 0, 0]
    assert done.steps.notional_quote == pytest.approx([4, 12, 9])
    assert done.notional_quote == pytest.approx([25, 0])
    assert done.base == pytest.approx([float((book()[0])[6:].sum()), 0])
    assert done.placed_quote == pytest.approx([75, 12])
    assert (done.end_price, done.triggered_quote) == (at(1006.2), 0)


def test_a_rise_liquidates_the_shorts() -> None:
    done = travel(1012.5)
    assert bins_of(done.steps.price).tolist() == [1011]
    assert done.notional_quote == pytest.approx([0, 5])


@pytest.mark.parametrize(("coordinate", "longs"), [(1008.0, 4), (1007.99, 16), (1007.0, 16), (1000.0, 75)])
def test_a_bin_is_liquidated_when_the_price_is_in_it(coordinate: float, longs: float) -> None:
    assert travel(coordinate).notional_quote[0] == pytest.approx(longs)


def test_impact_goes_on_until_no_bin_more_is_reached() -> None:
    # Aimed at 1008.7: 4 of bin 1009, sqrt(4/4) = 1 bin on to 1007.7; the 12 of 1007 make 16, 2 bins on to 1006.7; the 9
    # of 1006 make 25, 2.5 bins on to 1006.2, still in bin 1006: the end. 50 in bin 1003 would have gone on for ever.
    done = travel(1008.7, impact=SQUARE_ROOT)
    assert ends(done) == pytest.approx([1006.2], abs=1e-8)
    assert done.notional_quote == pytest.approx([25, 0])
    assert done.triggered_quote == pytest.approx(21)
    assert done.legs.overshoot_quote == pytest.approx([21])
    assert done.legs.at_column_end.tolist() == [0]


def test_impact_starts_with_something_liquidated() -> None:
    done = travel(1010.9, impact=SQUARE_ROOT)
    assert ends(done) == pytest.approx([1010.9], abs=1e-8)
    assert done.notional_quote.tolist() == [0, 0]


def test_a_path_goes_on_where_the_leg_before_ended() -> None:
    # Down as above; up to 1013.2: 5 + 7 = 12 of shorts, sqrt(12/4) = 1.732 bins on; down to 1005.5: what was there is
    # gone, and nothing pushes.
    done = travel(1008.7, 1013.2, 1005.5, impact=SQUARE_ROOT)
    assert ends(done) == pytest.approx([1006.2, 1013.2 + math.sqrt(3), 1005.5], abs=1e-8)
    assert done.legs.start.tolist() == [at(1010), *done.legs.end[:-1].tolist()]
    assert done.legs.side_row.tolist() == [0, 1, 0]
    assert done.legs.notional_quote == pytest.approx([25, 12, 0])
    assert done.steps.leg.tolist() == [0, 0, 0, 1, 1]
    # Without impact the same path falls to 1005.5 as well: all that impact did was done anyway.
    assert done.triggered_quote == 0


def test_legs_of_one_direction_push_together() -> None:
    # 25 in all: the second target, which the first leg has passed, is moved on 2.5 bins.
    assert ends(travel(1008.7, 1006.9, impact=SQUARE_ROOT)) == pytest.approx([1006.2, 1004.4], abs=1e-8)
    assert ends(travel(1006.9, impact=SQUARE_ROOT)) == pytest.approx([1004.4], abs=1e-8)


def test_a_leg_to_where_the_last_one_aimed_does_not_move() -> None:
    done = travel(1010, 1008.7, 1008.7, impact=SQUARE_ROOT)
    assert done.legs.side_row.tolist() == [-1, 0, -1]
    assert ends(done) == pytest.approx([1010, 1006.2, 1006.2], abs=1e-8)
    assert done.legs.notional_quote == pytest.approx([0, 25, 0])


@pytest.mark.parametrize(("first", "factor", "row"), [(1008.7, 0.5, 0), (1012.2, 2.0, 1)])
def test_impact_ends_where_columns_do(first: float, factor: float, row: int) -> None:
    violent = Impact(10.0, MarketDay(1.0, 1e-9, 24))
    done = travel(first, impact=violent)
    assert done.end_price == pytest.approx(at(1010) * factor)
    assert done.legs.at_column_end.tolist() == [1]
    assert done.notional_quote[row] == pytest.approx(done.placed_quote[row])
    beyond = run_cascade(FIRST_BIN, book(), at(1010), [at(1010) * factor**2], violent)
    assert beyond.end_price == at(1010) * factor**2, "a target beyond the column is kept"


@pytest.mark.parametrize(("price", "target", "end"), [(1.5e-9, 1.4e-9, 1e-9), (0.9e9, 0.95e9, 1e9)])
def test_impact_ends_with_the_price_axis(price: float, target: float, end: float) -> None:
    first_bin = int(bins_of(np.array(price))) - 200
    violent = Impact(10.0, MarketDay(1.0, 1e-12, 24))
    done = run_cascade(first_bin, np.ones((2, 400)), price, [target], violent)
    assert done.end_price == end


def test_a_level_of_another_venue_that_the_price_has_passed_is_the_first() -> None:
    base = book(longs={1012: 3.0, 1009: 4.0})
    done = run_cascade(FIRST_BIN, base, at(1010), [at(1009.5)], None)
    assert bins_of(done.steps.price).tolist() == [1012, 1009]
    assert run_cascade(FIRST_BIN, base, at(1010), [at(1010.5)], None).notional_quote.tolist() == [0, 0]


@pytest.mark.parametrize("width", [0, 5])
def test_an_empty_book_gives_nothing(width: int) -> None:
    done = run_cascade(FIRST_BIN, np.zeros((2, width)), at(1010), [at(900), at(1100)], SQUARE_ROOT)
    assert len(done.steps.leg) == 0
    assert done.notional_quote.tolist() == done.placed_quote.tolist() == [0, 0]
    assert done.end_price == at(1100)


def bars(count: int, volume_base: float, move: float = 0.01) -> VenueBars:
    """Bars that rise and fall by turns by ``move`` in log price, around 100."""
    opens = np.full(count, 100.0)
    signs = np.where(np.arange(count) % 2, -1.0, 1.0)
    return VenueBars(opens, opens * np.exp(move * signs), np.full(count, volume_base))


def test_a_day_is_measured_over_24_hours() -> None:
    # 24 squares of 0.01 are 0.0024 a day; 24 × 2 traded at 101.005 and 99.005 by turns.
    day = measure_day(Interval.H1, [bars(24, 2.0)])
    assert day is not None
    assert day.volatility == pytest.approx(math.sqrt(0.0024))
    assert day.volume_quote == pytest.approx(24 * (math.exp(0.01) + math.exp(-0.01)) * 100)
    assert day.bars == 24


def test_a_part_of_the_window_is_brought_to_a_day() -> None:
    whole, half = measure_day(Interval.H1, [bars(24, 2.0)]), measure_day(Interval.H1, [bars(12, 2.0)])
    assert whole is not None
    assert half is not None
    assert (half.volatility, half.volume_quote) == pytest.approx((whole.volatility, whole.volume_quote))
    assert half.bars == 12
    # 24 days of 1d bars: a bar is a day.
    daily = measure_day(Interval.D1, [bars(24, 2.0)])
    assert daily is not None
    assert daily.volatility == pytest.approx(0.01)
    assert daily.volume_quote == pytest.approx(whole.volume_quote / 24)


def test_venues_add_their_volume_and_the_first_gives_volatility() -> None:
    day = measure_day(Interval.H1, [bars(24, 2.0), bars(20, 1.0, move=0.0)])
    assert day is not None
    assert day.volatility == pytest.approx(math.sqrt(0.0024))
    assert day.volume_quote == pytest.approx(24 * (math.exp(0.01) + math.exp(-0.01)) * 100 + 24 * 100)
    assert day.bars == 20


def test_bars_of_unknown_volume_do_not_count() -> None:
    some = bars(24, 2.0)
    some.volume_base[::4] = np.nan
    some.close[::4] *= 2  # which would be a wild day
    day = measure_day(Interval.H1, [some])
    assert day is not None
    assert day.bars == 18
    assert day.volatility == pytest.approx(math.sqrt(0.0024))
    # Of four bars a rise and two falls are known.
    assert day.volume_quote == pytest.approx(24 * 2 * 100 * (math.exp(0.01) + 2 * math.exp(-0.01)) / 3)


def test_too_few_bars_unknown_volume_or_none_is_not_measured() -> None:
    unknown = bars(24, 2.0)
    unknown.volume_base[:13] = np.nan
    assert measure_day(Interval.H1, [bars(11, 2.0)]) is None
    assert measure_day(Interval.H1, [bars(24, 2.0), bars(11, 2.0)]) is None
    assert measure_day(Interval.H1, [unknown]) is None
    assert measure_day(Interval.H1, [bars(24, 0.0)]) is None
