"""Margin tiers: what margin a venue keeps for a position, by its size and by date.

Collectors store the tiers that venues publish without a key. Of others the project has a dated table of published
brackets in ``brackets/``. Where neither knows an instrument, a stated default of its venue is assumed.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files

from liqgrid.engine.market.errors import BadData
from liqgrid.engine.market.instrument import Instrument, parse_instrument

# Highest leverage assumed on a venue for an instrument without known tiers, at every size. 20x is what Binance lets
# every account have, and the least its coin-margined contracts offered (support, "Leverage and Margin in Coin-Margined
# Futures Contracts"); for Bybit and OKX it is a guess of the same kind. 5x is the second bracket of Hyperliquid's
# smaller coins (docs, "Margin tiers"). No level is then shown nearer to the price than the venue is likely to allow.
_ASSUMED_LEVERAGE = {"binance": 20.0, "bybit": 20.0, "okx": 20.0, "hyperliquid": 5.0}


@dataclass(frozen=True, slots=True)
class Tier:
    """One margin bracket: for notional in [floor_quote, cap_quote).

    ``maintenance_margin_rate`` is a fraction of notional; ``maintenance_amount_quote`` is subtracted:
    margin = notional × rate − amount. The venue's own amounts make that continuous in the notional. ``cap_quote`` of
    the last bracket may be infinite.

    Units: quote currency for linear contracts. For inverse ones floor, cap and amount are in **base coin**, in which
    they are margined (names and columns stay). Amount ÷ notional is a fraction either way: a level needs no price.
    """

    floor_quote: float
    cap_quote: float
    maintenance_margin_rate: float
    maintenance_amount_quote: float
    max_leverage: float


@dataclass(frozen=True, slots=True)
class TierSet:
    """All brackets of one instrument from ``valid_from_ms`` on, ascending by floor, without holes.

    ``assumed``: nobody published these for the instrument; they are the default of its venue.

    Raises
    ------
    BadData
        If there is no bracket, or one does not follow from the one before it; the message names it.
    """

    valid_from_ms: int
    tiers: tuple[Tier, ...]
    assumed: bool = False

    def __post_init__(self) -> None:
        """Check every bracket, for tables, venues and the database alike."""
        if not self.tiers:
            raise BadData("a tier set needs at least one bracket; none was given")
        for row, tier in enumerate(self.tiers):
            fault = _fault(self.tiers[row - 1] if row else None, tier)
            if fault:
                raise BadData(
                    f"bracket {row + 1} of {len(self.tiers)} was floor {tier.floor_quote:g}, cap {tier.cap_quote:g}, "
                    f"rate {tier.maintenance_margin_rate:g}, amount {tier.maintenance_amount_quote:g}, "
                    f"leverage {tier.max_leverage:g}; {fault}"
                )


def _fault(before: Tier | None, tier: Tier) -> str | None:
    """Return what must hold of a bracket and does not. Every comparison is false of NaN."""
    rate, leverage = tier.maintenance_margin_rate, tier.max_leverage
    # What a position of the floor must keep at most; the slack is for amounts that a venue rounded.
    most_amount = tier.floor_quote * rate * (1 + 1e-6)
    rules = {
        "the floor must be the cap of the bracket before, 0 for the first": tier.floor_quote
        == (before.cap_quote if before else 0.0),
        "caps must ascend": tier.cap_quote > tier.floor_quote and math.isfinite(tier.floor_quote),
        "rates must be in (0, 1)": 0 < rate < 1,
        "rates must not descend": before is None or rate >= before.maintenance_margin_rate,
        "the amount must be in [0, floor × rate]": 0 <= tier.maintenance_amount_quote <= most_amount,
        "leverage must be at least 1": 1 <= leverage < math.inf,
        "leverage must not ascend": before is None or leverage <= before.max_leverage,
    }
    return next((rule for rule, holds in rules.items() if not holds), None)


def tier_set(valid_from_ms: int, brackets: list[tuple[float, float, float]]) -> TierSet:
    """Return the tier set of ``(cap_quote, maintenance_margin_rate, max_leverage)`` rows, ascending by cap.

    Maintenance amounts follow from continuity: amount_n = amount_{n-1} + floor_n × (rate_n − rate_{n-1})
    (Binance support, "Leverage and Margin of USDⓈ-M Futures"; Bybit help, "Margin Parameters"; Hyperliquid docs,
    "Margin tiers").

    Raises
    ------
    BadData
        As ``TierSet``.
    """
    tiers: list[Tier] = []
    floor = amount = previous_rate = 0.0
    for cap, rate, max_leverage in brackets:
        amount += floor * (rate - previous_rate) if tiers else 0.0
        tiers.append(Tier(floor, cap, rate, amount, max_leverage))
        floor, previous_rate = cap, rate
    return TierSet(valid_from_ms, tuple(tiers))


def half_initial_rate(max_leverage: float) -> float:
    """Return the maintenance margin rate that is half the initial margin at the highest leverage.

    Hyperliquid's rule for each of its tiers (docs, "Margin tiers"): 1 / (2 × max leverage), 1.25 % at 40x.
    """
    return 1 / (2 * max_leverage)


def assumed_tiers(instrument: Instrument) -> TierSet:
    """Return the tiers assumed for an instrument of which none are known: one bracket for every size.

    Raises
    ------
    BadData
        If the venue has no default.
    """
    leverage = _ASSUMED_LEVERAGE.get(instrument.venue)
    if leverage is None:
        raise BadData(f"{instrument}: no margin tiers are known, and venue {instrument.venue!r} has no default")
    return TierSet(0, (Tier(0.0, math.inf, half_initial_rate(leverage), 0.0, leverage),), assumed=True)


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
                (float(row["cap"]), float(row["maintenance_margin_rate"]), float(row["max_leverage"]))
            )
    return {
        instrument: tuple(tier_set(ms, brackets) for ms, brackets in sorted(sets.items()))
        for instrument, sets in rows.items()
    }


def in_force(tier_sets: tuple[TierSet, ...], at_ms: int) -> TierSet:
    """Return the tier set in force at ``at_ms``: the newest that had begun, else the earliest known."""
    begun = [tiers for tiers in tier_sets if tiers.valid_from_ms <= at_ms]
    return begun[-1] if begun else tier_sets[0]
