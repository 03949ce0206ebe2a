"""One instrument of one venue: its rows asked for, kept, and what is missing asked for again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import structlog
from tenacity import AsyncRetrying, retry_if_exception_type, wait_random_exponential

from liqgrid.engine.collect.exchange import ask
from liqgrid.engine.collect.keep import OnRows, keep_window
from liqgrid.engine.collect.plan import VenuePlan
from liqgrid.engine.collect.venues.contract import Contract, epoch_ms, find_contract, positive
from liqgrid.engine.collect.venues.venue import Rows, Source, Venue
from liqgrid.engine.collect.windows import forward, is_due, newest_end, oldest_start
from liqgrid.engine.market.errors import BadSetting, StoreUnavailable, VenueUnreachable
from liqgrid.engine.market.instrument import Instrument
from liqgrid.engine.market.stream import Stream
from liqgrid.engine.store.database import Connection
from liqgrid.engine.store.progress import Span, extend_cursor, load_cursors, load_gaps, note_attempts, save_contract
from liqgrid.engine.store.provenance import claim
from liqgrid.engine.store.raw import ensure_instrument
from liqgrid.engine.store.sessions import Sessions

T = TypeVar("T")
_log = structlog.get_logger()
_RECENT_BARS = 90  # the newest may be missing


@dataclass(frozen=True, slots=True)
class Feed:
    """An instrument, and what it takes to collect it."""

    venue: Venue
    exchange: Any
    contract: Contract
    instrument_id: int
    sessions: Sessions
    on_rows: OnRows

    def streams(self, wanted: frozenset[Stream]) -> list[tuple[Stream, Source]]:
        """Return the wanted streams whose history the venue has."""
        return [(stream, source) for stream, source in self.venue.sources.items() if stream in wanted]


async def make_feed(venue: Venue, exchange: Any, instrument: Instrument, sessions: Sessions, on_rows: OnRows) -> Feed:
    """Return an instrument's feed; the database learns of the instrument.

    Raises
    ------
    BadSetting
        If the venue does not have it, or is simulated where the database is not, or the other way round.
    """
    contract = find_contract(exchange, instrument)

    def register(connection: Connection) -> int:
        claim(connection, simulated=exchange.simulated)
        stored = ensure_instrument(connection, instrument)
        save_contract(
            connection, stored.instrument_id, contract.market_id, contract.contract_size, linear=contract.linear
        )
        return stored.instrument_id

    return Feed(venue, exchange, contract, await stored(sessions, register), sessions, on_rows)


async def make_feeds(
    venue: Venue, exchange: Any, venue_plan: VenuePlan, sessions: Sessions, on_rows: OnRows
) -> tuple[list[Feed], dict[str, str]]:
    """Return the feeds of what a venue has; what it does not have is told of, and returned with the reason."""
    feeds, missing = [], {}
    for instrument in venue_plan.instruments:
        try:
            feeds.append(await make_feed(venue, exchange, instrument, sessions, on_rows))
        except BadSetting as error:
            _log.error("instrument is left out", instrument=str(instrument), reason=error.message)
            missing[str(instrument)] = error.message
    return feeds, missing


async def newest_open(feed: Feed) -> tuple[int, float]:
    """Return when the newest bar opened, before which all are closed, and its price so far.

    A venue's bars tell its time better than its clock, which may be another machine's.

    Raises
    ------
    VenueUnreachable
        If the venue does not answer, or has no bars.
    """
    fetch = partial(feed.exchange.fetch_ohlcv, feed.contract.symbol, "1m", None, _RECENT_BARS)
    rows = await ask(feed.exchange, fetch)
    if not rows:
        raise VenueUnreachable(f"{feed.contract.instrument} has no bars", instrument=str(feed.contract.instrument))
    return epoch_ms(rows[-1][0], "a bar's time"), positive(rows[-1][4], "a price")


async def stored(sessions: Sessions, work: Callable[[Connection], T]) -> T:
    """Do a piece of work in the database, in a thread, again and again until the database is there.

    The work may be done twice: it must not mind.
    """

    def warn(state: Any) -> None:
        _log.warning(
            "database is gone; trying again", reason=str(state.outcome.exception()), attempt=state.attempt_number
        )

    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type(StoreUnavailable),
        wait=wait_random_exponential(multiplier=0.2, max=5),
        before_sleep=warn,
    ):
        with attempt:
            return await asyncio.to_thread(sessions.run, work)
    raise AssertionError  # it is tried for ever


async def cursor_of(feed: Feed, stream: Stream, now_ms: int) -> Span:
    """Return over which time a stream was collected; an empty span that ends now where it never was.

    That one is stored, so that whoever begins first, live collection or backfill, leaves no hole to the other.
    """

    def load(connection: Connection) -> Span:
        spans = load_cursors(connection, feed.instrument_id)
        if stream in spans:
            return spans[stream]
        extend_cursor(connection, feed.instrument_id, stream, Span(now_ms, now_ms))
        return load_cursors(connection, feed.instrument_id)[stream]

    return await stored(feed.sessions, load)


async def fetch_window(
    feed: Feed, stream: Stream, source: Source, window: Span, *, moves_cursor: bool = True
) -> tuple[Rows, int]:
    """Ask for a window and keep what comes; return the rows and how many were new.

    The window must touch what was collected before, or leave the cursor where it is.

    Raises
    ------
    VenueUnreachable
        If the venue does not answer.
    """
    rows = await ask(feed.exchange, partial(source.fetch, feed.exchange, feed.contract, window.start_ms, window.end_ms))
    keep = partial(
        keep_window,
        instrument_id=feed.instrument_id, stream=stream, source=source, window=window, rows=rows, on_rows=feed.on_rows,
        moves_cursor=moves_cursor,
    )  # fmt: skip
    return rows, await stored(feed.sessions, keep)


async def repair_gaps(feed: Feed, stream: Stream, source: Source, venue_ms: int) -> int:
    """Ask again for what is missing of a stream, where it is time to; return how many rows came.

    What a venue still does not have remains a gap, and is asked for less and less often.
    """
    gaps = await stored(feed.sessions, partial(load_gaps, instrument_id=feed.instrument_id, stream=stream))
    found = 0
    for gap in gaps:
        # A sample's gap begins a step after the last one; whole steps hold all that can be missing.
        start_ms = gap.span.start_ms // source.step_ms * source.step_ms
        end_ms = min(-(-gap.span.end_ms // source.step_ms) * source.step_ms, newest_end(source, venue_ms))
        asked = Span(max(start_ms, oldest_start(source, 0, venue_ms)), end_ms)
        if asked.start_ms >= asked.end_ms or not is_due(gap):
            continue
        for window in forward(asked, source):
            found += (await fetch_window(feed, stream, source, window, moves_cursor=False))[1]
        await stored(
            feed.sessions,
            partial(
                note_attempts,
                instrument_id=feed.instrument_id, stream=stream, span=gap.span, attempts=gap.attempts + 1,
            ),
        )  # fmt: skip
    return found
