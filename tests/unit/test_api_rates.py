"""The sliding window: never over its limit, honest about waiting, and bounded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from liqgrid.api.rates import WINDOW_S, SlidingWindow

TAKES = st.lists(st.tuples(st.floats(0, 90), st.integers(1, 10)), max_size=80)


@given(TAKES)
def test_no_window_of_the_clock_holds_more_than_the_limit(takes: list[tuple[float, int]]) -> None:
    window, now_s = SlidingWindow(), 0.0
    granted: dict[int, int] = {}
    for pause_s, amount in takes:
        now_s += pause_s
        reading = window.take("a", amount, 10, now_s)
        assert 0 <= reading.remaining <= 10
        assert 0 <= reading.reset_s <= 2 * WINDOW_S
        if reading.wait_s is None:
            granted[int(now_s // WINDOW_S)] = granted.get(int(now_s // WINDOW_S), 0) + amount
    assert all(amount <= 10 for amount in granted.values())


@given(TAKES)
def test_who_waits_as_told_is_served_and_not_long_before(takes: list[tuple[float, int]]) -> None:
    window, now_s = SlidingWindow(), 0.0
    for pause_s, amount in takes:
        now_s += pause_s
        reading = window.take("a", amount, 10, now_s)
        if reading.wait_s is not None:
            assert reading.wait_s > 0
            assert window.take("a", amount, 10, now_s + max(reading.wait_s - 0.01, 0) * 0.999).wait_s is not None
            now_s += reading.wait_s + 1e-6
            assert window.take("a", amount, 10, now_s).wait_s is None


def test_what_was_used_fades_over_the_next_minute() -> None:
    window = SlidingWindow()
    assert window.take("a", 10, 10, 59.0).remaining == 0
    assert window.take("a", 6, 10, 90.0).wait_s == 6.0  # 5 of 10 have faded at 90 s, 6 at 96 s
    assert window.take("a", 5, 10, 90.0).remaining == 0
    assert window.take("b", 1, 10, 90.0).remaining == 9, "each counts by itself"
    assert window.take("a", 1, 10, 300.0).remaining == 9


def test_memory_is_bounded_and_the_most_silent_is_forgotten() -> None:
    window = SlidingWindow(most_clients=100)
    for client in range(1000):
        window.take(str(client), 1, 10, 0.0)
        window.take("0", 0, 10, 0.0)
        assert len(window) <= 100
    assert window.take("0", 0, 10, 0.0).remaining == 9, "it spoke all the time"
    assert window.take("1", 0, 10, 0.0).remaining == 10
