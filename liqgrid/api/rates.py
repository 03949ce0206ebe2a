"""How much a client may ask in a minute: a sliding window, in memory that does not grow with the number of clients."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

WINDOW_S = 60.0
_MOST_CLIENTS = 20_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a client has left: at most ``limit`` a window, all of it free again in ``reset_s``.

    ``wait_s`` is None where it was granted, else how long to wait before asking for the same again.
    """

    limit: int
    remaining: int
    reset_s: float
    wait_s: float | None = None


@dataclass(slots=True)
class Use:
    """What a client used in the window ``number`` and in the one before it."""

    number: int
    now: int = 0
    before: int = 0

    def take(self, amount: int, limit: int, now_s: float) -> Allowance:
        """Count ``amount`` at a time if that much is left, and say what is left."""
        window, passed_s = divmod(now_s, WINDOW_S)
        number = int(window)
        if number != self.number:
            self.before = self.now if number == self.number + 1 else 0
            self.number, self.now = number, 0
        fading = self.before * (1 - passed_s / WINDOW_S)
        granted = fading + self.now + amount <= limit
        if granted:
            self.now += amount
        reset_s = (2 * WINDOW_S if self.now else WINDOW_S) - passed_s if self.now or self.before else 0.0
        remaining = max(int(limit - self.now - fading), 0)
        return Allowance(limit, remaining, reset_s, None if granted else _wait_s(self, amount, limit, passed_s))


class SlidingWindow:
    """Counts what clients use. What the window before counted for fades evenly while the present one passes.

    No step waits for anything, so requests that run together on one event loop cannot overdraw. Of more clients than
    are kept, the one that was silent longest is forgotten.
    """

    def __init__(self, most_clients: int = _MOST_CLIENTS) -> None:
        self._most = most_clients
        self._uses: OrderedDict[str, Use] = OrderedDict()

    def __len__(self) -> int:
        return len(self._uses)

    def take(self, client: str, amount: int, limit: int, now_s: float) -> Allowance:
        """Count ``amount`` against a client if that much is left, and say what is left."""
        use = self._uses.pop(client, None) or Use(0)
        self._uses[client] = use
        if len(self._uses) > self._most:
            self._uses.popitem(last=False)
        return use.take(amount, limit, now_s)


def _wait_s(use: Use, amount: int, limit: int, passed_s: float) -> float:
    """Return when ``amount``, at most ``limit``, is left, if nothing else is asked."""
    if use.now + amount <= limit:  # within this window: so much of the one before must have faded
        return WINDOW_S * (1 - (limit - amount - use.now) / use.before) - passed_s
    return WINDOW_S - passed_s + WINDOW_S * (1 - (limit - amount) / use.now)
