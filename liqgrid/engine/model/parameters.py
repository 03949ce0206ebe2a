"""Parameters of the model, and the hash by which every column names them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from itertools import pairwise

from liqgrid.engine.market.errors import BadSetting

# Raised with every change that makes other columns out of the same inputs and parameters.
MODEL_VERSION = "2"

_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class ModelParameters:
    """What the replay assumes; docs/model.md says why.

    ``leverages`` are the classes of the leverage profile, all >= 2, and the share of a class in what opens is
    ∝ leverage ** ``profile_exponent``. ``turnover_fraction`` is the part of traded volume that closes positions
    (τ). ``modelled_share`` is the part of open interest the book stands for (s); the rest is hedged, far away or
    under 2x. Position sizes, by which margin tiers are chosen, are log-normal in notional, weighted by amount: half of
    what opens is in positions under ``position_median_quote``, and ``position_spread`` is the standard deviation of the
    logarithm. Inverse contracts, whose tiers are in coin, have the median at ``inverse_median_fraction`` of the cap of
    their first tier.
    ``max_gap_ms``: after a longer gap in the bars nothing is known about entries, so the book is unplaced again.
    """

    leverages: tuple[float, ...] = (2, 3, 5, 7, 10, 15, 20, 25, 33, 50, 75, 100, 125)
    profile_exponent: float = -1.0
    turnover_fraction: float = 1.0
    modelled_share: float = 1.0
    position_median_quote: float = 100_000.0
    position_spread: float = 2.0
    inverse_median_fraction: float = 0.3
    max_gap_ms: int = _DAY_MS

    def __post_init__(self) -> None:
        """Check every value, so that kernels need not."""
        ascending = all(a < b for a, b in pairwise(self.leverages))
        checks = {
            "leverages": bool(self.leverages) and ascending and 2 <= self.leverages[0] <= self.leverages[-1] <= 1000,
            "profile_exponent": -5 <= self.profile_exponent <= 5,
            "turnover_fraction": 0 <= self.turnover_fraction <= 10,
            "modelled_share": 0 < self.modelled_share <= 1,
            "position_median_quote": 0 < self.position_median_quote <= 1e12,
            "position_spread": 0.001 <= self.position_spread <= 10,
            "inverse_median_fraction": 0 < self.inverse_median_fraction <= 1000,
            "max_gap_ms": self.max_gap_ms > 0,
        }
        for field in fields(self):
            if not checks[field.name]:
                raise BadSetting(f"model parameter {field.name} was {getattr(self, field.name)!r}; it is out of range")

    def digest(self) -> str:
        """Return the hash of version and parameters, 16 hexadecimal digits."""
        values = {
            name: [float(one) for one in value] if isinstance(value, tuple) else float(value)
            for name, value in asdict(self).items()
        }  # as floats: 1 and 1.0 are the same parameter
        text = json.dumps({"model": MODEL_VERSION, **values}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]
