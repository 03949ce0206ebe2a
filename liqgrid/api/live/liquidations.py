"""Realised liquidations as they arrive, from a position on.

A venue may tell one late, so the position is not a time: it is the newest arrival seen of each instrument.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from liqgrid.api.database import Pool
from liqgrid.api.live.following import Batch
from liqgrid.engine.market.errors import BadRequest
from liqgrid.engine.market.instrument import Pair, Side
from liqgrid.sql import queries

MAX_WAITING = 10_000
_BATCH = 200
_SQL = queries("api_live")
_TEXT = re.compile(r"liquidations:([A-Z0-9-]{1,40}):((?:\d{1,10}=\d{1,18},?)+)", re.ASCII)

Arrivals = tuple[tuple[int, int], ...]  # (instrument, newest arrival seen)


@dataclass(frozen=True, slots=True)
class LiquidationEvent:
    """A realised liquidation as a venue published it."""

    venue: str
    pair: str
    ts_ms: int
    side: Side
    price: float
    amount_base: float


def liquidation_text(pair: Pair, position: Arrivals) -> str:
    """Return a position as text."""
    return f"liquidations:{pair}:" + ",".join(f"{instrument_id}={arrival}" for instrument_id, arrival in position)


def liquidation_position(pair: Pair, text: str) -> Arrivals:
    """Return the position that a text stands for.

    Raises
    ------
    BadRequest
        If it is none of this pair.
    """
    match = _TEXT.fullmatch(text)
    if match is None or match[1] != str(pair):
        raise BadRequest("after is no cursor of liquidations of this pair; leave it out to begin with what comes next")
    position = [tuple(map(int, one.split("="))) for one in match[2].split(",") if one]
    if any(instrument_id > 2**31 - 1 for instrument_id, _ in position):
        raise BadRequest("after is no cursor of this server; leave it out to begin with what comes next")
    return tuple(sorted((instrument_id, arrival) for instrument_id, arrival in position))


async def begin_liquidations(pool: Pool, pair: Pair) -> Arrivals:
    """Return the position after all that is stored."""
    return tuple(sorted(tuple(row) for row in await pool.fetch(_SQL["newest_arrivals"], str(pair))))


async def read_liquidations_since(pool: Pool, pair: Pair, position: Arrivals) -> Batch[LiquidationEvent, Arrivals]:
    """Return the first liquidations that arrived since a position."""
    ids, arrivals = [one for one, _ in position], [arrival for _, arrival in position]
    rows = await pool.fetch(_SQL["liquidations_since"], str(pair), ids, arrivals, MAX_WAITING, _BATCH)
    seen = dict(position)
    events = []
    for row in rows:
        seen[row["instrument_id"]] = row["arrival"]
        event = LiquidationEvent(
            row["venue"], row["pair"], row["ts_ms"], Side(row["side"]), row["price"], row["amount_base"]
        )
        events.append((event, tuple(sorted(seen.items()))))
    return Batch(events, rows[0]["waiting"] if rows else 0)
