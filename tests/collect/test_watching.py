"""Keeping a subscription: whatever ends it, it is taken up again, unless collection itself ends."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from ccxt.base.errors import NetworkError

from liqgrid.engine.collect import live
from liqgrid.engine.collect.live import Live
from liqgrid.engine.collect.venues.frames import ClosedBar
from liqgrid.engine.collect.venues.venue import BARS, LIQUIDATIONS, Watch
from liqgrid.engine.market.instrument import Side
from liqgrid.engine.market.rows import Liquidation
from tests.collect.exchange import until

NOW_MS = 1_760_054_400_000


@pytest.mark.parametrize("ending", ["cancelled by ccxt", "an error", "a return"])
def test_a_subscription_that_ends_is_taken_up_again(ending: str) -> None:
    async def run() -> tuple[int, Live]:
        called = 0

        async def call() -> None:
            nonlocal called
            called += 1
            waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            if called == 1:
                if ending == "a return":
                    return
                if ending == "an error":
                    waiting.set_exception(NetworkError("closed"))
                else:
                    waiting.cancel()
            await waiting

        exchange: Any = SimpleNamespace(venue="binance", heard_ms=NOW_MS)
        feed: Any = SimpleNamespace()
        one = Live(feed, hears_liquidations=True, closed_ms=NOW_MS)
        watching = asyncio.ensure_future(
            live._watch(exchange, Watch(BARS | LIQUIDATIONS, ("BTC",), call), {"BTC": one})
        )
        await until(lambda: called == 2, "a second subscription")
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        assert watching.cancelled()
        return called, one

    called, one = asyncio.run(run())
    assert called == 2
    assert one.due.is_set()
    assert one.silent_from_ms == NOW_MS


def test_too_many_that_wait_are_a_gap_not_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_MOST_WAITING", 3)
    feed: Any = SimpleNamespace()
    one = Live(feed, hears_liquidations=True)
    for number in range(5):
        one.take_liquidation(Liquidation(NOW_MS + number, str(number), Side.LONG, 1.0, 1.0, "{}"))
    assert len(one.liquidations) == 3
    assert one.silent_from_ms == NOW_MS + 3


def test_a_bar_of_another_year_moves_nothing() -> None:
    feed: Any = SimpleNamespace(contract=SimpleNamespace(instrument="binance:BTC-USDT"))
    one = Live(feed, hears_liquidations=True, closed_ms=NOW_MS)
    one.take_forming(NOW_MS + 365 * 86_400_000)
    one.take_bar(ClosedBar(NOW_MS + 365 * 86_400_000, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0))
    assert (one.closed_ms, one.bars) == (NOW_MS, [])
    assert one.due.is_set()  # it is looked up
    one.take_bar(ClosedBar(NOW_MS, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0))
    assert one.closed_ms == NOW_MS + 60_000
