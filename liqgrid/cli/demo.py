"""``liqgrid up --demo``: a simulated exchange, and everything else as it is with a real one, in a home of its own."""

from __future__ import annotations

import fcntl
import json
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from liqgrid.cli.children import child
from liqgrid.cli.listen import listening
from liqgrid.cli.settings import Settings
from liqgrid.engine.market.errors import BadSetting
from liqgrid.engine.market.instrument import Instrument, Pair
from liqgrid.engine.store.embedded import stop_server
from liqgrid.engine.store.programs import open_home

DAYS = 30
# Fetched and built before anything is served; the rest follows behind.
FIRST = Instrument("binance", Pair("BTC", "USDT"))
FIRST_DAYS = 3.0
_DAY_MS = 86_400_000
_KEPT_DAYS = 60  # playing the history again takes seconds; after so long it takes too many
_SEED = 1


@dataclass(frozen=True, slots=True)
class DemoMarket:
    """Which simulated market a demo's database holds, and how fast its time passes."""

    seed: int
    origin_ms: int
    speed: float


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo exchange: the settings everything beside it works under, the market, and where it listens."""

    settings: Settings
    market: DemoMarket
    url: str

    @property
    def environment(self) -> dict[str, str]:
        """What these settings are as variables, for other processes."""
        return demo_environment(self.settings)


def demo_environment(settings: Settings) -> dict[str, str]:
    """Return the variables that give another process a demo's settings."""
    return {"LIQGRID_HOME": str(settings.home), "LIQGRID_DSN": ""}


def up_demo(
    settings: Settings, host: str, port: int, open_to_all: bool | None, workers: int = 1, *, speed: float
) -> None:
    """Start the exchange, then all that serves its market; what was started is stopped on the way out."""
    with listening(host, port) as listener, demo_exchange(settings, speed) as demo:
        from liqgrid.cli.up import serve_demo  # noqa: PLC0415 - the exchange plays while this is imported

        serve_demo(demo, listener, open_to_all, workers)


@contextmanager
def demo_exchange(settings: Settings, speed: float) -> Iterator[Demo]:
    """Keep the exchange of the demo running in a process of its own; it answers once it has played its history.

    A demo goes on with its market where it left off. It begins a new one, and forgets the old, at another speed, when
    time passed faster or slower than it does (bars to come would have been stored already), and after 60 days.

    Raises
    ------
    BadSetting
        If another process runs this demo, or the speed is none.
    """
    if not speed > 0:
        raise BadSetting(f"speed was {speed:g}; it must be above 0")
    home = settings.home / "demo"
    demo_settings = settings.model_copy(update={"home": home, "dsn": None})
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadSetting(f"{home} cannot be made a folder: {error.strerror}; choose another LIQGRID_HOME") from error
    open_home(settings.home)
    with _alone(home), listening("127.0.0.1", 0) as listener:
        market = choose_market(home, speed, round(time.time() * 1000))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        _write_config(home, url)
        with child(_arguments(market, listener), demo_environment(demo_settings), [listener.fileno()]):
            yield Demo(demo_settings, market, url)


def _arguments(market: DemoMarket, listener: socket.socket) -> list[str]:
    return [
        "exchange",
        f"--seed={market.seed}",
        f"--speed={market.speed}",
        f"--origin-ms={market.origin_ms}",
        f"--listener={listener.fileno()}",
    ]


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    with (home / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadSetting(
                f"another process runs the demo in {home}; end it, or choose another LIQGRID_HOME"
            ) from None
        yield


def choose_market(home: Path, speed: float, now_ms: int) -> DemoMarket:
    """Return the market to go on with, or a new one over an empty database."""
    kept = home / "market.json"
    try:
        market = DemoMarket(**json.loads(kept.read_text("utf-8")))
    except (OSError, ValueError, TypeError):  # none yet, or half of one
        market = None
    if market is not None and market.speed == speed == 1 and now_ms - market.origin_ms < _KEPT_DAYS * _DAY_MS:
        return market
    if (home / "postgres").exists():
        if not stop_server(home / "postgres"):
            raise BadSetting(f"a process still uses the demo's database in {home}; end it first")
        shutil.rmtree(home / "postgres")
    market = DemoMarket(_SEED, (now_ms // _DAY_MS - DAYS) * _DAY_MS, speed)
    kept.write_text(json.dumps(asdict(market)), "utf-8")
    return market


def _write_config(home: Path, url: str) -> None:
    """Point everything that collects under this home to the exchange."""
    text = f"""# Written by `liqgrid up --demo` whenever it starts.
[collect]
venues = ["binance"]

[venue.binance]
base_url = "{url}"
"""
    (home / "config.toml").write_text(text, "utf-8")
