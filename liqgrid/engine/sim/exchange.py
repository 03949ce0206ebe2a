"""The exchange's parts, and what its endpoints and streams both read of its market."""

from __future__ import annotations

from dataclasses import dataclass

from liqgrid.engine.sim.clock import Clock
from liqgrid.engine.sim.faults import Faults
from liqgrid.engine.sim.limits import WeightLimit
from liqgrid.engine.sim.parameters import FUNDING_MS
from liqgrid.engine.sim.tape import MINUTE_MS, Market, Minutes, Tape, minutes_seen, play_until


@dataclass(frozen=True, slots=True)
class Exchange:
    """The parts every endpoint and stream works with."""

    market: Market
    clock: Clock
    faults: Faults
    weight: WeightLimit

    def now_ms(self) -> int:
        """Return market time, with the market played so far."""
        now_ms = max(self.clock.now_ms(), self.market.origin_ms)
        play_until(self.market, now_ms + 1)
        return now_ms

    def told_ms(self) -> int:
        """Return the time of day the exchange says it is."""
        return self.now_ms() + self.faults.clock_skew_ms


def funding_history(market: Market, tape: Tape) -> list[tuple[int, float]]:
    """Return times and rates of every funding since the origin, also of those still to come in the played block."""
    return [(market.origin_ms + number * FUNDING_MS, rate) for number, rate in enumerate(tape.funding, 1)]


def funding_now(market: Market, tape: Tape, now_ms: int) -> float:
    """Return the newest funding rate at ``now_ms``."""
    rates = [rate for ms, rate in funding_history(market, tape) if ms <= now_ms]
    return rates[-1] if rates else 1e-4


def newest(market: Market, tape: Tape, now_ms: int) -> Minutes:
    """Return the newest bar there is at ``now_ms``, forming or closed: one row, none in the first seconds of all."""
    bars = minutes_seen(market, tape, now_ms - 2 * MINUTE_MS, now_ms + MINUTE_MS, now_ms)
    return bars.rows(len(bars) - 1, len(bars))
