"""Bins to rows: nothing is lost or made, however the rows lie."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.axis import mid_prices
from liqgrid.engine.market.span import decode_span, encode_spans
from liqgrid.engine.model.rows import joined, to_rows

repeatable = settings(derandomize=True, database=None, deadline=None, max_examples=80)
amounts = arrays.arrays(
    np.float64,
    st.tuples(st.just(2), st.integers(1, 3), st.integers(1, 12)),
    elements=st.one_of(st.just(0.0), st.floats(2**-20, 2**30, width=32)),
)


BEYOND = 3  # bins that edges may lie outside of all bins
FIRST_BIN = -2  # the first bin of all, as prices below 1 have it


@st.composite
def bins_and_edges(draw: st.DrawFn) -> tuple[F64, F64]:
    """Amounts per bin (2, T, P) as they are stored, and ascending row edges in bins from the first."""
    sides = draw(amounts)
    edges = draw(st.lists(st.floats(-BEYOND, sides.shape[2] + BEYOND), min_size=2, max_size=20))
    return as_stored(sides), np.array(sorted(edges))


def as_stored(sides: F64) -> F64:
    codes, exponents = encode_spans(sides.astype(np.float32))
    spans = [
        decode_span(own.tobytes(), int(exponent))
        for own, exponent in zip(codes.reshape(-1, sides.shape[2]), exponents.reshape(-1), strict=True)
    ]
    return np.array(spans, dtype=np.float64).reshape(sides.shape)


def _to_rows(sides: F64, positions: F64, *, valued: bool = False) -> F64:
    """Both sides in rows, those that no bin reaches too."""
    rows = np.zeros((*sides.shape[:2], len(positions) - 1))
    for side, bins in enumerate(sides):
        codes, exponents = encode_spans(bins.astype(np.float32))
        count = len(bins)
        spans = joined([FIRST_BIN] * count, exponents.tolist(), [own.tobytes() for own in codes])
        rows[side] = to_rows(spans, np.arange(count), count, positions + FIRST_BIN, valued=valued)
    return rows


def slow_rows(sides: F64, positions: F64) -> F64:
    """Each bin gives each row the part that lies in it."""
    rows = np.zeros((*sides.shape[:2], len(positions) - 1))
    for row in range(len(positions) - 1):
        for k in range(sides.shape[2]):
            overlap = min(positions[row + 1], k + 1) - max(positions[row], k)
            if overlap > 0:
                rows[:, :, row] += sides[:, :, k] * overlap
    return rows


def close(there: F64, wanted: F64, sides: F64) -> bool:
    return bool(np.allclose(there, wanted, rtol=1e-9, atol=1e-12 * sides.sum()))


@repeatable
@given(bins_and_edges())
def test_rows_are_those_of_the_slow_loop(case: tuple[F64, F64]) -> None:
    sides, positions = case
    rows = _to_rows(sides, positions)
    assert rows.shape == (*sides.shape[:2], len(positions) - 1)
    assert (rows >= 0).all()
    assert close(rows, slow_rows(sides, positions), sides)


@repeatable
@given(bins_and_edges())
def test_rows_over_everything_conserve_the_amounts(case: tuple[F64, F64]) -> None:
    sides, positions = case
    everything = np.concatenate([[-4.0], positions, [sides.shape[2] + 4.0]])
    assert close(_to_rows(sides, everything).sum(axis=2), sides.sum(axis=2), sides)


@repeatable
@given(bins_and_edges(), st.data())
def test_adjacent_ranges_add_up(case: tuple[F64, F64], data: st.DataObject) -> None:
    sides, positions = case
    cut = data.draw(st.integers(0, len(positions) - 1))
    below, above, whole = (positions[[0, cut]], positions[[cut, -1]], positions[[0, -1]])
    assert close(_to_rows(sides, below) + _to_rows(sides, above), _to_rows(sides, whole), sides)


@repeatable
@given(bins_and_edges(), st.integers(2, 5))
def test_finer_rows_sum_to_the_coarser_ones(case: tuple[F64, F64], parts: int) -> None:
    sides, positions = case
    finer = np.concatenate([np.linspace(a, b, parts, endpoint=False) for a, b in pairwise(positions)])
    split = _to_rows(sides, np.append(finer, positions[-1]))
    together = split.reshape(*split.shape[:2], len(positions) - 1, parts).sum(axis=3)
    assert close(together, _to_rows(sides, positions), sides)


def test_rows_that_are_bins_are_the_bins() -> None:
    sides = np.arange(12.0).reshape(2, 1, 6)
    assert (_to_rows(sides, np.arange(7.0)) == sides).all()


@repeatable
@given(bins_and_edges())
def test_notional_is_at_the_mid_price_of_each_bin(case: tuple[F64, F64]) -> None:
    sides, positions = case
    wanted = slow_rows(sides * mid_prices(FIRST_BIN, sides.shape[2]), positions)
    assert close(_to_rows(sides, positions, valued=True), wanted, sides)


def test_columns_of_one_place_add_up_and_each_has_bins_of_its_own() -> None:
    long, short = (np.array(some, dtype=np.float32) for some in ([1, 2, 4], [8, 16]))
    (first, first_exponent), (second, second_exponent) = encode_spans(long), encode_spans(short)
    spans = joined([5, 6, 5], [int(first_exponent), int(second_exponent), 0], [first.tobytes(), second.tobytes(), b""])
    rows = to_rows(spans, np.array([1, 1, 0]), 3, np.arange(4.0, 10.0), valued=False)
    assert rows.tolist() == [[0.0] * 5, [0, 1, 2 + 8, 4 + 16, 0], [0.0] * 5]
