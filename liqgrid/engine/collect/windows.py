"""Which windows of time to ask for: whole steps, a page each, forward to now or backward into the past."""

from __future__ import annotations

from collections.abc import Iterator

from liqgrid.engine.collect.venues.venue import Source
from liqgrid.engine.store.progress import Gap, Span

_FIRST_PAUSE_MS = 30_000
_LONGEST_PAUSE_MS = 86_400_000


def newest_end(source: Source, venue_ms: int) -> int:
    """Return up to when rows can be expected: what is published late is left to the next time, and so is a bar that
    is still forming.
    """  # noqa: D205
    return (venue_ms - source.late_ms) // source.step_ms * source.step_ms


def oldest_start(source: Source, start_ms: int, venue_ms: int) -> int:
    """Return from when on rows can be had, at or after ``start_ms``, on a whole step."""
    earliest_ms = start_ms if source.depth_ms is None else max(start_ms, venue_ms - source.depth_ms)
    return -(-earliest_ms // source.step_ms) * source.step_ms


def forward(span: Span, source: Source) -> Iterator[Span]:
    """Yield the windows of a span, oldest first."""
    for start_ms in range(span.start_ms, span.end_ms, source.window_ms):
        yield Span(start_ms, min(start_ms + source.window_ms, span.end_ms))


def backward(span: Span, source: Source) -> Iterator[Span]:
    """Yield the windows of a span, newest first."""
    for end_ms in range(span.end_ms, span.start_ms, -source.window_ms):
        yield Span(max(end_ms - source.window_ms, span.start_ms), end_ms)


def count(span: Span, source: Source) -> int:
    """Return how many windows a span has."""
    return max(0, -(-(span.end_ms - span.start_ms) // source.window_ms))


def is_due(gap: Gap) -> bool:
    """Return whether a gap is to be asked for again: at once, after half a minute, two, eight, … once a day at most."""
    pause_ms = 0 if not gap.attempts else min(_FIRST_PAUSE_MS * 4 ** min(gap.attempts - 1, 10), _LONGEST_PAUSE_MS)
    return gap.waited_ms >= pause_ms
