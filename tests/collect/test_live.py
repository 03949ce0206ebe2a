"""Live collection from the local exchange through the unmodified ccxt client."""

from __future__ import annotations

import asyncio
import time

from liqgrid.engine.collect.backfill import backfill
from liqgrid.engine.market.instrument import PriceType
from liqgrid.engine.sim.clock import SteppedClock
from liqgrid.engine.sim.faults import Faults
from liqgrid.engine.sim.server import LocalExchange, running_exchange
from liqgrid.engine.sim.tape import liquidations_between
from liqgrid.engine.store.database import Connection
from tests.collect.exchange import (
    BOTH,
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    NOW_MS,
    ORIGIN_MS,
    collecting,
    make_market,
    plan_for,
    step,
    stored_bars,
    stored_gaps,
    subscribed,
    truth,
    until,
)


def test_backfill_then_live_leaves_the_market_s_own_bars(connection: Connection, migrated_dsn: str) -> None:
    coins = ("BTC", "ETH")

    async def run() -> LocalExchange:
        clock = SteppedClock(NOW_MS)
        async with running_exchange(make_market(coins, NOW_MS), clock) as local:
            plan = plan_for(local.url, coins)
            counted: list[tuple[int, int]] = []
            report = await backfill(plan, migrated_dsn, 0.5, lambda done, total: counted.append((done, total)))
            assert report.failures == {}
            assert counted[-1] == (counted[-1][1],) * 2
            clock.ms += 3 * HOUR_MS  # nobody was there
            hooked: list[int] = []
            async with collecting(plan, migrated_dsn, lambda _, instrument_id: hooked.append(instrument_id)):
                await until(lambda: len(stored_bars(connection, "ETH", PriceType.MARK)) == 15 * 60, "what was missed")
                await step(local, 10, connection, coins)  # statistics are published minutes late
                for coin in coins:
                    for stream in ("bar:last", "bar:mark", "open_interest", "long_short_ratio"):
                        await until(lambda who=coin, of=stream: stored_gaps(connection, who, of) == [], "no gaps")  # type: ignore[misc]
            assert set(hooked) == {1, 2}
            return local

    local = asyncio.run(run())
    start_ms, end_ms = (ms // MINUTE_MS * MINUTE_MS for ms in (NOW_MS - 12 * HOUR_MS, local.exchange.now_ms()))
    for coin in coins:
        for price_type in BOTH:
            stored = stored_bars(connection, coin, price_type)
            assert stored == truth(local.market, coin, price_type, start_ms, end_ms), f"{coin} {price_type}"
    row = connection.execute(
        "SELECT count(*), count(*) FILTER (WHERE taker_buy_volume_base IS NULL OR trades IS NULL) FROM bar "
        "WHERE price_type = 'last'"
    ).fetchone()
    assert row == (2 * (15 * 60 + 10), 0)


def test_a_bar_that_forms_is_not_stored(connection: Connection, migrated_dsn: str) -> None:
    async def run() -> None:
        clock = SteppedClock(NOW_MS)
        async with running_exchange(make_market(["BTC"], NOW_MS), clock) as local:
            plan = plan_for(local.url, ["BTC"])
            await backfill(plan, migrated_dsn, 0.02)
            async with collecting(plan, migrated_dsn):
                await step(local, 1, connection)
                for _ in range(9):
                    await local.advance(5_000)
            await backfill(plan, migrated_dsn, 0.02)
            forming_ms = local.exchange.now_ms() // MINUTE_MS * MINUTE_MS
            for price_type in BOTH:
                assert stored_bars(connection, "BTC", price_type)[-1][0] == forming_ms - MINUTE_MS

    asyncio.run(run())


def test_what_a_venue_lacks_is_listed_and_what_comes_late_is_taken(connection: Connection, migrated_dsn: str) -> None:
    faults = Faults(lost_bar=0.05, late_bar=0.1, late_by_ms=3 * MINUTE_MS)

    async def run() -> LocalExchange:
        clock = SteppedClock(NOW_MS)
        market = make_market(["BTC"], NOW_MS)
        async with running_exchange(market, clock, faults) as local:
            plan = plan_for(local.url, ["BTC"], sample_s=0.5)
            report = await backfill(plan, migrated_dsn, 0.25)
            assert report.failures == {}
            connection.execute("UPDATE collect_gap SET found_at = now() - interval '1 day'")
            clock.ms += 5 * MINUTE_MS
            symbol = "BTCUSDT"
            lost = [
                ms for ms in range(NOW_MS // MINUTE_MS * MINUTE_MS - 6 * HOUR_MS, NOW_MS - MINUTE_MS, MINUTE_MS)
                if faults.hides(symbol, ms, clock.ms)
            ]  # fmt: skip
            assert lost
            async with collecting(plan, migrated_dsn):
                try:
                    await until(lambda: missing(connection) == lost, "only what is lost for good is missing")
                finally:
                    assert missing(connection) == lost
            return local

    def missing(connection: Connection) -> list[int]:
        """Minutes in the first six hours that are listed as missing."""
        return [
            ms for start_ms, end_ms in stored_gaps(connection, "BTC", "bar:last")
            for ms in range(start_ms, end_ms, MINUTE_MS) if ms < NOW_MS - MINUTE_MS
        ]  # fmt: skip

    local = asyncio.run(run())
    stored = stored_bars(connection, "BTC", PriceType.LAST)
    wanted = truth(local.market, "BTC", PriceType.LAST, stored[0][0], stored[-1][0] + MINUTE_MS)
    listed = set(missing(connection)) | {
        ms for start, end in stored_gaps(connection, "BTC", "bar:last") for ms in range(start, end, MINUTE_MS)
    }
    assert stored == [row for row in wanted if row[0] not in listed]


def test_liquidations_are_those_the_venue_tells_of(connection: Connection, migrated_dsn: str) -> None:
    async def run() -> list[tuple[int, str, float, float]]:
        market = make_market(["BTC"], ORIGIN_MS + DAY_MS, seed=12)  # a day with many
        tape = market.tapes["BTCUSDT"]
        first_ms = ORIGIN_MS + HOUR_MS  # when the market begins, the venue has no bars yet
        times = liquidations_between(market, tape, first_ms, ORIGIN_MS + DAY_MS).ts_ms
        counts = [
            int(((times >= ms) & (times < ms + HOUR_MS)).sum()) for ms in range(first_ms, int(times[-1]), HOUR_MS)
        ]
        start_ms = first_ms + counts.index(max(counts)) * HOUR_MS  # the hour with the most
        clock = SteppedClock(start_ms)
        async with running_exchange(market, clock) as local, collecting(plan_for(local.url, ["BTC"]), migrated_dsn):
            await subscribed(local, connection)
            for _ in range(20):
                await local.advance(3 * MINUTE_MS)
            found = liquidations_between(market, tape, start_ms, start_ms + HOUR_MS - 1000)
            newest_of_second = {int(ms) // 1000: row for row, ms in enumerate(found.ts_ms)}
            wanted = [
                (int(found.ts_ms[row]), "long" if found.is_long[row] else "short",
                 round(float(found.average[row]), 2), round(float(found.base[row]), 3))
                for row in sorted(newest_of_second.values())
            ]  # fmt: skip
            await until(lambda: len(stored_liquidations()) >= len(wanted), "liquidations")
        return wanted

    def stored_liquidations() -> list[tuple[int, str, float, float]]:
        return connection.execute(
            "SELECT (extract(epoch FROM ts) * 1000)::bigint, side, round(price::numeric, 2)::double precision, "
            "round(amount_base::numeric, 3)::double precision FROM liquidation ORDER BY ts"
        ).fetchall()

    wanted = asyncio.run(run())
    assert len(wanted) > 5
    assert stored_liquidations()[: len(wanted)] == wanted


def test_a_closed_bar_is_stored_at_once(connection: Connection, migrated_dsn: str) -> None:
    async def run() -> list[float]:
        clock = SteppedClock(NOW_MS)
        took: list[float] = []
        async with (
            running_exchange(make_market(["BTC"], NOW_MS), clock) as local,
            collecting(plan_for(local.url, ["BTC"]), migrated_dsn),
        ):
            await subscribed(local, connection)
            await step(local, 1, connection)
            for _ in range(15):
                before = len(stored_bars(connection, "BTC", PriceType.LAST))
                began = time.perf_counter()
                await local.advance(MINUTE_MS)
                await until(
                    lambda before=before: len(stored_bars(connection, "BTC", PriceType.LAST)) > before,  # type: ignore[misc]
                    "a bar",
                )
                took.append(time.perf_counter() - began)
        return took

    took = sorted(asyncio.run(run()))
    assert took[len(took) // 2] <= 0.4
