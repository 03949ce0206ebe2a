"""One request's client: what it may still ask, and what its question costs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from liqgrid.api.cost import MAX_COST, Price
from liqgrid.api.rates import Allowance, SlidingWindow
from liqgrid.engine.market.errors import LiqgridError, QueryTooComplex, RateLimited


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may ask in a minute."""

    requests: int = 600
    cost: int = 60_000


class Window(Protocol):
    """Counts what clients use."""

    def take(self, client: str, amount: int, limit: int, now_s: float) -> Allowance:
        """Count ``amount`` against a client if that much is left, and say what is left."""


class Meters:
    """What clients asked in the last minute: of this process, or with ``windows`` of all that share them."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, windows: tuple[Window, Window] | None = None
    ) -> None:
        self.clock = clock
        self.requests, self.cost = windows or (SlidingWindow(), SlidingWindow())


@dataclass(slots=True)
class Visit:
    """A request and who sent it; ``limits`` None for one who may ask without end.

    ``client`` is a key's id, ``local`` or an address: what the log may know. ``price`` is that of the query asked;
    ``key_id`` of who showed a key, and one who ``must_show_key`` is answered nothing before he has.
    """

    client: str = "local"
    limits: Limits | None = None
    meters: Meters = field(default_factory=Meters)
    requests: Allowance | None = None
    requested_cost: int | None = None
    cost: Allowance | None = None
    wait_s: float | None = None
    price: Price | None = None
    key_id: str | None = None
    must_show_key: bool = False

    def enter(self) -> None:
        """Count the request.

        Raises
        ------
        RateLimited
            If the client sent too many.
        """
        if self.limits is None:
            return
        self.requests = self.meters.requests.take(self.client, 1, self.limits.requests, self.meters.clock())
        if self.requests.wait_s is not None:
            raise self._refused(self.requests.wait_s, f"{self.limits.requests} requests a minute")

    def charge(self, cost: int) -> None:
        """Count what a question costs, before it is answered.

        Raises
        ------
        QueryTooComplex
            If no question may cost that much.
        RateLimited
            If the client has not that much left.
        """
        self.requested_cost = cost
        most = MAX_COST if self.limits is None else min(MAX_COST, self.limits.cost)
        if cost > most:
            raise QueryTooComplex(
                f"the query costs {cost} points, and one may cost {most}; shorten its ranges, or send several smaller "
                "ones",
                cost=cost,
            )
        if self.limits is None:
            return
        self.cost = self.meters.cost.take(self.client, cost, self.limits.cost, self.meters.clock())
        if self.cost.wait_s is not None:
            raise self._refused(self.cost.wait_s, f"{self.limits.cost} points of cost a minute")

    def told_cost(self) -> dict[str, int | None] | None:
        """Return what the question cost, of how much a minute, and what is left; None where nothing was counted."""
        if self.requested_cost is None:
            return None
        limit, remaining = (None, None) if self.cost is None else (self.cost.limit, self.cost.remaining)
        return {"requested": self.requested_cost, "limit": limit, "remaining": remaining}

    def headers(self) -> dict[str, str]:
        """Return the headers that tell a client all this."""
        told = {}
        if self.requests is not None:
            told["ratelimit-limit"] = str(self.requests.limit)
            told["ratelimit-remaining"] = str(self.requests.remaining)
            told["ratelimit-reset"] = str(math.ceil(self.requests.reset_s))
        if self.wait_s is not None:
            told["retry-after"] = str(max(math.ceil(self.wait_s), 1))
        if (cost := self.told_cost()) is not None:
            told["x-query-cost"] = ", ".join(f"{name}={value}" for name, value in cost.items() if value is not None)
        return told

    def _refused(self, wait_s: float, what: str) -> LiqgridError:
        self.wait_s = wait_s
        return RateLimited(
            f"you may ask {what}; ask again in {max(math.ceil(wait_s), 1)} s", retry_after_s=round(wait_s, 3)
        )
