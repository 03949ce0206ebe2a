"""``liqgrid exchange``: a simulated market served in a venue's wire format, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from dataclasses import dataclass, fields
from typing import Any

from liqgrid.cli.progress import progress
from liqgrid.cli.text import pace, say
from liqgrid.engine.market.errors import BadSetting
from liqgrid.engine.market.times import utc
from liqgrid.engine.sim.clock import RunningClock
from liqgrid.engine.sim.faults import Faults
from liqgrid.engine.sim.limits import WeightLimit
from liqgrid.engine.sim.parameters import symbol_parameters
from liqgrid.engine.sim.server import running_exchange
from liqgrid.engine.sim.tape import Market, new_market, play_until

_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class ExchangeOptions:
    """What is simulated: coins against USDT, from which seed, how much history, and how fast time passes.

    ``origin_ms`` is when the history begins, instead of ``days`` before now.
    """

    coins: tuple[str, ...]
    seed: int
    speed: float
    days: int
    weight_limit: int
    faults: tuple[str, ...]
    origin_ms: int | None = None


def serve_exchange(options: ExchangeOptions, listener: socket.socket) -> None:
    """Play the history, then serve the market from now on; return when SIGINT or SIGTERM came.

    Raises
    ------
    BadSetting
        If a coin, the seed, the speed or a fault cannot be used.
    """
    if not options.speed > 0:
        raise BadSetting(f"speed was {options.speed:g}; it must be above 0")
    faults = parse_faults(options.faults)
    now_ms = int(time.time() * 1000)
    clock = RunningClock(now_ms, options.speed)  # it goes on while the history is played
    origin_ms = now_ms - options.days * _DAY_MS if options.origin_ms is None else options.origin_ms
    with progress(f"playing {(now_ms - origin_ms) / _DAY_MS:.0f} days of {', '.join(options.coins)}"):
        market = new_market(options.seed, origin_ms, [symbol_parameters(coin) for coin in options.coins])
        play_until(market, now_ms)
    asyncio.run(_serve(market, clock, faults, options.weight_limit, listener))


def parse_faults(texts: tuple[str, ...]) -> Faults:
    """Return the faults spelled ``name=value``, such as ``stall=0.001``.

    Raises
    ------
    BadSetting
        If there is no such fault, or its value is none.
    """
    kinds = {one.name: type(one.default) for one in fields(Faults) if isinstance(one.default, int | float)}
    values: dict[str, Any] = {}
    for text in texts:
        name, _, value = text.partition("=")
        if name not in kinds:
            raise BadSetting(f"fault was {text[:60]!r}; write one of {', '.join(kinds)}, =, and a number")
        try:
            values[name] = kinds[name](value)
        except ValueError:
            raise BadSetting(f"fault {name} was {value[:40]!r}; it must be a number") from None
    return Faults(**values)


async def _serve(
    market: Market, clock: RunningClock, faults: Faults, weight_limit: int, listener: socket.socket
) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with running_exchange(market, clock, faults, WeightLimit(weight_limit), listener) as local:
        say("exchange", f"SIMULATED {', '.join(market.tapes)} at {local.url}, in Binance USDT-M's public format")
        say("", f"seed {market.seed}, history from {utc(market.origin_ms)} UTC, {pace(clock.speed)}")
        say("", "Ctrl-C stops it.")
        await stopped.wait()
