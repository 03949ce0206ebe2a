"""A GraphQL answer as bytes: what is the same for all who ask, and what is not.

Who asks is told his own cost; and an age has grown since the answer was made. The rest is encoded once, and comes last:
what is sent after a large piece waits until the client has taken that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from liqgrid.api.cost import Price
from liqgrid.api.encode import to_json
from liqgrid.api.reading import Reading, interleaved
from liqgrid.api.visit import Visit
from liqgrid.engine.market.errors import LiqgridError

_PLAIN = {"query", "variables", "operationName", "extensions"}
_MOST_AT_ONCE = 64 * 1024  # bytes put together, so as not to be sent piece by piece


@dataclass(frozen=True, slots=True)
class Question:
    """A query as it was sent, by which its answer is found again."""

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None

    @property
    def key(self) -> tuple[str, bytes, str | None]:
        """What equal questions have in common, in whatever order they name their variables."""
        return self.query, orjson.dumps(self.variables or {}, option=orjson.OPT_SORT_KEYS), self.operation_name


async def question_of(request: Request) -> Question | None:
    """Return the one query of a request, None where it is anything else: for the view to see to."""
    headers = request.headers
    if request.method != "POST" or headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return None
    if "multipart/" in (accepted := headers.get("accept", "")) or "event-stream" in accepted:
        return None
    try:
        asked = orjson.loads(await request.body())
    except orjson.JSONDecodeError:
        return None
    if not isinstance(asked, dict) or not asked.keys() <= _PLAIN or asked.get("extensions"):
        return None
    query, variables, name = asked.get("query"), asked.get("variables"), asked.get("operationName")
    if not isinstance(query, str) or not isinstance(variables, dict | None) or not isinstance(name, str | None):
        return None
    return Question(query, variables, name or None)


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer without errors: its data as bytes, an age between each piece and the next; and its price."""

    pieces: tuple[bytes, ...]
    since_ms: tuple[int, ...]
    simulated: bool
    price: Price

    @property
    def size(self) -> int:
        """How many bytes it is."""
        return sum(len(piece) for piece in self.pieces)

    def for_visit(self, visit: Visit) -> Response | None:
        """Return the answer to a further visit, charged for it; None where that may not be."""
        try:
            visit.charge(self.price.points())
        except LiqgridError:  # said by the view, in its form
            visit.wait_s = None
            return None
        return self.response(visit)

    def response(self, visit: Visit) -> Response:
        """Return the answer to a visit that was charged."""
        pieces = interleaved(self.pieces, self.since_ms) if self.since_ms else list(self.pieces)
        told = to_json({"extensions": extensions_of(visit, simulated=self.simulated)})
        return Pieces([told[:-1] + b',"data":', *pieces])


def extensions_of(visit: Visit, *, simulated: bool) -> dict[str, object]:
    """Return what an answer says beside its data."""
    extensions: dict[str, object] = {}
    if simulated:
        extensions["simulated"] = True
    if (cost := visit.told_cost()) is not None:
        extensions["cost"] = cost
    return extensions


def kept_answer(data: Mapping[str, object], reading: Reading, price: Price, *, simulated: bool) -> KeptAnswer:
    """Return an answer that can be given again."""
    pieces, since_ms = reading.split(to_json(data) + b"}")
    return KeptAnswer(tuple(pieces), tuple(since_ms), simulated, price)


class Pieces(Response):
    """A response whose body is sent as it lies in memory, the large pieces without being put together."""

    media_type = "application/json"

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces
        size = sum(len(piece) for piece in pieces)
        super().__init__(b"".join(pieces) if size <= _MOST_AT_ONCE else b"")
        self.headers["content-length"] = str(size)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        if self.body:
            await super().__call__(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        largest = max(range(len(self._pieces)), key=lambda place: len(self._pieces[place]))
        first, last = b"".join(self._pieces[:largest]), b"".join(self._pieces[largest + 1 :])
        parts = [part for part in (first, self._pieces[largest], last) if part]
        for part in parts[:-1]:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": parts[-1], "more_body": False})
