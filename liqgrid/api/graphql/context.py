"""What every resolver is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import strawberry

from liqgrid.api.database import Pool


@dataclass(frozen=True, slots=True)
class Context:
    """The pool to read from, and the request's id."""

    pool: Pool
    request_id: str


Info = strawberry.Info[Context, Any]
