"""What holds for every cascade and every stop zone, on books that Hypothesis makes up."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.axis import GROWTH, LOG_GROWTH, bin_of, edges, mid_prices
from liqgrid.engine.market.instrument import SIDES, Side
from liqgrid.engine.model.cascade import Cascade, run_cascade
from liqgrid.engine.model.clusters import SMOOTHING_BINS, Cluster, locate_clusters, smoothed
from liqgrid.engine.model.impact import Impact, MarketDay
from liqgrid.engine.model.stops import CLEAR_FRACTION, StopZone, locate_stop_zones

REACH = 120  # bins on each side of the price


@dataclass(frozen=True)
class Made:
    """A book: longs below the price, shorts above, (2, 2 × REACH + 1) base units."""

    first_bin: int
    base: F64
    price: float

    def target(self, bins: float) -> float:
        """A price this many bins from the price."""
        return float(self.price * math.exp(bins * LOG_GROWTH))

    def moved(self, bins: int) -> Made:
        return replace(self, first_bin=self.first_bin + bins, price=self.price * math.exp(bins * LOG_GROWTH))

    @property
    def notional(self) -> F64:
        return self.base * mid_prices(self.first_bin, self.base.shape[1])


def side_of(pieces: list[tuple[int, int]]) -> F64:
    """Pieces of (bins, amount in each) one after the other, cut or filled up with nothing to REACH bins."""
    made = np.zeros(REACH)
    amounts = np.repeat([float(amount) for _, amount in pieces], [bins for bins, _ in pieces])[:REACH]
    made[: len(amounts)] = amounts
    return made


@st.composite
def books(draw: st.DrawFn) -> Made:
    pieces = st.lists(st.tuples(st.integers(1, 20), st.integers(0, 9)), max_size=20)
    scale = draw(st.sampled_from([1e-3, 1.0, 1e4]))
    base = np.zeros((2, 2 * REACH + 1))
    base[0, :REACH] = side_of(draw(pieces))[::-1] * scale
    base[1, REACH + 1 :] = side_of(draw(pieces)) * scale
    first_bin = draw(st.integers(-3_000, 24_000))
    inside = draw(st.floats(0.1, 0.9))
    return Made(first_bin, base, math.exp((first_bin + REACH + inside) * LOG_GROWTH))


moves = st.floats(-1.5 * REACH, 1.5 * REACH).filter(lambda bins: abs(bins) > 1e-3)
coefficients = st.floats(0.0, 10.0)
days = st.builds(MarketDay, st.floats(0.0, 0.2), st.floats(1.0, 1e9), st.just(24))


def run(book: Made, *bins: float, impact: Impact | None = None) -> Cascade:
    return run_cascade(book.first_bin, book.base, book.price, [book.target(one) for one in bins], impact)


def passed(book: Made, side: Side, bins: float) -> float:
    """The plain sum over the bins a travel enters."""
    last = bin_of(book.target(bins)) - book.first_bin
    notional = book.notional[side.row]
    return float(notional[max(last, 0) :].sum() if side is Side.LONG else notional[: max(last + 1, 0)].sum())


@given(books(), moves)
def test_without_impact_a_cascade_is_the_sum_over_what_is_passed(book: Made, bins: float) -> None:
    done = run(book, bins)
    side = Side.LONG if bins < 0 else Side.SHORT
    assert done.notional_quote[side.row] == pytest.approx(passed(book, side, bins), rel=1e-9)
    assert done.notional_quote[1 - side.row] == 0
    assert set(done.steps.side_row.tolist()) <= {side.row}
    assert done.end_price == book.target(bins)
    nought = run(book, bins, impact=Impact(0.0, MarketDay(0.05, 1.0, 24)))
    assert nought.end_price == done.end_price
    assert nought.notional_quote.tolist() == done.notional_quote.tolist()
    assert nought.triggered_quote == 0


@given(books(), st.lists(moves, min_size=1, max_size=6), coefficients, days)
def test_steps_legs_and_totals_agree(book: Made, path: list[float], coefficient: float, day: MarketDay) -> None:
    done = run(book, *path, impact=Impact(coefficient, day))
    placed = book.notional.sum(axis=1)
    for side in SIDES:
        steps, legs = done.steps.side_row == side.row, done.legs.side_row == side.row
        assert done.steps.notional_quote[steps].sum() == pytest.approx(done.notional_quote[side.row], rel=1e-9)
        assert done.legs.notional_quote[legs].sum() == pytest.approx(done.notional_quote[side.row], rel=1e-9, abs=1e-9)
        assert done.steps.base[steps].sum() == pytest.approx(done.base[side.row], rel=1e-9)
        assert done.notional_quote[side.row] <= done.placed_quote[side.row]
        assert done.placed_quote[side.row] == pytest.approx(placed[side.row], rel=1e-9)
        prices = done.steps.price[steps]
        assert (np.diff(prices) < 0).all() if side is Side.LONG else (np.diff(prices) > 0).all(), "each bin once"
    assert (done.steps.notional_quote > 0).all()
    assert (np.diff(done.steps.leg) >= 0).all()
    assert done.legs.start.tolist() == [book.price, *done.legs.end[:-1].tolist()]
    assert done.end_price == done.legs.end[-1]
    down = done.legs.side_row == Side.LONG.row
    up = done.legs.side_row == Side.SHORT.row
    assert (done.legs.end[down] <= done.legs.target[down]).all()
    assert (done.legs.end[up] >= done.legs.target[up]).all()
    assert (done.legs.overshoot_quote <= done.legs.notional_quote).all()
    assert done.triggered_quote >= 0
    plain = run(book, *path)
    more = done.notional_quote.sum() - plain.notional_quote.sum()
    assert done.triggered_quote == pytest.approx(more, rel=1e-6, abs=1e-9 * placed.sum())


@given(books(), st.lists(moves, min_size=2, max_size=5), coefficients, days)
def test_a_travel_in_one_direction_is_the_same_in_pieces(
    book: Made, path: list[float], coefficient: float, day: MarketDay
) -> None:
    for one_way in (sorted(-abs(bins) for bins in path)[::-1], sorted(abs(bins) for bins in path)):
        for impact in (None, Impact(coefficient, day)):
            pieces, whole = run(book, *one_way, impact=impact), run(book, one_way[-1], impact=impact)
            assert pieces.end_price == whole.end_price
            assert pieces.notional_quote.tolist() == whole.notional_quote.tolist()
            assert pieces.steps.price.tolist() == whole.steps.price.tolist()
            assert pieces.triggered_quote == whole.triggered_quote


@given(books(), moves, st.floats(0.0, 60.0), coefficients, st.floats(0.0, 5.0), days)
def test_further_and_harder_liquidates_no_less(
    book: Made, bins: float, further: float, coefficient: float, harder: float, day: MarketDay
) -> None:
    base = run(book, bins, impact=Impact(coefficient, day))
    far = run(book, bins + math.copysign(further, bins), impact=Impact(coefficient, day))
    hard = run(book, bins, impact=Impact(coefficient + harder, day))
    for other in (far, hard):
        assert (other.notional_quote >= base.notional_quote).all()
        assert other.end_price <= base.end_price if bins < 0 else other.end_price >= base.end_price
    assert hard.triggered_quote >= base.triggered_quote


@given(books(), moves, coefficients, days)
def test_the_end_is_the_nearest_price_that_its_own_liquidations_explain(
    book: Made, bins: float, coefficient: float, day: MarketDay
) -> None:
    impact = Impact(coefficient, day)
    done = run(book, bins, impact=impact)
    side = Side.LONG if bins < 0 else Side.SHORT
    if done.legs.at_column_end[0]:
        return
    explained = impact.log_move(float(done.notional_quote[side.row]))
    assert abs(math.log(done.end_price / book.target(bins))) == pytest.approx(explained, rel=1e-6, abs=1e-12)
    # No bin between the target and the end would have held the price.
    first, last = bin_of(book.target(bins)), bin_of(done.end_price)
    for k in range(first, last, -1 if side is Side.LONG else 1):
        pushed = impact.log_move(passed(book, side, k + 0.5 - math.log(book.price) / LOG_GROWTH))
        pushed_to = book.target(bins) * math.exp(-pushed if side is Side.LONG else pushed)
        assert bin_of(pushed_to * (1 - 1e-12)) < k if side is Side.LONG else bin_of(pushed_to * (1 + 1e-12)) > k


@given(books(), st.integers(1, 2 * REACH - 1), st.floats(0.1, 0.9), st.integers(-500, 500), coefficients)
def test_scaling_prices_shifts_a_cascade(book: Made, bins: int, inside: float, shift: int, coefficient: float) -> None:
    target = math.exp((book.first_bin + bins + inside) * LOG_GROWTH)  # off the edges
    impact = Impact(coefficient, MarketDay(0.0, 1.0, 24))
    moved = book.moved(shift)
    done = run_cascade(book.first_bin, book.base, book.price, [target], impact)
    other = run_cascade(moved.first_bin, moved.base, moved.price, [target * GROWTH**shift], impact)
    assert other.steps.price == pytest.approx(done.steps.price * GROWTH**shift, rel=1e-9)
    assert other.steps.base.tolist() == done.steps.base.tolist()


# ---------------------------------------------------------------------------------------------------- stop zones

withins = st.floats(0.003, 1.0)
widths = st.floats(0.0005, 0.02)


def zones(book: Made, side: Side, within: float, width: float) -> list[StopZone]:
    return locate_stop_zones(side, book.first_bin, book.base[side.row], book.price, within, width)


@given(books(), st.sampled_from(SIDES), withins, widths)
def test_zones_lie_on_their_side_within_the_distance_and_apart(
    book: Made, side: Side, within: float, width: float
) -> None:
    found = zones(book, side, within, width)
    for zone in found:
        assert zone.side is side
        assert zone.high - zone.low >= width * book.price
        if side is Side.LONG:
            assert zone.high <= book.price
            assert zone.low >= book.price * (1 - within) * (1 - 1e-9)
            near = zone.high
        else:
            assert zone.low >= book.price
            assert zone.high <= book.price * (1 + within) * (1 + 1e-9)
            near = zone.low
        assert zone.distance_fraction == pytest.approx(abs(near / book.price - 1))
        assert zone.density_ratio >= 0
        plain = run_cascade(
            book.first_bin, book.base, book.price, [near * (1 + 1e-7 if side is Side.LONG else 1 - 1e-7)], None
        )
        assert zone.before_quote == pytest.approx(plain.notional_quote[side.row], rel=1e-9, abs=1e-9)
    assert [zone.distance_fraction for zone in found] == sorted(zone.distance_fraction for zone in found)
    ranges = sorted((zone.low, zone.high) for zone in found)
    assert all(below[1] < above[0] for below, above in pairwise(ranges)), "apart, or they would be one"


def dense_clusters(book: Made, side: Side, within: float) -> list[Cluster]:
    """Clusters whose smoothed peak is at or over half of the window's mean."""
    pad = 1500  # beyond a factor of two
    density = smoothed(np.pad(book.notional[side.row], pad))
    first_bin = book.first_bin - pad
    low, high = (bin_edges := edges(first_bin, len(density)))[:-1], bin_edges[1:]
    if side is Side.LONG:
        window = (high <= book.price) & (low >= book.price * max(1 - within, 0.5))
    else:
        window = (low >= book.price) & (high <= book.price * min(1 + within, 2.0))
    found = locate_clusters(side, book.first_bin, book.base[side.row], book.price, 1.0)
    least = CLEAR_FRACTION * density[window].mean()
    return [one for one in found if density[bin_of(one.peak_price) - first_bin] >= least]


@given(books(), st.sampled_from(SIDES), withins, widths)
def test_zones_touch_no_dense_cluster(book: Made, side: Side, within: float, width: float) -> None:
    found = zones(book, side, within, width)
    if not found:
        return
    clusters = dense_clusters(book, side, within)
    for zone in found:
        assert not [one for one in clusters if one.low < zone.high and zone.low < one.high]
        below = max((one.peak_price for one in clusters if one.high <= zone.low), default=None)
        above = min((one.peak_price for one in clusters if one.low >= zone.high), default=None)
        there = [None if one is None else one.peak_price for one in (zone.before, zone.beyond)]
        assert there == ([above, below] if side is Side.LONG else [below, above])
        if zone.before is not None:
            assert zone.before.notional_quote <= zone.before_quote * (1 + 1e-9)


@given(books(), st.sampled_from(SIDES), st.floats(0.01, 0.2), st.integers(-500, 500))
def test_scaling_prices_shifts_the_zones(book: Made, side: Side, within: float, shift: int) -> None:
    found = zones(book, side, within, 0.00123)
    moved = zones(book.moved(shift), side, within, 0.00123)
    assert [bin_of(zone.low) + shift for zone in found] == [bin_of(zone.low) for zone in moved]
    assert [bin_of(zone.high) + shift for zone in found] == [bin_of(zone.high) for zone in moved]
    assert [zone.density_ratio for zone in moved] == pytest.approx([zone.density_ratio for zone in found])


@given(books(), st.sampled_from(SIDES), withins)
def test_a_side_without_anything_near_has_no_zones(book: Made, side: Side, within: float) -> None:
    empty = replace(book, base=np.zeros_like(book.base))
    assert zones(empty, side, within, 0.0005) == []


@given(books(), st.sampled_from(SIDES))
def test_every_empty_stretch_is_in_a_zone(book: Made, side: Side) -> None:
    """Of the least width, zones hold every bin of the window that no smoothing reaches."""
    filled = np.flatnonzero(book.base[side.row]) + book.first_bin
    if not len(filled):
        return
    found = zones(book, side, 1.0, 1e-9)
    price_bin = bin_of(book.price)
    bins = np.arange(price_bin - 1000, price_bin) if side is Side.LONG else np.arange(price_bin + 1, price_bin + 1000)
    empty = np.abs(bins[:, None] - filled).min(axis=1) > SMOOTHING_BINS
    held = np.zeros(len(bins), dtype=bool)
    for zone in found:
        held |= (bins >= bin_of(zone.low)) & (bins < bin_of(zone.high))
    assert held[empty].all()
