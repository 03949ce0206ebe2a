"""Signals: which side is heavier nearby, what funding and open interest say of it, and whether they agree.

Descriptions of one moment, never advice. Every threshold stands here and in docs/model.md ("Signals"); they were chosen
beforehand and fitted to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from liqgrid.engine.market.instrument import Side
from liqgrid.engine.model.exposure import Band

WITHIN_FRACTION = 0.05  # of the price: how far a side is looked at
HEAVIER_IMBALANCE = 0.1  # a side is heavier from here on: 55 % to 45 %
# A day of funding at the usual interest part of 0.01 % each 8 hours; above it longs pay for being many.
HIGH_FUNDING_FRACTION = 3e-4
LOW_FUNDING_FRACTION = 1e-4  # under a third of that, shorts are many
FUNDING_STEP_FRACTION = 1e-4  # of a day: less is no change
OPEN_INTEREST_STEP_FRACTION = 0.02  # in a day: less is no change
WINDOW_MS = 86_400_000


class Trend(StrEnum):
    """Where a number went."""

    RISING = "rising"
    FALLING = "falling"
    FLAT = "flat"


@dataclass(frozen=True, slots=True)
class Funding:
    """Funding of an instrument: its newest rate, and sums of what was paid in the last 24 hours and the 24 before.

    Fractions of notional; above 0 longs pay shorts. ``before_fraction`` is None where nothing is known of those hours.
    """

    rate_fraction: float
    day_fraction: float
    before_fraction: float | None

    @property
    def change_fraction(self) -> float | None:
        """Return the last day less the day before."""
        return None if self.before_fraction is None else self.day_fraction - self.before_fraction

    @property
    def trend(self) -> Trend | None:
        """Return where it went."""
        return None if self.change_fraction is None else _trend(self.change_fraction, FUNDING_STEP_FRACTION)

    @property
    def paying(self) -> Side | None:
        """Return the side that pays for being many: longs above the usual interest, shorts below 0; else None."""
        if self.day_fraction > HIGH_FUNDING_FRACTION:
            return Side.LONG
        return Side.SHORT if self.day_fraction < 0 else None


@dataclass(frozen=True, slots=True)
class OpenInterest:
    """Open interest of an instrument, one side, base units, and that of 24 hours before; None where unknown."""

    base: float
    before_base: float | None

    @property
    def change_fraction(self) -> float | None:
        """Return how much of it was added in 24 hours."""
        return None if self.before_base is None else self.base / self.before_base - 1

    @property
    def trend(self) -> Trend | None:
        """Return where it went."""
        return None if self.change_fraction is None else _trend(self.change_fraction, OPEN_INTEREST_STEP_FRACTION)


def heavier_side(band: Band) -> Side | None:
    """Return the side with clearly more notional in a band; None where neither has, or both are empty."""
    return band.heavier if abs(band.imbalance) >= HEAVIER_IMBALANCE else None


def agree(band: Band, funding: Funding | None, open_interest: OpenInterest | None) -> bool | None:
    """Return whether the heavier side is the one that pays funding while open interest rises; None if unknown."""
    if funding is None or open_interest is None or open_interest.trend is None:
        return None
    heavier = heavier_side(band)
    return heavier is not None and heavier is funding.paying and open_interest.trend is Trend.RISING


def squeezed_side(band: Band, funding: Funding | None, open_interest: OpenInterest | None) -> Side | None:
    """Return the side that a squeeze would liquidate: heavier, with funding to match, while open interest rises.

    Shorts where funding is negative or low (a rise would liquidate them), longs where it is high (a fall would).
    None where it is neither, or an input is unknown.
    """
    if funding is None or open_interest is None or open_interest.trend is not Trend.RISING:
        return None
    heavier = heavier_side(band)
    if heavier is Side.SHORT and funding.day_fraction < LOW_FUNDING_FRACTION:
        return heavier
    return heavier if heavier is Side.LONG and funding.day_fraction > HIGH_FUNDING_FRACTION else None


def _trend(change: float, step: float) -> Trend:
    if abs(change) < step:
        return Trend.FLAT
    return Trend.RISING if change > 0 else Trend.FALLING
