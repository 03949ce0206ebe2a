"""Which windows are asked for: together they are the whole span, none is longer than a page, none reaches too far."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqgrid.engine.collect.venues.venue import MINUTE_MS, Source
from liqgrid.engine.collect.windows import backward, count, forward, is_due, newest_end, oldest_start
from liqgrid.engine.store.progress import Gap, Span


async def nothing(*_: Any) -> Any:
    raise AssertionError


def source(page: int = 1000, step_ms: int = MINUTE_MS, depth_ms: int | None = None, late_ms: int = 0) -> Source:
    return Source(nothing, step_ms, page, depth_ms, late_ms)


@given(
    start=st.integers(0, 10_000), steps=st.integers(-5, 5_000), page=st.integers(1, 1500), step_ms=st.just(MINUTE_MS)
)
def test_windows_are_the_whole_span(start: int, steps: int, page: int, step_ms: int) -> None:
    one = source(page, step_ms)
    span = Span(start * step_ms, (start + steps) * step_ms)
    ahead, back = list(forward(span, one)), list(backward(span, one))
    assert len(ahead) == len(back) == count(span, one)
    for windows in (ahead, back[::-1]):
        assert all(0 < window.end_ms - window.start_ms <= one.window_ms for window in windows)
        edges = [edge for window in windows for edge in (window.start_ms, window.end_ms)]
        assert edges == sorted(edges)
        assert edges[1:-1:2] == edges[2:-1:2]
        if steps > 0:
            assert (edges[0], edges[-1]) == (span.start_ms, span.end_ms)


def test_what_forms_or_is_published_late_is_left_to_the_next_time() -> None:
    assert newest_end(source(), 5 * MINUTE_MS) == 5 * MINUTE_MS
    assert newest_end(source(), 5 * MINUTE_MS + 59_999) == 5 * MINUTE_MS
    assert newest_end(source(step_ms=5 * MINUTE_MS, late_ms=5 * MINUTE_MS), 12 * MINUTE_MS) == 5 * MINUTE_MS


def test_nothing_is_asked_for_that_the_venue_no_longer_has() -> None:
    now_ms = 1_000_000 * MINUTE_MS
    assert oldest_start(source(), 7, now_ms) == MINUTE_MS
    assert oldest_start(source(depth_ms=10 * MINUTE_MS), 7, now_ms) == now_ms - 10 * MINUTE_MS


@pytest.mark.parametrize(("attempts", "pause_s"), [(0, 0), (1, 30), (2, 120), (3, 480), (30, 86_400)])
def test_a_gap_is_asked_for_less_and_less_often(attempts: int, pause_s: int) -> None:
    assert is_due(Gap(Span(0, 1), attempts, pause_s * 1000))
    assert attempts == 0 or not is_due(Gap(Span(0, 1), attempts, pause_s * 1000 - 1))
