"""The venue's request limits by weight: 429 over the limit, 418 for those who go on regardless."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

_MINUTE_S = 60


@dataclass(slots=True)
class WeightLimit:
    """Weight one address may use in a minute of wall time; ``limit`` 0 counts and never refuses.

    Over the limit every request is refused with 429 until the minute is over; after ``patience`` refusals in one
    minute the address is banned for ``ban_s`` (418).
    """

    limit: int = 0
    patience: int = 10
    ban_s: int = 120
    now_s: Callable[[], float] = time.monotonic
    minute: int = -1
    used: int = 0
    refused: int = 0
    banned_until_s: float = 0.0
    counts: dict[int, int] = field(default_factory=lambda: {418: 0, 429: 0})

    def take(self, weight: int) -> tuple[int, int] | None:
        """Use ``weight``; return status and Retry-After in seconds where it is refused."""
        now = self.now_s()
        if now < self.banned_until_s:
            return self._refuse(418, self.banned_until_s - now)
        if int(now // _MINUTE_S) != self.minute:
            self.minute, self.used, self.refused = int(now // _MINUTE_S), 0, 0
        self.used += weight
        if not self.limit or self.used <= self.limit:
            return None
        self.refused += 1
        if self.refused > self.patience:
            self.banned_until_s = now + self.ban_s
            return self._refuse(418, self.ban_s)
        return self._refuse(429, (self.minute + 1) * _MINUTE_S - now)

    def _refuse(self, status: int, wait_s: float) -> tuple[int, int]:
        self.counts[status] += 1
        return status, max(int(wait_s) + 1, 1)


def kline_weight(limit: int) -> int:
    """Return what a request for that many bars weighs."""
    return 1 if limit < 100 else 2 if limit < 500 else 5 if limit <= 1000 else 10
