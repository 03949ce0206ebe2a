"""The client: a method for every question."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import quote

from liqgrid_client import documents
from liqgrid_client.asynchronous.series import AsyncSeries
from liqgrid_client.asynchronous.stream import follow
from liqgrid_client.asynchronous.transport import AsyncTransport
from liqgrid_client.questions import on_request, one, one_or_none, question, several, whole
from liqgrid_client.settings import settings_of
from liqgrid_client.types import (
    Cascade,
    Clusters,
    Exposure,
    Grid,
    GridColumnEvent,
    Interval,
    LiquidationSeries,
    Pair,
    PairConnection,
    RealisedLiquidation,
    Side,
    Signals,
    Skill,
    Status,
    StopZones,
    Unit,
)
from liqgrid_client.wire import Time, listed, parameters

Venues = str | Iterable[str]
Exported = Literal[
    "grids", "bars", "open-interest", "funding-rates", "long-short-ratios", "liquidations", "liquidation-bars"
]
_PAIRS_AT_ONCE = 200


class AsyncClient(AsyncSeries):
    """A server of liqgrid, for asyncio.

    Parameters
    ----------
    url
        Where it is; else ``LIQGRID_URL``, else http://localhost:8000.
    key
        The API key; else ``LIQGRID_API_KEY``, else none, which does on the server's own machine.
    timeout
        Seconds without a sign of the server after which a question is given up.
    patience
        Seconds for which a question is asked again, or a stream opened again, while the server is away, busy or the
        key's minute is used up. 0: never.
    tls
        What to trust, where the system's certificates do not do.

    Every method raises ``LiqgridError``, whose ``code`` says why. One client serves many questions at a time; close it
    at the end, or use it in ``with``.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        key: str | None = None,
        timeout: float = 30.0,
        patience: float = 120.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._transport = AsyncTransport(settings_of(url, key, timeout, patience, tls))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self._transport.settings.url)!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def grid(
        self,
        pair: str,
        interval: Interval,
        *,
        start: Time | None = None,
        end: Time | None = None,
        last: int | None = None,
        venues: Venues | None = None,
        price_low: float | None = None,
        price_high: float | None = None,
        rows: int = 300,
        unit: Unit = "quote",
    ) -> Grid:
        """Return the heatmap of a pair (BTC-USDT), or of a coin (BTC): all its dollar pairs added.

        Columns that close in [start, end), or the ``last`` (288) of them before ``end``; ``rows`` geometric price rows
        between ``price_low`` and ``price_high`` (default: 10 % beyond the range of the bars).
        """
        return await self._transport.ask(
            question(
                documents.GRID, one(Grid), pair=pair, interval=interval, start=start, end=end, last=last,
                venues=listed(venues), price_low=price_low, price_high=price_high, rows=rows, unit=unit,
            )
        )  # fmt: skip

    async def top_clusters(
        self,
        pair: str,
        interval: Interval,
        *,
        at: Time | None = None,
        venues: Venues | None = None,
        side: Side | None = None,
        within: float = 0.1,
        limit: int = 10,
        composition: bool = False,
        lineage: bool = False,
    ) -> Clusters:
        """Return the densest price ranges of the newest column at or before ``at``, largest notional first.

        Those whose peak is ``within`` a fraction of the price. ``composition`` says what each is made of, ``lineage``
        where it came from (``id born born_before peak swept``); both cost the server, and the key's minute, more.
        """
        return await self._transport.ask(
            question(
                documents.TOP_CLUSTERS, one(Clusters), on_request(composition=composition, lineage=lineage), pair=pair,
                interval=interval, at=at, venues=listed(venues), side=side, within=within, limit=limit,
            )
        )  # fmt: skip

    async def exposure(
        self,
        pair: str,
        interval: Interval,
        *,
        at: Time | None = None,
        venues: Venues | None = None,
        bands: Iterable[float] | None = None,
        composition: bool = False,
        lineage: bool = False,
    ) -> Exposure:
        """Return both sides' notional within ``bands`` (fractions of the price; default 0.01, 0.02, 0.05, 0.1).

        Which side is heavier, what is nearest, what a move to any price would liquidate, and where each band lies
        among those of the 90 days before; of the newest column at or before ``at``.
        """
        return await self._transport.ask(
            question(
                documents.EXPOSURE, one(Exposure), on_request(composition=composition, lineage=lineage), pair=pair,
                interval=interval, at=at, venues=listed(venues), bands=bands,
            )
        )  # fmt: skip

    async def signals(
        self,
        pair: str,
        interval: Interval,
        *,
        at: Time | None = None,
        venues: Venues | None = None,
        composition: bool = False,
        lineage: bool = False,
    ) -> Signals:
        """Return which side is heavier nearby, what is nearest, and what funding and open interest say.

        Of the newest column at or before ``at``; nothing stamped after it is looked at. No advice.
        """
        return await self._transport.ask(
            question(
                documents.SIGNALS, one(Signals), on_request(composition=composition, lineage=lineage), pair=pair,
                interval=interval, at=at, venues=listed(venues),
            )
        )  # fmt: skip

    async def cascade(
        self,
        pair: str,
        interval: Interval,
        *,
        at: Time | None = None,
        venues: Venues | None = None,
        price_to: float | None = None,
        path: Iterable[float] | None = None,
        impact: float = 0,
    ) -> Cascade:
        """Return what the price liquidates on its way to ``price_to``, or along the prices of ``path``: give one.

        By the newest column at or before ``at``. ``impact`` (0 to 10) is by how much liquidations move the price on.
        """
        return await self._transport.ask(
            question(
                documents.CASCADE, one(Cascade), pair=pair, interval=interval, at=at, venues=listed(venues),
                price_to=price_to, path=path, impact=impact,
            )
        )  # fmt: skip

    async def stop_zones(
        self,
        pair: str,
        interval: Interval,
        *,
        at: Time | None = None,
        venues: Venues | None = None,
        side: Side | None = None,
        within: float = 0.1,
        min_width: float = 0.002,
        limit: int = 10,
    ) -> StopZones:
        """Return price ranges near the price that are clear of dense clusters, nearest first.

        Those that lie ``within`` a fraction of the price and are at least ``min_width`` of it wide; ``side`` is that
        of the positions whose stops lie there.
        """
        return await self._transport.ask(
            question(
                documents.STOP_ZONES, one(StopZones), pair=pair, interval=interval, at=at, venues=listed(venues),
                side=side, within=within, min_width=min_width, limit=limit,
            )
        )  # fmt: skip

    async def skill(self, pair: str) -> tuple[Skill, ...]:
        """Return what the map knew beyond a price chart, by instrument; empty where nothing realised is stored."""
        return await self._transport.ask(question(documents.SKILL, several(Skill), pair=pair))

    async def status(self) -> Status:
        """Return what the server is and holds."""
        return await self._transport.ask(question(documents.STATUS, one(Status)))

    async def pair(self, symbol: str) -> Pair | None:
        """Return one pair, None if it is not stored."""
        return await self._transport.ask(question(documents.PAIR, one_or_none(Pair), symbol=symbol))

    async def pairs(self, *, venue: str | None = None, coin: str | None = None) -> AsyncIterator[Pair]:
        """Yield the stored pairs by name."""
        after = None
        while True:
            page = await self._transport.ask(
                question(
                    documents.PAIRS, one(PairConnection), venue=venue, coin=coin, first=_PAIRS_AT_ONCE, after=after
                )
            )
            for edge in page.edges:
                yield edge.node
            after = page.page_info.end_cursor
            if not page.page_info.has_next_page:
                return

    def grid_columns(
        self,
        pair: str,
        interval: Interval,
        *,
        after: str | None = None,
        venues: Venues | None = None,
        price_low: float | None = None,
        price_high: float | None = None,
        rows: int = 300,
        unit: Unit = "quote",
    ) -> AsyncGenerator[GridColumnEvent, None]:
        """Yield grid columns as they are built, beginning with the newest, or with the first after a cursor.

        A lost connection is opened again behind the last column: none is lost or repeated. Keep columns by
        ``close_time``: one that ``replaces`` takes the place of that of its time, and later ones follow anew.
        """
        ask = partial(
            question, documents.LIVE_GRID_COLUMN, one(GridColumnEvent), pair=pair, interval=interval,
            venues=listed(venues), price_low=price_low, price_high=price_high, rows=rows, unit=unit,
        )  # fmt: skip
        return follow(self._transport.settings, lambda cursor: ask(after=cursor), after)

    async def live_liquidations(
        self, pair: str, *, after: str | None = None
    ) -> AsyncGenerator[RealisedLiquidation, None]:
        """Yield realised liquidations of all venues of a pair as they arrive, from now on, or behind a cursor.

        A lost connection is opened again behind the last one: none is lost or repeated. To go on from what is stored,
        give the ``live_cursor`` of a page of ``liquidations``.
        """
        if after is None:
            stored = question(documents.LIQUIDATIONS, one(LiquidationSeries), pair=pair, first=1)
            after = (await self._transport.ask(stored)).live_cursor
        ask = partial(question, documents.LIVE_LIQUIDATIONS, one(RealisedLiquidation), pair=pair)
        async with aclosing(follow(self._transport.settings, lambda cursor: ask(after=cursor), after)) as events:
            async for event in events:
                yield event

    async def export(
        self,
        what: Exported,
        pair: str,
        to: str | PathLike[str],
        *,
        interval: Interval | None = None,
        start: Time | None = None,
        end: Time | None = None,
        venue: str | None = None,
        venues: Venues | None = None,
        unit: Unit | None = None,
    ) -> Path:
        """Write a whole history to a file, as its ending says: ``.parquet .arrow .csv .ndjson``.

        ``grids`` are in the engine's own price bins, a row for each that is not empty; they take ``venues`` and
        ``unit``, series ``venue``. In memory that does not grow with them; the file is whole or not there.
        """
        path = Path(to)
        address = f"v1/export/{what}/{quote(pair, safe='')}{quote(path.suffix, safe='')}"
        given = parameters(interval=interval, start=start, end=end, venue=venue, venues=listed(venues), unit=unit)
        await self._transport.download(address, given, path)
        return path

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Return the data of any GraphQL query, as JSON; variables are named and written as the schema has them."""
        return await self._transport.ask(whole(query, variables))
