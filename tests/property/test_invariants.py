"""Invariants I1 to I7 of docs/model.md and DESIGN section 3, on markets that Hypothesis makes up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.axis import LOG_GROWTH, MAX_PRICE, MIN_PRICE, bin_of
from liqgrid.engine.market.bars import ReplayInput
from liqgrid.engine.market.instrument import parse_instrument
from liqgrid.engine.market.tiers import TierSet, tier_set
from liqgrid.engine.model.book import Book, book_from_bytes, book_to_bytes, empty_book
from liqgrid.engine.model.formulas import FORMULA_VERSIONS, Formula
from liqgrid.engine.model.levels import level_table
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.model.replay import Replay, Snapshots, replay
from tests.property.markets import (
    PRICES,
    Move,
    bars_of,
    levels_of,
    markets,
    off_the_edges,
    parameters,
    with_prices,
)

STILL = Move(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0)
NEAR_ONLY = ModelParameters(leverages=(100.0, 125.0))


def run(bars: ReplayInput, chosen: ModelParameters, book: Book | None = None) -> Replay:
    start = empty_book(len(chosen.leverages)) if book is None else book
    return replay(start, bars, levels_of(chosen), chosen, np.ones(len(bars), dtype=bool))


def books_of(bars: ReplayInput, chosen: ModelParameters) -> list[Book]:
    """The book at the close of every bar."""
    books: list[Book] = []
    for t in range(len(bars)):
        books.append(run(bars.rows(t, t + 1), chosen, books[-1] if books else None).book)
    return books


def filled_bins(book: Book, side: int) -> list[int]:
    return [book.first_bin + int(w) for w in np.flatnonzero(book.base[side].sum(axis=0))]


def snapshots_bytes(result: Replay) -> list[bytes]:
    """All of each snapshot, comparable bit for bit."""
    kept = result.snapshots
    arrays = [getattr(kept, name) for name in Snapshots.__slots__ if name != "bar"]
    return [b"".join(values[:, s].tobytes() for values in arrays) for s in range(len(kept))]


# -------------------------------------------------------------------------------------- I1 and I2: nothing gets lost


@given(markets(), parameters)
def test_i1_what_opened_rests_or_was_liquidated_or_closed(bars: ReplayInput, chosen: ModelParameters) -> None:
    for book in books_of(bars, chosen):
        for side in (0, 1):
            accounted = book.total_base[side] + book.liquidated_base[side] + book.closed_base[side]
            assert accounted == pytest.approx(book.opened_base[side], rel=1e-9)
        assert (book.base >= 0).all()
        assert (book.unplaced_base >= 0).all()
        assert (book.liquidated_base >= 0).all()
        assert (book.closed_base >= 0).all()


@given(markets(), parameters)
def test_i1_predictions_are_what_was_liquidated(bars: ReplayInput, chosen: ModelParameters) -> None:
    result = run(bars, chosen)
    assert (result.predicted_base >= 0).all()
    assert result.predicted_base.sum(axis=1) == pytest.approx(result.book.liquidated_base, rel=1e-9, abs=1e-300)


@given(markets(), parameters)
# The mark lies past every level of one side in the second bar: what opens there is unplaced.
@example(bars_of(65_000.0, 100.0, [STILL, Move(0, 0.01, 0, 0.05, 0, 0.5, 0.1, 0), STILL]), NEAR_ONLY)
@example(bars_of(65_000.0, 100.0, [STILL, Move(0, 0, 0.01, -0.05, 0, 0.5, 0.1, 0), STILL]), NEAR_ONLY)
def test_i2_both_sides_are_the_modelled_share_of_open_interest(bars: ReplayInput, chosen: ModelParameters) -> None:
    for t, book in enumerate(books_of(bars, chosen)):
        target = chosen.modelled_share * bars.open_interest_base[t]
        assert book.total_base.tolist() == [target, target]
        for side in (0, 1):
            cells = float(book.base[side].sum()) + float(book.unplaced_base[side])
            assert cells == pytest.approx(target, rel=1e-9)


@given(markets(), parameters)
# Longs are liquidated and open interest falls: shorts shrink to the target, longs do not, and so their unplaced differ.
@example(
    bars_of(100.0, 100.0, [STILL, Move(0, 0.001, 0.001, 0, 0, 0, 0.5, 0), Move(-0.1, 0, 0, 0, 0, 0, -0.3, 0)]),
    ModelParameters(),
)
def test_i2_every_snapshot_adds_up_on_both_sides(bars: ReplayInput, chosen: ModelParameters) -> None:
    kept = run(bars, chosen).snapshots
    target = chosen.modelled_share * bars.open_interest_base  # (T,)
    assert (kept.total_base == target).all()
    whole = kept.near_base.sum(axis=2, dtype=np.float64) + kept.outside_base + kept.unplaced_base  # (2, T)
    assert whole == pytest.approx(np.stack([target, target]), rel=1e-6)  # bins are float32


# ---------------------------------------------------------------------------------------- I3: longs below, shorts above


@given(markets(), parameters)
def test_i3_longs_lie_below_the_close_and_shorts_above(bars: ReplayInput, chosen: ModelParameters) -> None:
    for t, book in enumerate(books_of(bars, chosen)):
        close = bin_of(float(bars.mark_close[t]))
        assert all(k < close for k in filled_bins(book, 0))
        assert all(k > close for k in filled_bins(book, 1))


formulas = st.sampled_from([formula for formulas in FORMULA_VERSIONS.values() for formula in formulas])


@given(formulas, st.lists(st.floats(2, 125), min_size=2, max_size=13, unique=True).map(sorted), st.floats(0, 0.007))
def test_i3_higher_leverage_is_nearer_to_the_entry(formula: Formula, leverages: list[float], rate: float) -> None:
    leverage = np.array(leverages)
    assume((np.diff(1 / leverage) < -1e-9).all())
    factor = formula.factor(leverage, np.full(len(leverage), rate), np.zeros(len(leverage)))
    assert (factor[0] < 1).all()
    assert (factor[1] > 1).all()
    assert (np.diff(factor[0]) > 0).all()
    assert (np.diff(factor[1]) < 0).all()


@st.composite
def tier_sets(draw: st.DrawFn) -> TierSet:
    """Brackets whose rate is under half of the initial margin at their highest leverage, as venues have them."""
    leverages = sorted(draw(st.lists(st.integers(1, 200), min_size=1, max_size=12, unique=True)), reverse=True)
    widths = draw(st.lists(st.floats(1, 1e6), min_size=len(leverages), max_size=len(leverages)))
    caps = np.cumsum(np.array(widths) ** draw(st.floats(0.2, 2)) + 1).tolist()
    part = draw(st.floats(0.01, 0.5))
    return tier_set(0, [(cap, part / leverage, leverage) for cap, leverage in zip(caps, leverages, strict=True)])


@given(
    st.sampled_from(["binance:BTC-USDT", "binance:BTC-USD", "bybit:BTC-USDT", "bybit:BTC-USD", "hyperliquid:BTC-USDC"]),
    st.sampled_from([0, 2_000_000_000_000]),
    tier_sets(),
    st.floats(1, 1e12),
    st.floats(0.001, 10),
)
def test_i3_levels_lie_on_their_side_and_weights_sum_to_one(
    name: str, at_ms: int, tiers: TierSet, median: float, spread: float
) -> None:
    assume(tiers.tiers[0].max_leverage >= 2)
    chosen = ModelParameters(position_median_quote=median, position_spread=spread)
    table = level_table(parse_instrument(name), tiers, chosen, at_ms)
    offered = [j for j, leverage in enumerate(chosen.leverages) if leverage <= tiers.tiers[0].max_leverage]
    assert sorted(set(table.class_index.tolist())) == offered
    assert (np.diff(table.class_index) >= 0).all()
    assert (table.weight > 0).all()
    assert abs(table.weight.sum() - 1) < 1e-12
    assert ((table.factor[0] > 0) & (table.factor[0] < 1) & (table.factor[1] > 1)).all()
    assert np.isfinite(table.factor).all()


# ------------------------------------------------------------------------------------ I4 and I5: the same, bit for bit


@given(markets(min_bars=2), parameters, st.lists(st.floats(0, 1, exclude_max=True), max_size=4))
# The mark lies past every level of one side in the second bar: one side of the book is filled, the other never was.
@example(bars_of(65_000.0, 100.0, [STILL, Move(0, 0.01, 0, 0.05, 0, 0.5, 0.1, 0), STILL]), NEAR_ONLY, [0.1, 0.9])
@example(bars_of(65_000.0, 100.0, [STILL, Move(0, 0, 0.01, -0.05, 0, 0.5, 0.1, 0), STILL]), NEAR_ONLY, [0.1, 0.9])
@example(bars_of(0.1, 100.0, [STILL, Move(0, 0.01, 0, 0.05, 0, 0.5, 0.1, 0), STILL]), NEAR_ONLY, [0.1, 0.9])
@example(bars_of(0.1, 100.0, [STILL, Move(0, 0, 0.01, -0.05, 0, 0.5, 0.1, 0), STILL]), NEAR_ONLY, [0.1, 0.9])
def test_i4_pieces_with_checkpoints_equal_one_replay(
    bars: ReplayInput, chosen: ModelParameters, cuts_at: list[float]
) -> None:
    whole = run(bars, chosen)
    cuts = sorted({1 + int(part * (len(bars) - 1)) for part in cuts_at})
    predicted, snapshots = [], []
    book = empty_book(len(chosen.leverages))
    for start, stop in zip([0, *cuts], [*cuts, len(bars)], strict=True):
        piece = run(bars.rows(start, stop), chosen, book_from_bytes(book_to_bytes(book)))
        predicted.append(piece.predicted_base)
        snapshots += snapshots_bytes(piece)
        book = piece.book
    assert np.concatenate(predicted, axis=1).tobytes() == whole.predicted_base.tobytes()
    assert snapshots == snapshots_bytes(whole)
    assert book_to_bytes(book) == book_to_bytes(whole.book)


@given(markets(), parameters)
def test_i4_a_stored_book_comes_back_whole(bars: ReplayInput, chosen: ModelParameters) -> None:
    for book in books_of(bars, chosen):
        stored = book_to_bytes(book)
        back = book_from_bytes(stored)
        assert book_to_bytes(back) == stored
        for side in (0, 1):
            assert filled_bins(back, side) == filled_bins(book, side)
        assert back.base.sum() == pytest.approx(book.base.sum(), rel=1e-12)
        for name in ("total_base", "unplaced_base", "opened_base", "liquidated_base", "closed_base"):
            assert getattr(back, name).tobytes() == getattr(book, name).tobytes()
        assert (back.close_ms, back.price) == (book.close_ms, book.price)


@given(markets(min_bars=2), parameters, st.data())
def test_i4_more_bars_never_change_earlier_columns(
    bars: ReplayInput, chosen: ModelParameters, data: st.DataObject
) -> None:
    t = data.draw(st.integers(1, len(bars) - 1))
    earlier, later = run(bars.rows(0, t), chosen), run(bars, chosen)
    assert snapshots_bytes(earlier) == snapshots_bytes(later)[:t]
    assert earlier.predicted_base.tobytes() == later.predicted_base[:, :t].tobytes()


@given(markets(), parameters)
def test_i5_the_same_inputs_give_the_same_bytes(bars: ReplayInput, chosen: ModelParameters) -> None:
    start = empty_book(len(chosen.leverages))
    before = book_to_bytes(start)
    first, second = run(bars, chosen, start), run(bars, chosen, start)
    assert book_to_bytes(first.book) == book_to_bytes(second.book)
    assert snapshots_bytes(first) == snapshots_bytes(second)
    assert first.predicted_base.tobytes() == second.predicted_base.tobytes()
    assert book_to_bytes(start) == before  # the given book stays as it was


# ------------------------------------------------------------------------------------------------- I6: no look-ahead


@given(markets(min_bars=2), markets(min_bars=24), parameters, st.data())
def test_i6_nothing_after_a_bar_changes_it(
    bars: ReplayInput, other: ReplayInput, chosen: ModelParameters, data: st.DataObject
) -> None:
    t = data.draw(st.integers(1, len(bars) - 1))
    scale = float(bars.mark_close[t - 1] / other.mark_close[0])
    assume(all(MIN_PRICE < p * scale < MAX_PRICE for name in PRICES for p in getattr(other, name)))
    changed = {
        name: np.concatenate([getattr(bars, name)[:t], getattr(other, name)[t : len(bars)] * scale]) for name in PRICES
    } | {
        name: np.concatenate([getattr(bars, name)[:t], getattr(other, name)[t : len(bars)]])
        for name in ("volume_base", "open_interest_base")
    }
    first, second = run(bars, chosen), run(with_prices(bars, changed), chosen)
    assert snapshots_bytes(first)[:t] == snapshots_bytes(second)[:t]
    assert first.predicted_base[:, :t].tobytes() == second.predicted_base[:, :t].tobytes()


@given(markets(min_bars=2), parameters, st.floats(0, 5), st.floats(0.1, 10), st.floats(-0.5, 0.5))
def test_i6_a_prediction_knows_of_its_bar_only_the_range(
    bars: ReplayInput, chosen: ModelParameters, volume_part: float, growth: float, drift: float
) -> None:
    def last_changed(name: str, value: float) -> F64:
        values: F64 = getattr(bars, name).copy()
        values[-1] = value
        return values

    bars = replace(bars, has_mark=np.ones(len(bars), dtype=bool))  # the last price may change without the mark
    interest = float(bars.open_interest_base[-1])
    centre = float(bars.mark_close[-1])
    other = with_prices(
        bars,
        {
            "volume_base": last_changed("volume_base", volume_part * interest),
            "open_interest_base": last_changed("open_interest_base", growth * interest),
            "mark_close": last_changed("mark_close", centre * float(np.exp(drift))),
            "low": last_changed("low", float(bars.low[-1]) * 0.9),
            "high": last_changed("high", float(bars.high[-1]) * 1.1),
        },
    )
    assert run(bars, chosen).predicted_base.tobytes() == run(other, chosen).predicted_base.tobytes()


# ------------------------------------------------------------------------------------ I7: prices have no unit of length


@given(markets().map(off_the_edges), parameters, st.integers(-4000, 4000))
def test_i7_scaling_prices_by_whole_bins_shifts_the_book(bars: ReplayInput, chosen: ModelParameters, n: int) -> None:
    factor = float(np.exp(n * LOG_GROWTH))
    assume(all(MIN_PRICE < p * f < MAX_PRICE for f in (1, factor) for name in PRICES for p in getattr(bars, name)))
    scaled = with_prices(bars, {name: getattr(bars, name) * factor for name in PRICES})
    first, second = run(bars, chosen), run(scaled, chosen)
    scale = float(bars.open_interest_base.max())
    assert second.predicted_base == pytest.approx(first.predicted_base, rel=1e-9, abs=1e-9 * scale)
    for side in (0, 1):
        here, there = first.book.base[side], second.book.base[side]
        for j in range(len(chosen.leverages)):
            cells = {first.book.first_bin + int(w): here[j, w] for w in np.flatnonzero(here[j])}
            shifted = {second.book.first_bin + int(w) - n: there[j, w] for w in np.flatnonzero(there[j])}
            for k in cells.keys() | shifted.keys():
                assert abs(cells.get(k, 0.0) - shifted.get(k, 0.0)) <= 1e-9 * scale
    for name in ("total_base", "unplaced_base", "opened_base", "liquidated_base", "closed_base"):
        assert getattr(second.book, name) == pytest.approx(getattr(first.book, name), rel=1e-9, abs=1e-9 * scale)
    assert (first.snapshots.total_base == second.snapshots.total_base).all()
