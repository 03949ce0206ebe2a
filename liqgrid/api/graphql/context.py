"""What every resolver is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import strawberry

from liqgrid.api.database import Pool
from liqgrid.api.grids import Budget
from liqgrid.api.lineage import StepCache
from liqgrid.api.visit import Visit


@dataclass(frozen=True, slots=True)
class Context:
    """What a question is answered with: the pool, the request's id, past steps already read, who asks, what is left."""

    pool: Pool
    request_id: str
    steps: StepCache = field(default_factory=StepCache)
    visit: Visit = field(default_factory=Visit)
    budget: Budget = field(default_factory=Budget)


Info = strawberry.Info[Context, Any]
