"""What every resolver is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import strawberry

from liqgrid.api.database import Pool
from liqgrid.api.grids import Budget
from liqgrid.api.live.following import Live


@dataclass(frozen=True, slots=True)
class Context:
    """The pool to read from, the request's id, the budget it is answered within, and what subscriptions share."""

    pool: Pool
    request_id: str
    budget: Budget = field(default_factory=Budget)
    live: Live = field(default_factory=Live)


Info = strawberry.Info[Context, Any]
