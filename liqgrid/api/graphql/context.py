"""What every resolver is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import strawberry

from liqgrid.api.database import Pool
from liqgrid.api.grids import Budget
from liqgrid.api.lineage import StepCache


@dataclass(frozen=True, slots=True)
class Context:
    """The pool to read from, the request's id, past steps already read, and how much it may still be answered with."""

    pool: Pool
    request_id: str
    steps: StepCache = field(default_factory=StepCache)
    budget: Budget = field(default_factory=Budget)


Info = strawberry.Info[Context, Any]
