"""Market time: it runs with the wall clock, faster than it, or only when it is told to."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Protocol


class Clock(Protocol):
    """Tells the market's time."""

    def now_ms(self) -> int:
        """Return epoch milliseconds of market time."""


@dataclass(frozen=True, slots=True)
class RunningClock:
    """Market time that began at ``start_ms`` and passes ``speed`` times as fast as the wall clock."""

    start_ms: int
    speed: float = 1.0
    _began: float = field(default_factory=time.monotonic)

    def now_ms(self) -> int:
        """Return epoch milliseconds of market time."""
        return self.start_ms + int((time.monotonic() - self._began) * 1000 * self.speed)


@dataclass(slots=True)
class SteppedClock:
    """Market time that stands still until somebody sets it; for tests."""

    ms: int

    def now_ms(self) -> int:
        """Return epoch milliseconds of market time."""
        return self.ms
