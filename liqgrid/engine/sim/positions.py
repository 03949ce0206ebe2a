"""True positions of the simulated market's traders, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from liqgrid.engine.market.arrays import F64, I64, Bool

OPEN_END = np.iinfo(np.int64).max  # end of a position that has not ended


@dataclass(frozen=True, slots=True)
class Positions:
    """Positions of one symbol, (K,) each. Steps are counted from the market's origin and may be negative before it.

    ``number`` is unique in the symbol; ``lots`` the amount in whole lots; ``entry`` quote per base; ``log_level`` the
    logarithm of the liquidation price; ``close_step`` when the trader means to close; ``end_step`` the step in which
    the position ended, ``OPEN_END`` while it has not; ``liquidated`` whether it ended by force.
    """

    number: I64
    is_long: Bool
    lots: I64
    entry: F64
    leverage: F64
    log_level: F64
    open_step: I64
    close_step: I64
    end_step: I64
    liquidated: Bool

    def __len__(self) -> int:
        return len(self.number)

    def where(self, chosen: Bool | I64 | slice) -> Self:
        """Return the chosen positions."""
        return type(self)(*(getattr(self, field.name)[chosen] for field in fields(self)))


def joined(parts: list[Positions]) -> Positions:
    """Return all positions of the parts, in their order."""
    return Positions(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Positions)))


def no_positions() -> Positions:
    """Return none."""
    whole, real, no = np.empty(0, dtype=np.int64), np.empty(0), np.empty(0, dtype=bool)
    return Positions(whole, no, whole, real, real, real, whole, whole, whole, no)
