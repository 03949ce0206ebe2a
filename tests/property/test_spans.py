"""The two bytes of a bin: how much they may lose, and what they keep."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from liqgrid.engine.market.arrays import F32
from liqgrid.engine.market.span import decode_shares, decode_span, encode_shares, encode_spans

amounts = st.floats(0, 2.0**40, width=32, allow_subnormal=False) | st.just(0.0)
spans = arrays(np.float32, st.integers(1, 40), elements=amounts)


@given(spans, st.integers(-60, 40))
def test_a_bin_keeps_one_part_in_4096_of_itself(drawn: F32, power: int) -> None:
    base = (drawn * np.float64(2.0**power)).astype(np.float32)
    base[base < np.finfo(np.float32).tiny] = 0
    codes, exponent = encode_spans(base)
    back = decode_span(codes.tobytes(), int(exponent)).astype(np.float64)
    kept = base >= base.max() * 2.0**-30
    assert (np.abs(back - base)[kept] <= base[kept] / 4096).all()
    assert (back[~kept] <= base.max() * 2.0**-30).all()
    assert (back[base == 0] == 0).all()
    assert (back >= 0).all()


@given(spans)
def test_what_was_read_back_is_stored_the_same(base: F32) -> None:
    codes, exponent = encode_spans(base)
    back = decode_span(codes.tobytes(), int(exponent))
    again, same = encode_spans(back)
    assert again.tobytes() == codes.tobytes()
    assert same == exponent


@given(arrays(np.float32, (2, 3, 7), elements=amounts))
def test_spans_do_not_know_of_each_other(base: F32) -> None:
    codes, exponents = encode_spans(base)
    for side in range(2):
        for k in range(3):
            alone, exponent = encode_spans(base[side, k])
            assert alone.tobytes() == codes[side, k].tobytes()
            assert exponent == exponents[side, k]


def test_a_sum_of_many_bins_loses_far_less() -> None:
    base = np.random.default_rng(3).exponential(size=1386).astype(np.float32)
    codes, exponent = encode_spans(base)
    assert (
        abs(decode_span(codes.tobytes(), int(exponent)).sum(dtype=np.float64) / base.sum(dtype=np.float64) - 1) < 2e-5
    )


def test_the_largest_float_fits() -> None:
    largest = np.array([np.finfo(np.float32).max, 1.0], dtype=np.float32)
    codes, exponent = encode_spans(largest)
    back = decode_span(codes.tobytes(), int(exponent))
    assert np.isfinite(back).all()
    assert abs(float(back[0]) / float(largest[0]) - 1) <= 1 / 4096
    assert back[1] == 0


def test_shares_come_back() -> None:
    shares = np.random.default_rng(3).integers(0, 256, (2, 13, 175), dtype=np.uint8)
    assert np.array_equal(decode_shares(encode_shares(shares), 13), shares)
