"""Faults of the local exchange: what may go wrong, how often, and how often it did.

Every kind of fault has its own random stream, so that switching one on changes nothing about the others. All can be
changed while the exchange runs.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from random import Random
from zlib import crc32

from liqgrid.engine.market.errors import BadSetting


@dataclass(slots=True)
class Faults:
    """Chances in [0, 1] that something goes wrong; all 0 for an exchange that works.

    Per HTTP request: ``too_many_requests`` (429) and ``banned`` (418) with Retry-After of ``retry_after_s``,
    ``server_error`` (500, 502, 503 or 504), ``cut_response`` (the connection is cut in the middle of the body).
    Per WebSocket frame: ``cut_socket``, ``stall`` (the connection stays open and is silent from then on),
    ``duplicate``, ``reorder`` (the frame comes after the next), ``malformed``.
    Per bar of one minute: ``late_bar`` (not served until ``late_by_ms`` after its close) and ``lost_bar`` (never
    served). ``clock_skew_ms`` is added to the exchange's own time of day, not to the times of bars.
    """

    too_many_requests: float = 0.0
    banned: float = 0.0
    server_error: float = 0.0
    cut_response: float = 0.0
    cut_socket: float = 0.0
    stall: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    malformed: float = 0.0
    late_bar: float = 0.0
    lost_bar: float = 0.0
    late_by_ms: int = 600_000
    retry_after_s: int = 1
    clock_skew_ms: int = 0
    seed: int = 0
    counts: Counter[str] = field(default_factory=Counter, init=False)
    _streams: dict[str, Random] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        """Check the chances."""
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(one.default, float) and not 0 <= value <= 1:
                raise BadSetting(f"fault {one.name} was {value!r}; it is a chance within 0 and 1")

    def strikes(self, name: str) -> bool:
        """Draw whether the fault happens now, and count it."""
        chance: float = getattr(self, name)
        if chance <= 0:
            return False
        struck = self.stream(name).random() < chance
        self.counts[name] += struck
        return struck

    def stream(self, name: str) -> Random:
        """Return the random stream of one kind of fault."""
        if name not in self._streams:
            self._streams[name] = Random(f"{self.seed} {name}")  # noqa: S311 - reproducible, no secret
        return self._streams[name]

    def hides(self, symbol: str, open_ms: int, now_ms: int) -> bool:
        """Return whether the bar of a minute is missing at ``now_ms``; always the same for the same bar and time."""
        if self.late_bar <= 0 and self.lost_bar <= 0:
            return False
        draw = crc32(f"{self.seed} {symbol} {open_ms}".encode()) / 2**32
        if draw < self.lost_bar:
            self.counts["lost_bar"] += 1
            return True
        if draw < self.lost_bar + self.late_bar and now_ms < open_ms + 60_000 + self.late_by_ms:
            self.counts["late_bar"] += 1
            return True
        return False
