"""Margin tiers: what margin a venue keeps for a position, by its size and by date.

Venues whose tiers need a key to read get a dated table of published brackets in ``brackets/``.
"""

from __future__ import annotations

import csv
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files

from liqgrid.engine.market.errors import BadData
from liqgrid.engine.market.instrument import Instrument, parse_instrument


@dataclass(frozen=True, slots=True)
class Tier:
    """One margin bracket: for notional in [floor_quote, cap_quote), quote currency.

    ``maintenance_margin_rate`` is a fraction of notional; ``maintenance_amount_quote`` is subtracted, so that the
    margin is continuous in the notional: margin = notional × rate − amount.
    """

    floor_quote: float
    cap_quote: float
    maintenance_margin_rate: float
    maintenance_amount_quote: float
    max_leverage: float


@dataclass(frozen=True, slots=True)
class TierSet:
    """All brackets of one instrument from ``valid_from_ms`` on, ascending by floor, without holes."""

    valid_from_ms: int
    tiers: tuple[Tier, ...]

    def at(self, notional_quote: float) -> Tier:
        """Return the bracket a position of this notional is in (the last one above every cap)."""
        index = bisect_right([tier.floor_quote for tier in self.tiers], notional_quote) - 1
        return self.tiers[max(index, 0)]


def tier_set(valid_from_ms: int, brackets: list[tuple[float, float, float]]) -> TierSet:
    """Return the tier set of ``(cap_quote, maintenance_margin_rate, max_leverage)`` rows, ascending by cap.

    Maintenance amounts follow from continuity: amount_n = amount_{n-1} + floor_n × (rate_n − rate_{n-1})
    (Binance support, "Leverage and Margin of USDⓈ-M Futures").

    Raises
    ------
    BadData
        If there is no row, caps or rates do not ascend, or a leverage is below 1.
    """
    if not brackets:
        raise BadData("a tier set needs at least one bracket; none was given")
    tiers: list[Tier] = []
    floor = amount = previous_rate = 0.0
    for cap, rate, max_leverage in brackets:
        if not (cap > floor and previous_rate < rate < 1 and max_leverage >= 1):
            raise BadData(
                f"bracket was cap {cap:g}, rate {rate:g}, leverage {max_leverage:g} after floor {floor:g} and rate "
                f"{previous_rate:g}; caps and rates must ascend, rates stay below 1 and leverage be at least 1"
            )
        amount += floor * (rate - previous_rate) if tiers else 0.0
        tiers.append(Tier(floor, cap, rate, amount, max_leverage))
        floor, previous_rate = cap, rate
    return TierSet(valid_from_ms, tuple(tiers))


@cache
def published_tiers() -> dict[Instrument, tuple[TierSet, ...]]:
    """Return the project's own table of published brackets, each instrument's sets ascending by date."""
    rows: dict[Instrument, dict[int, list[tuple[float, float, float]]]] = {}
    for path in sorted(files("liqgrid.engine.market").joinpath("brackets").iterdir(), key=lambda p: p.name):
        lines = (line for line in path.read_text("utf-8").splitlines() if not line.startswith("#"))
        for row in csv.DictReader(lines):
            date = datetime.fromisoformat(row["valid_from"]).replace(tzinfo=UTC)
            sets = rows.setdefault(parse_instrument(row["instrument"]), {})
            sets.setdefault(int(date.timestamp() * 1000), []).append(
                (float(row["cap_quote"]), float(row["maintenance_margin_rate"]), float(row["max_leverage"]))
            )
    return {
        instrument: tuple(tier_set(ms, brackets) for ms, brackets in sorted(sets.items()))
        for instrument, sets in rows.items()
    }


def in_force(tier_sets: tuple[TierSet, ...], at_ms: int) -> TierSet:
    """Return the tier set in force at ``at_ms``: the newest that had begun, else the earliest known."""
    begun = [tiers for tiers in tier_sets if tiers.valid_from_ms <= at_ms]
    return begun[-1] if begun else tier_sets[0]
