"""``config.toml``: what is collected. Without the file the defaults hold; every fault names file, key and value."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from liqgrid.engine.collect.plan import CollectPlan, VenuePlan
from liqgrid.engine.collect.venues import NAMES
from liqgrid.engine.market.errors import BadRequest, BadSetting
from liqgrid.engine.market.instrument import Instrument, parse_pair
from liqgrid.engine.market.stream import Stream

_DEFAULT_PAIRS = ["BTC-USDT", "ETH-USDT", "SOL-USDT", "XRP-USDT"]
_DEFAULT_VENUES = ["binance", "bybit", "okx"]


def _checked_pair(text: str) -> str:
    try:
        return str(parse_pair(text))
    except BadRequest as error:
        raise ValueError("write base-quote, for example BTC-USDT") from error


def _checked_venue(text: str) -> str:
    if text not in NAMES:
        raise ValueError(f"use one of {', '.join(NAMES)}")
    return text


def _checked_url(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    if scheme not in {"http", "https"} or not separator or not rest:
        raise ValueError("write scheme://host:port, for example http://127.0.0.1:9000")
    return text


PairName = Annotated[str, AfterValidator(_checked_pair)]
VenueName = Annotated[str, AfterValidator(_checked_venue)]
Url = Annotated[str, AfterValidator(_checked_url)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CollectSection(_Section):
    """``[collect]``: of which venues, pairs and streams; and how patient to be."""

    venues: list[VenueName] = Field(default=_DEFAULT_VENUES, min_length=1)
    pairs: list[PairName] = Field(default=_DEFAULT_PAIRS, min_length=1)
    streams: list[Stream] = Field(default=list(Stream), min_length=1)
    stall_s: float = Field(default=45.0, gt=0)
    sample_s: float = Field(default=60.0, gt=0)
    memory_ceiling_mb: int = Field(default=1500, ge=200)


class VenueSection(_Section):
    """``[venue.NAME]``: what differs for one venue."""

    pairs: list[PairName] | None = Field(default=None, min_length=1)
    streams: list[Stream] | None = Field(default=None, min_length=1)
    base_url: Url | None = None
    proxy: Url | None = None
    options: dict[str, Any] = {}


class Config(_Section):
    """The whole file."""

    collect: CollectSection = CollectSection()
    venue: dict[VenueName, VenueSection] = {}

    def plan(self, instruments: list[Instrument] | None = None) -> CollectPlan:
        """Return what is to be collected: of all, or of some instruments, whether or not the file names them."""
        wanted = self._wanted() if instruments is None else _by_venue(instruments)
        return CollectPlan(
            tuple(self._venue_plan(name, pairs) for name, pairs in wanted.items()),
            self.collect.stall_s,
            self.collect.sample_s,
            self.collect.memory_ceiling_mb,
        )

    def _wanted(self) -> dict[str, list[str]]:
        return {name: self.venue.get(name, VenueSection()).pairs or self.collect.pairs for name in self.collect.venues}

    def _venue_plan(self, name: str, pairs: list[str]) -> VenuePlan:
        section = self.venue.get(name, VenueSection())
        return VenuePlan(
            name=name,
            pairs=tuple(parse_pair(pair) for pair in dict.fromkeys(pairs)),
            streams=frozenset(section.streams or self.collect.streams),
            base_url=section.base_url,
            proxy=section.proxy,
            options=section.options,
        )


def _by_venue(instruments: list[Instrument]) -> dict[str, list[str]]:
    pairs: dict[str, list[str]] = {}
    for instrument in instruments:
        if instrument.venue not in NAMES:
            raise BadSetting(f"{instrument}: venue was {instrument.venue!r}; use one of {', '.join(NAMES)}")
        pairs.setdefault(instrument.venue, []).append(str(instrument.pair))
    return pairs


def load_config(home: Path, given: Path | None = None) -> Config:
    """Return what the given file says, or ``config.toml`` in the home, or the defaults where there is none.

    Raises
    ------
    BadSetting
        Naming file, key, value and what to do.
    """
    path = given or home / "config.toml"
    if given is None and not path.is_file():
        return Config()
    try:
        return Config.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise BadSetting(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetting(f"{path} is no TOML: {error}; mend it, or see docs/collect.md for an example") from error
    except ValidationError as error:
        raise BadSetting(f"{path}: {_describe(error)}") from None


def _describe(error: ValidationError) -> str:
    fault = error.errors()[0]
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"{key} is no setting; take it out, or see docs/collect.md for those there are"
    message = fault["msg"].removeprefix("Value error, ")
    return f"{key} was {fault['input']!r}; {message[:1].lower()}{message[1:]}"
