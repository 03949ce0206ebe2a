"""Live collection of one venue: frames into rows, and by request what frames do not bring or did not.

Of every instrument two tasks run. ``_write`` writes what frames brought, at once; the cursor moves as far as bars
follow each other. ``_poll`` asks for the rest whenever a bar closed, and when none closed for too long: what lies
between the cursor and now, the streams without frames, and known gaps. So a lost frame, a lost connection, a lost
database and a lost process are one case: the cursor is behind.

A bar is closed when its venue says so, or when a later one is there; clocks are not asked.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog
from ccxt.base.errors import RequestTimeout

from liqgrid.engine.collect.exchange import ask, reason_of
from liqgrid.engine.collect.feed import Feed, cursor_of, fetch_window, newest_open, repair_gaps, stored
from liqgrid.engine.collect.fresh import Fresh, keep_fresh
from liqgrid.engine.collect.keep import keep_sample
from liqgrid.engine.collect.memory import resident_mb
from liqgrid.engine.collect.plan import CollectPlan, VenuePlan
from liqgrid.engine.collect.tiers import keep_tiers
from liqgrid.engine.collect.venues.frames import UNREADABLE, ClosedBar
from liqgrid.engine.collect.venues.venue import Source, Watch
from liqgrid.engine.collect.windows import forward, newest_end, oldest_start
from liqgrid.engine.market.errors import VenueUnreachable
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.rows import Liquidation
from liqgrid.engine.market.stream import Stream
from liqgrid.engine.store.progress import Span, load_cursors, save_venue_status

_log = structlog.get_logger()
_MOST_WAITING = 20_000  # bars or liquidations of an instrument, while the database is gone
_QUIET_FACTOR = 10  # how much longer a connection without bars may be silent
_DAY_S = 86_400.0
_FARTHEST_MS = 86_400_000  # what is farther ahead of the bars known so far has to be asked for
_SHORTEST_SESSION_S = 600.0


@dataclass
class Live:
    """What is known of an instrument right now.

    ``closed_ms``: all bars that open before it are closed. ``silent_from_ms``: since when liquidations may have been
    missed, epoch ms; where they are heard at all. ``bars`` and ``liquidations`` wait to be written.
    """

    feed: Feed
    hears_liquidations: bool
    closed_ms: int = 0
    price: float = float("nan")
    silent_from_ms: int | None = None
    bars: list[ClosedBar] = field(default_factory=list)
    liquidations: list[Liquidation] = field(default_factory=list)
    fresh: asyncio.Event = field(default_factory=asyncio.Event)
    due: asyncio.Event = field(default_factory=asyncio.Event)

    def take_bar(self, bar: ClosedBar) -> None:
        """Note a closed bar; where too many wait, those that follow are asked for later."""
        if not self._is_believable(bar.open_ms):
            return
        self.closed_ms = max(self.closed_ms, bar.open_ms + Interval.M1.ms)
        self.price = bar.close
        if len(self.bars) < _MOST_WAITING:
            self.bars.append(bar)
        self.fresh.set()

    def take_forming(self, open_ms: int) -> None:
        """Note that a bar began: it has to be asked for what closed."""
        if not self._is_believable(open_ms):
            return
        self.closed_ms = max(self.closed_ms, open_ms)
        self.due.set()

    def _is_believable(self, open_ms: int) -> bool:
        """Return whether a bar may be of now: one frame with a wrong time must not move us into another year."""
        believable = not self.closed_ms or open_ms < self.closed_ms + _FARTHEST_MS
        if not believable:
            _log.warning("bar is not of now", instrument=str(self.feed.contract.instrument), open_ms=open_ms)
            self.due.set()
        return believable

    def take_liquidation(self, liquidation: Liquidation) -> None:
        """Note a liquidation; where too many wait, those that follow are lost, and that is recorded."""
        if len(self.liquidations) < _MOST_WAITING:
            self.liquidations.append(liquidation)
        else:
            self.lose_liquidations(liquidation.ts_ms)
        self.fresh.set()

    def take_fresh(self) -> Fresh:
        """Return what waits to be written; what was lost is known with the next bar that closes after it."""
        lost = None
        # A bar that waited since before the loss says nothing of it.
        if self.bars and self.silent_from_ms is not None and self.closed_ms > self.silent_from_ms:
            lost, self.silent_from_ms = Span(self.silent_from_ms, self.closed_ms), None
        fresh = Fresh(self.bars, self.liquidations, self.hears_liquidations, lost)
        self.bars, self.liquidations = [], []
        return fresh

    def lose_liquidations(self, since_ms: int) -> None:
        """Note that liquidations may be missed from a time on, until the next bar."""
        if self.hears_liquidations and since_ms and (self.silent_from_ms is None or since_ms < self.silent_from_ms):
            self.silent_from_ms = since_ms


async def run_session(feeds: list[Feed], plan: CollectPlan, venue_plan: VenuePlan) -> None:
    """Collect a venue's instruments through one open client; return when the client should be opened anew.

    Raises
    ------
    ExceptionGroup
        Of what nobody expected.
    """
    exchange = feeds[0].exchange
    watches = [
        watch
        for watch in feeds[0].venue.watch(exchange, [feed.contract for feed in feeds])
        if watch.streams & venue_plan.streams
    ]
    heard = frozenset().union(*(watch.streams for watch in watches)) & venue_plan.streams
    lives = {feed.contract.symbol: await _live(feed, Stream.LIQUIDATION in heard) for feed in feeds}
    exchange.on_bar = _of_known(lives, Live.take_bar)
    exchange.on_forming = _of_known(lives, Live.take_forming)
    exchange.on_liquidation = _of_known(lives, Live.take_liquidation)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_write(live)) for live in lives.values()]
        tasks += [group.create_task(_poll(live, plan, venue_plan)) for live in lives.values()]
        tasks += [group.create_task(_watch(exchange, watch, lives)) for watch in watches]
        await _look_after(exchange, plan)
        for task in tasks:
            task.cancel()


async def _live(feed: Feed, hears_liquidations: bool) -> Live:
    """Return an instrument's state; what was liquidated since the last run is missed already."""
    live = Live(feed, hears_liquidations)
    spans = await stored(feed.sessions, partial(load_cursors, instrument_id=feed.instrument_id))
    if Stream.LIQUIDATION in spans:
        live.lose_liquidations(spans[Stream.LIQUIDATION].end_ms)
    return live


def _of_known(lives: dict[str, Live], take: Callable[[Live, Any], None]) -> Callable[[str, Any], None]:
    """Return what hands a symbol's news to its instrument; of others nothing is kept."""

    def hand_on(symbol: str, news: Any) -> None:
        if symbol in lives:
            take(lives[symbol], news)

    return hand_on


async def _watch(exchange: Any, watch: Watch, lives: dict[str, Live]) -> None:
    """Keep a subscription; after every loss of it the instruments are asked for what was missed."""
    failures = 0
    while True:
        began_s = time.monotonic()
        try:
            await watch.call()
            reason = "ended"
        except (*UNREADABLE, TimeoutError, OSError) as error:
            reason = reason_of(error)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            reason = "cancelled"  # by ccxt, which cancels those who wait for a connection that it closes
        failures = 1 if time.monotonic() - began_s > 30 else failures + 1
        _log.warning("connection lost", venue=exchange.venue, streams=len(watch.symbols), reason=reason)
        for symbol in watch.symbols:
            if Stream.LIQUIDATION in watch.streams:
                lives[symbol].lose_liquidations(min(exchange.heard_ms, lives[symbol].closed_ms + Interval.M1.ms))
            lives[symbol].due.set()
        await asyncio.sleep(min(0.05 * 2 ** min(failures, 10), 30.0))


async def _look_after(exchange: Any, plan: CollectPlan) -> None:
    """End connections that are open and silent; return when this process holds too much memory."""
    ends_s = time.monotonic() + _SHORTEST_SESSION_S  # what is freed may not go back to the system at once
    while resident_mb() < plan.memory_ceiling_mb or time.monotonic() < ends_s:
        await asyncio.sleep(min(1.0, plan.stall_s / 4))
        for client in list((exchange.clients or {}).values()):
            has_bars = any("kline" in str(name) or "candle" in str(name) for name in client.subscriptions)
            patience_s = plan.stall_s if has_bars else plan.stall_s * _QUIET_FACTOR
            if client.isConnected and time.monotonic() - client.heard_s > patience_s:
                client.heard_s = time.monotonic()
                client.on_error(RequestTimeout(f"{exchange.venue} said nothing for {patience_s:g} s"))
    _log.warning("opening the client anew", venue=exchange.venue, resident_mb=round(resident_mb()))


async def _write(live: Live) -> None:
    """Write what frames brought, as soon as they bring it."""
    while True:
        await live.fresh.wait()
        live.fresh.clear()
        fresh = live.take_fresh()
        await stored(live.feed.sessions, partial(keep_fresh, feed=live.feed, fresh=fresh))
        if fresh.bars:
            live.due.set()


async def _poll(live: Live, plan: CollectPlan, venue_plan: VenuePlan) -> None:
    """Ask for what frames do not bring, whenever a bar closed or none did for too long; a venue's silence is noted."""
    feed = live.feed
    failures = 0
    tiers_due_s = 0.0 if Stream.LEVERAGE_TIER in venue_plan.streams else float("inf")
    known_ms = 0
    while True:
        try:
            if live.closed_ms == known_ms:  # frames told of nothing new: ask how far it is
                opened_ms, live.price = await newest_open(feed)
                live.closed_ms = max(live.closed_ms, opened_ms)
            known_ms = live.closed_ms
            await _catch_up(live, venue_plan)
            if time.monotonic() >= tiers_due_s:
                await keep_tiers(feed, live.price, live.closed_ms)
                tiers_due_s = time.monotonic() + _DAY_S
            if failures:
                await stored(feed.sessions, partial(save_venue_status, venue=venue_plan.name, reason=None))
            failures = 0
        except VenueUnreachable as error:
            failures += 1
            _log.warning("asking failed", instrument=str(feed.contract.instrument), reason=error.message)
            await stored(feed.sessions, partial(save_venue_status, venue=venue_plan.name, reason=error.message))
            await asyncio.sleep(min(2.0**failures, 60.0))
            live.due.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(plan.sample_s * 1.2, plan.stall_s)):  # wait_for may swallow a cancellation
                await live.due.wait()
        live.due.clear()


async def _catch_up(live: Live, venue_plan: VenuePlan) -> None:
    """Ask for everything between the cursors and now, for open interest as it is, and for known gaps."""
    feed = live.feed
    streams = feed.streams(venue_plan.streams)
    for stream, source in streams:
        await _catch_up_stream(live, stream, source)
        if stream is Stream.BAR_LAST and feed.venue.fetch_open_interest and Stream.OPEN_INTEREST in venue_plan.streams:
            await _sample(live)
    for stream, source in streams:
        if source.is_raster:
            await repair_gaps(feed, stream, source, live.closed_ms)


async def _catch_up_stream(live: Live, stream: Stream, source: Source) -> None:
    end_ms = newest_end(source, live.closed_ms)
    span = await cursor_of(live.feed, stream, end_ms)
    start_ms = max(span.end_ms, oldest_start(source, 0, live.closed_ms))
    for window in forward(Span(start_ms, end_ms), source):
        await fetch_window(live.feed, stream, source, window)


async def _sample(live: Live) -> None:
    feed = live.feed
    assert feed.venue.fetch_open_interest is not None  # noqa: S101 - asked before
    rows = await ask(feed.exchange, partial(feed.venue.fetch_open_interest, feed.exchange, feed.contract, live.price))
    keep = partial(
        keep_sample,
        instrument_id=feed.instrument_id, rows=rows, on_rows=feed.on_rows,
        has_history=Stream.OPEN_INTEREST in feed.venue.sources,
    )  # fmt: skip
    await stored(feed.sessions, keep)
