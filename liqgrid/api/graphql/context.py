"""What every resolver is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import strawberry

from liqgrid.api.database import Pool
from liqgrid.api.grids import Budget
from liqgrid.api.keys import KeyRing
from liqgrid.api.lineage import StepCache
from liqgrid.api.live.following import Live
from liqgrid.api.visit import Visit
from liqgrid.engine.market.errors import Unauthorised


@dataclass(frozen=True, slots=True)
class Context:
    """What a question is answered with.

    The pool, the request's id, past steps already read, who asks, what is left, what subscriptions share, and the keys.
    """

    pool: Pool
    request_id: str
    steps: StepCache = field(default_factory=StepCache)
    visit: Visit = field(default_factory=Visit)
    budget: Budget = field(default_factory=Budget)
    live: Live = field(default_factory=Live)
    keys: KeyRing | None = None

    async def check_key(self) -> None:
        """Raise if the key that opened this connection has been taken back since.

        Raises
        ------
        Unauthorised
            Saying so.
        """
        key_id = self.visit.key_id
        if key_id is not None and self.keys is not None and not await self.keys.still_opens(key_id):
            raise Unauthorised("the key was revoked")


Info = strawberry.Info[Context, Any]
