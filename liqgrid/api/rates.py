"""How much a client may ask in a minute: a sliding window, in memory that does not grow with the number of clients."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

WINDOW_S = 60.0
_MOST_CLIENTS = 20_000


@dataclass(frozen=True, slots=True)
class Reading:
    """What a client has left: at most ``limit`` a window, all of it free again in ``reset_s``.

    ``wait_s`` is None where it was granted, else how long to wait before asking for the same again.
    """

    limit: int
    remaining: int
    reset_s: float
    wait_s: float | None = None


@dataclass(slots=True)
class _Use:
    """What a client used in the window ``number`` and in the one before it."""

    number: int
    now: int = 0
    before: int = 0


class SlidingWindow:
    """Counts what clients use. What the window before counted for fades evenly while the present one passes.

    No step waits for anything, so requests that run together on one event loop cannot overdraw. Of more clients than
    are kept, the one that was silent longest is forgotten.
    """

    def __init__(self, most_clients: int = _MOST_CLIENTS) -> None:
        self._most = most_clients
        self._uses: OrderedDict[str, _Use] = OrderedDict()

    def __len__(self) -> int:
        return len(self._uses)

    def take(self, client: str, amount: int, limit: int, now_s: float) -> Reading:
        """Count ``amount`` against a client if that much is left, and say what is left."""
        number, passed_s = divmod(now_s, WINDOW_S)
        use = self._use(client, int(number))
        fading = use.before * (1 - passed_s / WINDOW_S)
        granted = fading + use.now + amount <= limit
        if granted:
            use.now += amount
        reset_s = (2 * WINDOW_S if use.now else WINDOW_S) - passed_s if use.now or use.before else 0.0
        remaining = max(int(limit - use.now - fading), 0)
        wait_s = None if granted else _wait_s(use, amount, limit, passed_s)
        return Reading(limit, remaining, reset_s, wait_s)

    def _use(self, client: str, number: int) -> _Use:
        use = self._uses.pop(client, None) or _Use(number)
        if number != use.number:
            use = _Use(number, 0, use.now if number == use.number + 1 else 0)
        self._uses[client] = use
        if len(self._uses) > self._most:
            self._uses.popitem(last=False)
        return use


def _wait_s(use: _Use, amount: int, limit: int, passed_s: float) -> float:
    """Return when ``amount``, at most ``limit``, is left, if nothing else is asked."""
    if use.now + amount <= limit:  # within this window: so much of the one before must have faded
        return WINDOW_S * (1 - (limit - amount - use.now) / use.before) - passed_s
    return WINDOW_S - passed_s + WINDOW_S * (1 - (limit - amount) / use.now)
