"""The engine's replay against the slow reference: random markets, every bar's books, predictions and ledger."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from liqgrid.engine.market.axis import COLUMN_REACH, bin_of, mid_prices
from liqgrid.engine.market.bars import ReplayInput
from liqgrid.engine.market.instrument import parse_instrument
from liqgrid.engine.market.tiers import published_tiers, tier_set
from liqgrid.engine.model.book import Book, empty_book
from liqgrid.engine.model.levels import LevelTable, level_table
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.model.replay import replay
from tests.parity import reference
from tests.replay_table import replay_input
from tests.snapshots import SideView, column_of, side_view

HOUR_MS = 3_600_000
START_MS = 1_718_841_600_000
INSTRUMENT = parse_instrument("binance:ETH-USDT")
EARLIER = published_tiers()[INSTRUMENT][0]


@dataclass(frozen=True)
class Wildness:
    """How a random market behaves: chances per bar, and the usual move in log price."""

    move: float = 0.006
    jump: float = 0.0
    flat: float = 0.0
    idle: float = 0.0
    gap: float = 0.0
    mark: bool = False
    mark_spread: float = 0.01
    interest: float = 0.01
    collapse: float = 0.0
    price: float = 65_000.0


WILDNESSES = {
    "quiet": Wildness(),
    "jumps of 30 %": Wildness(jump=0.2),
    "flat and idle bars": Wildness(flat=0.4, idle=0.4, interest=0.1),
    "gaps": Wildness(gap=0.25, interest=0.1),
    "marks apart from last": Wildness(mark=True, jump=0.1),
    "open interest up and down hard": Wildness(interest=1.0),
    "open interest nearly gone": Wildness(collapse=0.15, jump=0.1),
    "a coin under 1": Wildness(price=3.1e-5, jump=0.1, mark=True),
    "everything": Wildness(jump=0.1, flat=0.2, idle=0.2, gap=0.1, mark=True, interest=0.5, collapse=0.05),
}


def random_market(seed: int, bars: int, wild: Wildness) -> ReplayInput:
    rng = np.random.default_rng(seed)

    def chance(probability: float) -> bool:
        return bool(rng.random() < probability)

    rows = []
    price, interest, close_ms = wild.price, 80_000.0, START_MS
    for _ in range(bars):
        open_ms = close_ms + (int(rng.choice([1, 24, 25, 72])) * HOUR_MS if chance(wild.gap) else 0)
        close_ms = open_ms + HOUR_MS
        before = price
        if chance(wild.flat):
            low = high = price
        else:
            price *= float(np.exp(rng.choice([-0.3, 0.3]) if chance(wild.jump) else wild.move * rng.normal()))
            low = min(before, price) * float(np.exp(-wild.move * rng.exponential()))
            high = max(before, price) * float(np.exp(wild.move * rng.exponential()))
        shift = float(np.exp(wild.mark_spread * rng.normal())) if wild.mark else 1.0
        volume = 0.0 if chance(wild.idle) else interest * float(rng.exponential(0.3))
        interest *= float(np.exp(wild.interest * rng.normal()))
        if chance(wild.collapse):
            interest = 1e-3 if interest > 1 else 80_000.0
        rows.append(
            (
                open_ms,
                close_ms,
                low,
                high,
                low * shift,
                high * shift * 1.0001,
                price * shift,
                volume,
                interest,
                True,
            )
        )
    return replay_input(np.array(rows, dtype=np.float64))


Question = tuple[list[reference.Bar], list[reference.Levels], reference.Settings]


def slow(bars: ReplayInput, tables: list[tuple[int, LevelTable]], chosen: ModelParameters) -> reference.Replay:
    return reference.replay(*as_reference(bars, tables, chosen))


def as_reference(bars: ReplayInput, tables: list[tuple[int, LevelTable]], chosen: ModelParameters) -> Question:
    return (
        [
            reference.Bar(
                open_ms=int(bars.open_ms[t]),
                close_ms=int(bars.close_ms[t]),
                low=float(bars.low[t]),
                high=float(bars.high[t]),
                mark_low=float(bars.mark_low[t]),
                mark_high=float(bars.mark_high[t]),
                mark_close=float(bars.mark_close[t]),
                volume=float(bars.volume_base[t]),
                open_interest=float(bars.open_interest_base[t]),
            )
            for t in range(len(bars))
        ],
        [
            reference.Levels(
                valid_from_ms,
                table.class_index.tolist(),
                table.weight.tolist(),
                {name: table.factor[row].tolist() for row, name in enumerate(reference.SIDES)},
            )
            for valid_from_ms, table in tables
        ],
        reference.Settings(chosen.turnover_fraction, chosen.modelled_share, chosen.max_gap_ms),
    )


def bins_in(book: Book, side: int) -> dict[int, float]:
    whole = book.base[side].sum(axis=0)
    return {book.first_bin + int(w): float(whole[w]) for w in np.flatnonzero(whole)}


def assert_same(fast: float, expected: float, scale: float) -> None:
    """Equal to 1e-9 of itself, or to 1e-11 of the side it is part of (a bin may hold next to nothing of it)."""
    assert abs(fast - expected) <= 1e-9 * abs(expected) + 1e-11 * scale


def assert_same_books(book: Book, expected: reference.Replay, t: int) -> None:
    for side, name in enumerate(reference.SIDES):
        scale = expected.total[name][t]
        assert book.total_base[side] == pytest.approx(scale, rel=1e-9)
        assert_same(float(book.unplaced_base[side]), expected.unplaced[name][t], scale)
        fast, bins = bins_in(book, side), expected.bins[name][t]
        for k in fast.keys() | bins.keys():
            assert_same(fast.get(k, 0.0), bins.get(k, 0.0), scale)


def assert_same_end(book: Book, expected: reference.Replay) -> None:
    """The ledger and what is left in each leverage class, after the last bar."""
    for side, name in enumerate(reference.SIDES):
        ledger = expected.book[name]
        for j, cells in enumerate(book.base[side]):
            left = sum(amount for (its_class, _), amount in ledger.cells.items() if its_class == j)
            assert_same(float(cells.sum()), left, ledger.opened)
        assert book.opened_base[side] == pytest.approx(ledger.opened, rel=1e-9)
        assert book.liquidated_base[side] == pytest.approx(ledger.liquidated, rel=1e-9, abs=1e-9 * ledger.opened)
        assert book.closed_base[side] == pytest.approx(ledger.closed, rel=1e-9, abs=1e-9 * ledger.opened)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", WILDNESSES)
def test_every_bar_equals_the_reference(name: str, seed: int) -> None:
    chosen = ModelParameters(leverages=(2, 5, 20, 50, 125), turnover_fraction=0.8, modelled_share=0.9)
    table = level_table(INSTRUMENT, EARLIER, chosen)
    bars = random_market(seed, 50, WILDNESSES[name])
    expected = slow(bars, [(0, table)], chosen)
    book = empty_book(len(chosen.leverages))
    for t in range(len(bars)):
        step = replay(book, bars.rows(t, t + 1), table, chosen)
        book = step.book
        for side, which in enumerate(reference.SIDES):
            open_interest = float(bars.open_interest_base[max(t - 1, 0)])
            assert_same(float(step.predicted_base[side, 0]), expected.predicted[which][t], open_interest)
        assert_same_books(book, expected, t)
    assert_same_end(book, expected)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_marks_beyond_every_level_equal_the_reference(seed: int) -> None:
    chosen = ModelParameters(leverages=(50, 125))
    table = level_table(INSTRUMENT, EARLIER, chosen)
    bars = random_market(seed, 60, Wildness(mark=True, mark_spread=0.03, interest=0.2))
    expected = slow(bars, [(0, table)], chosen)
    book = empty_book(2)
    for t in range(len(bars)):
        book = replay(book, bars.rows(t, t + 1), table, chosen).book
        assert_same_books(book, expected, t)
    assert_same_end(book, expected)
    unplaced = np.array([expected.unplaced[name] for name in reference.SIDES])
    assert (np.diff(unplaced) > 0).any(axis=1).all()  # on both sides something opened that found no level


def test_default_parameters_equal_the_reference() -> None:
    chosen = ModelParameters()
    table = level_table(INSTRUMENT, EARLIER, chosen)
    bars = random_market(11, 60, WILDNESSES["quiet"])
    expected = slow(bars, [(0, table)], chosen)
    result = replay(empty_book(len(chosen.leverages)), bars, table, chosen)
    for side, name in enumerate(reference.SIDES):
        assert result.predicted_base[side] == pytest.approx(expected.predicted[name], rel=1e-9, abs=1e-9)
    assert_same_books(result.book, expected, len(bars) - 1)
    assert_same_end(result.book, expected)


def test_tiers_that_change_on_the_way_equal_the_reference() -> None:
    chosen = ModelParameters(leverages=(10, 50, 125))
    stricter = tier_set(EARLIER.valid_from_ms + 1, [(50_000, 0.01, 75), (1e9, 0.05, 10)])
    tables = [level_table(INSTRUMENT, tiers, chosen) for tiers in (EARLIER, stricter)]
    bars = random_market(5, 50, WILDNESSES["quiet"])
    expected = slow(bars, [(0, tables[0]), (int(bars.open_ms[20]), tables[1])], chosen)
    book = replay(empty_book(3), bars.rows(0, 20), tables[0], chosen).book
    book = replay(book, bars.rows(20, 50), tables[1], chosen).book
    assert_same_books(book, expected, len(bars) - 1)
    assert_same_end(book, expected)


def slow_column(bins: dict[int, float], price: float) -> tuple[dict[int, float], float, float, float]:
    """Bins within a factor of two from the price's bin and their notional; base and notional of what lies outside."""
    reach = int(np.log(2) // np.log(reference.G))
    centre = reference.bin_at(price)
    inside = {k: amount for k, amount in bins.items() if abs(k - centre) <= reach}
    outside = {k: amount for k, amount in bins.items() if k not in inside}
    return inside, slow_notional(inside), sum(outside.values()), slow_notional(outside)


def slow_notional(bins: dict[int, float]) -> float:
    return float(sum(amount * reference.G ** (k + 0.5) for k, amount in bins.items()))


def assert_column(column: SideView, bins: dict[int, float], price: float, scale: float) -> None:
    inside, near_quote, outside_base, outside_quote = slow_column(bins, price)
    fast = column.bins()
    for k in fast.keys() | inside.keys():
        assert abs(fast.get(k, 0.0) - inside.get(k, 0.0)) <= 1e-7 * inside.get(k, 0.0) + 1e-9 * scale  # float32
    assert column.near_quote == pytest.approx(near_quote, rel=1e-9, abs=1e-9 * scale * price)
    assert column.outside_base == pytest.approx(outside_base, rel=1e-9, abs=1e-9 * scale)
    assert column.outside_quote == pytest.approx(outside_quote, rel=1e-9, abs=1e-9 * scale * price)


@pytest.mark.parametrize("seed", [1, 2])
def test_columns_equal_the_reference(seed: int) -> None:
    chosen = ModelParameters(leverages=(2, 5, 50), turnover_fraction=0.2)
    table = level_table(INSTRUMENT, EARLIER, chosen)
    bars = random_market(seed, 40, Wildness(jump=0.2, mark=True, interest=0.1))
    expected = slow(bars, [(0, table)], chosen)
    snapshots = replay(empty_book(3), bars, table, chosen, np.ones(len(bars), dtype=bool)).snapshots
    assert snapshots.bar.tolist() == list(range(len(bars)))
    folded = 0.0
    for t in range(len(bars)):
        price = float(bars.mark_close[t])
        for side, name in enumerate(reference.SIDES):
            column = side_view(snapshots, t, side, price)
            assert_column(column, expected.bins[name][t], price, expected.total[name][t])
            assert column.unplaced_base == pytest.approx(expected.unplaced[name][t], rel=1e-9, abs=1e-9)
            folded += column.outside_base
    assert folded > 0  # the market did travel far enough to need the outside cells


def test_the_outside_cells_are_valued_at_their_bins() -> None:
    centre = bin_of(100.0)
    book = empty_book(1)
    far = centre - COLUMN_REACH - 1
    book.reach(far, centre + COLUMN_REACH + 1)
    book.raw[0, 0, far - book.first_bin] = 2.0
    book.raw[0, 0, far + 1 - book.first_bin] = 3.0
    book.live_low[0, 0], book.live_high[0, 0], book.price = far, far + 1, 100.0
    column = column_of(book, 0)
    assert (column.first_bin, column.base.tolist()) == (far + 1, [3.0])
    assert column.outside_base == 2.0
    assert column.outside_quote == pytest.approx(2.0 * mid_prices(far, 1)[0])


@pytest.mark.parametrize("seed", [1, 2])
def test_shares_equal_the_reference(seed: int) -> None:
    chosen = ModelParameters(leverages=(3, 10, 50))
    table = level_table(INSTRUMENT, EARLIER, chosen)
    bars = random_market(seed, 40, Wildness(jump=0.1, interest=0.1))
    expected = slow(bars, [(0, table)], chosen)
    view = replay(empty_book(3), bars, table, chosen, np.arange(len(bars)) == len(bars) - 1).snapshots
    price = float(bars.mark_close[-1])
    for side, name in enumerate(reference.SIDES):
        held: dict[tuple[int, int], float] = {}
        for (j, k), amount in expected.book[name].cells.items():
            if abs(k - bin_of(price)) <= COLUMN_REACH:
                held[k // 8, j] = held.get((k // 8, j), 0.0) + amount
        blocks = {block: sum(held.get((block, j), 0.0) for j in range(3)) for block, _ in held}
        shares = side_view(view, 0, side, price).shares
        assert shares
        for block, j in held:
            if blocks[block] < 1e-9 * expected.total[name][-1]:
                continue  # rounding alone opened there
            part = 255 * held.get((block, j), 0.0) / blocks[block]
            assert abs(shares.get((block, j), 0) - part) <= 0.5 + 1e-6


@pytest.mark.parametrize("seed", [1, 2])
def test_what_closing_left_of_a_level_equals_the_reference(seed: int) -> None:
    """A level that nobody opened at again and no price reached becomes exp(difference of log kept) of what it was."""
    chosen = ModelParameters(leverages=(2, 5), turnover_fraction=0.4)
    table = level_table(INSTRUMENT, EARLIER, chosen)
    bars = random_market(seed, 60, Wildness(move=0.01, jump=0.15, interest=0.1))
    snapshots = replay(empty_book(2), bars, table, chosen, np.ones(len(bars), dtype=bool)).snapshots
    expected = slow(bars, [(0, table)], chosen)
    compared = 0
    for side, name in enumerate(reference.SIDES):
        for t in range(5, len(bars) - 1):
            before, after = expected.bins[name][t], expected.bins[name][t + 1]
            kept = float(np.exp(snapshots.log_kept[side, t + 1] - snapshots.log_kept[side, t]))
            low, high = bin_of(float(bars.mark_low[t + 1])), bin_of(float(bars.mark_high[t + 1]))
            survives = {k for k in before if (k < low if side == 0 else k > high)}
            for k in survives:
                if after[k] == pytest.approx(kept * before[k], rel=1e-9):
                    compared += 1
                else:  # somebody opened there as well: never less than what was kept
                    assert after[k] > kept * before[k]
    assert compared > 1000
