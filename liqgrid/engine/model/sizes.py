"""Position sizes: how the amount that opens is spread over positions of different notional."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SizeDistribution:
    """A log-normal distribution of notional N, weighted by amount: each unit opened counts once, not each position.

    ``median``: half of what opens is in positions smaller than this, > 0; ``spread``: standard deviation of ln N, > 0.
    """

    median: float
    spread: float

    def share(self, low: float, high: float) -> float:
        """Return the part of the amount in positions of notional in [low, high), 0 <= low <= high <= infinity."""
        return _normal_between(self._score(low), self._score(high))

    def inverse_sum(self, low: float, high: float) -> float:
        """Return the part of the mean of 1/N that lies in [low, high): ∫ f(N)/N dN.

        Divided by ``share`` it is the mean of 1/N over these positions. A log-normal weighted by 1/N is a log-normal
        whose ln is lower by spread²: exp(spread²/2) / median · [Φ(z + spread)] between the two scores z.
        """
        lifted = _normal_between(self._score(low) + self.spread, self._score(high) + self.spread)
        return math.exp(self.spread**2 / 2) / self.median * lifted

    def _score(self, notional: float) -> float:
        return math.log(notional / self.median) / self.spread if notional > 0 else -math.inf


def _normal_between(low: float, high: float) -> float:
    """Return Φ(high) − Φ(low), from the nearer tail so that small parts keep their digits."""
    if low > 0:
        low, high = -high, -low
    return (math.erfc(-high / math.sqrt(2)) - math.erfc(-low / math.sqrt(2))) / 2
