"""What is to be collected: venues, their pairs and streams, and how patient to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from liqgrid.engine.market.instrument import Instrument, Pair
from liqgrid.engine.market.stream import Stream


@dataclass(frozen=True, slots=True)
class VenuePlan:
    """What is collected from a venue, and how it is reached.

    ``base_url`` replaces scheme, host and port of all of the venue's addresses; ``proxy`` is one for HTTP and
    WebSocket; ``options`` go to ccxt's client as they are.
    """

    name: str
    pairs: tuple[Pair, ...]
    streams: frozenset[Stream] = frozenset(Stream)
    base_url: str | None = None
    proxy: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def instruments(self) -> list[Instrument]:
        """The venue's perpetuals of the pairs."""
        return [Instrument(self.name, pair) for pair in self.pairs]


@dataclass(frozen=True, slots=True)
class CollectPlan:
    """All of it.

    A connection that says nothing for ``stall_s`` is taken for dead. Open interest is sampled every ``sample_s``. At
    ``memory_ceiling_mb`` of this process the venues' clients are closed and opened again.
    """

    venues: tuple[VenuePlan, ...]
    stall_s: float = 45.0
    sample_s: float = 60.0
    memory_ceiling_mb: int = 1500
