"""What every resolver is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import strawberry

from liqgrid.api.database import Pool
from liqgrid.api.grids import Budget
from liqgrid.api.visit import Visit


@dataclass(frozen=True, slots=True)
class Context:
    """The pool to read from, the request's id, who asks, and how much it may still be answered with."""

    pool: Pool
    request_id: str
    visit: Visit = field(default_factory=Visit)
    budget: Budget = field(default_factory=Budget)


Info = strawberry.Info[Context, Any]
