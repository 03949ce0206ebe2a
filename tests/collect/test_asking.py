"""Asking a venue: what is tried again, how long is waited, and when it is given up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from ccxt.base import errors
from tenacity import wait_fixed

from liqgrid.engine.collect import exchange as exchange_module
from liqgrid.engine.collect.exchange import ask
from liqgrid.engine.market.errors import VenueUnreachable


def venue() -> Any:
    return SimpleNamespace(venue="binance", asked_to_wait_until_s=0.0)


def answering(*answers: object) -> tuple[list[float], Callable[[], Awaitable[object]]]:
    """Return when it was asked, and a call that gives one answer after the other; exceptions are raised."""
    asked: list[float] = []

    async def call() -> object:
        answer = answers[len(asked)]
        asked.append(time.monotonic())
        if isinstance(answer, Exception):
            raise answer
        return answer

    return asked, call


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange_module, "_back_off", wait_fixed(0.01))


@pytest.mark.parametrize(
    "trouble",
    [
        errors.RequestTimeout("slow"), errors.RateLimitExceeded("429"), errors.DDoSProtection("418"),
        errors.ExchangeNotAvailable("503"), errors.BadResponse("half of it"), KeyError("data"), TypeError("a page"),
        ConnectionResetError("cut"),
    ],
)  # fmt: skip
def test_what_may_pass_is_asked_for_again(trouble: Exception) -> None:
    asked, call = answering(trouble, trouble, "there")
    assert asyncio.run(ask(venue(), call)) == "there"
    assert len(asked) == 3


@pytest.mark.parametrize("trouble", [errors.BadSymbol("no such"), errors.NotSupported("not here")])
def test_what_does_not_pass_is_not(trouble: Exception) -> None:
    asked, call = answering(trouble, "there")
    with pytest.raises(VenueUnreachable, match=r"binance cannot be used: (BadSymbol: no such|NotSupported: not here)"):
        asyncio.run(ask(venue(), call))
    assert len(asked) == 1


def test_it_is_given_up_with_the_reason_and_its_cause() -> None:
    trouble = errors.ExchangeNotAvailable("binance GET http://example.test")
    trouble.__cause__ = OSError("Cannot connect")
    asked, call = answering(*[trouble] * 9)
    with pytest.raises(VenueUnreachable, match=r"ExchangeNotAvailable: binance GET .*: Cannot connect"):
        asyncio.run(ask(venue(), call))
    assert len(asked) == 5


def test_retry_after_is_waited_for() -> None:
    one = venue()

    asked: list[float] = []

    async def call() -> str:
        asked.append(time.monotonic())
        if len(asked) == 1:
            one.asked_to_wait_until_s = time.monotonic() + 0.3
            raise errors.RateLimitExceeded("429")
        return "there"

    assert asyncio.run(ask(one, call)) == "there"
    assert asked[1] - asked[0] >= 0.3


def test_a_ban_is_told_not_waited_for() -> None:
    one = venue()
    one.asked_to_wait_until_s = time.monotonic() + 3600
    asked, call = answering("there")
    with pytest.raises(VenueUnreachable, match=r"asks to be left alone for 3\d\d\d s"):
        asyncio.run(ask(one, call))
    assert asked == []
