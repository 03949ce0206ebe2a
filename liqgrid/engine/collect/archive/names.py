"""What an archive is, by its name and folders: ``data/futures/um/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2024-05.zip``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from liqgrid.engine.market.errors import BadData, BadRequest
from liqgrid.engine.market.instrument import Instrument, pair_from_joined
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.stream import Stream

_NAME = re.compile(r"(?P<symbol>[A-Z0-9]+(?:_[A-Z0-9]+)?)-(?P<what>[A-Za-z0-9]+)-\d{4}-\d\d(?:-\d\d)?")
_INTERVAL = re.compile(r"\d+(?:s|m|h|d|w|mo)")
_COIN_MARGINED = "USD"  # the quote of contracts that are paid in the coin itself
_SUFFIXES = (".zip", ".csv")


class ArchiveKind(StrEnum):
    """Kinds of archives liqgrid reads, as Binance spells them."""

    KLINES = "klines"
    MARK_PRICE_KLINES = "markPriceKlines"
    METRICS = "metrics"
    FUNDING_RATE = "fundingRate"
    AGG_TRADES = "aggTrades"


_KIND_OF_BARS = (ArchiveKind.KLINES, ArchiveKind.MARK_PRICE_KLINES)


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the user says of all files, instead of their names."""

    instrument: Instrument | None = None
    kind: ArchiveKind | None = None
    interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class Archive:
    """A file with what its rows are of.

    ``symbol`` is Binance's spelling, None where only the user said what it is. ``interval`` is that of the bars in it,
    or that trades are put together to; None for samples. ``kind_is_said``: the folder or the user says the kind; the
    names of all kinds of bars are alike.
    """

    path: Path
    instrument: Instrument
    kind: ArchiveKind
    interval: Interval | None
    symbol: str | None
    kind_is_said: bool

    @property
    def coin_margined(self) -> bool:
        """Whether amounts are counted in contracts of a fixed worth in quote currency (COIN-M)."""
        return self.instrument.pair.quote == _COIN_MARGINED

    @property
    def contract_quote(self) -> float:
        """Worth of a COIN-M contract in quote currency: 100 USD of BTC, 10 USD of every other coin."""
        return 100.0 if self.instrument.pair.base == "BTC" else 10.0

    @property
    def stream(self) -> str:
        """What it fills, by which it is remembered: files of one stream may write the same rows."""
        if self.interval is None:
            return str(self.kind)
        bars = Stream.BAR_MARK if self.kind is ArchiveKind.MARK_PRICE_KLINES else Stream.BAR_LAST
        return f"{bars}:{self.interval}"


def find_archives(paths: Sequence[Path], said: Overrides) -> tuple[list[Archive], list[tuple[Path, str]]]:
    """Return the archives that files and folders hold, by path, and what was passed over in folders, and why.

    Raises
    ------
    BadData
        If a path is not there, a named file is no archive liqgrid reads, or there is none at all.
    """
    archives: list[Archive] = []
    passed_over: list[tuple[Path, str]] = []
    for path in paths:
        if path.is_dir():
            for file in _files_in(path):
                try:
                    archives.append(archive_of(file, said))
                except BadData as error:
                    passed_over.append((file, error.message))
        else:
            archives.append(archive_of(path, said))
    if not archives:
        where = ", ".join(str(path) for path in paths)
        why = f"; {passed_over[0][1]}" if passed_over else ""
        raise BadData(f"{where}: holds no archive liqgrid reads{why}", file=where)
    unique = {archive.path.resolve(): archive for archive in archives}
    return [unique[path] for path in sorted(unique)], passed_over


def _files_in(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in _SUFFIXES and path.is_file() and not path.name.startswith("."):
            yield path


def archive_of(path: Path, said: Overrides) -> Archive:
    """Return what a file is.

    Raises
    ------
    BadData
        If it is not there, neither its name nor the user says what it is, or liqgrid has no use for it.
    """
    if not path.is_file():
        raise BadData(f"{path}: no such file", file=str(path))
    match = _NAME.fullmatch(path.stem)
    what = match["what"] if match else None
    kind = said.kind or _kind(path, what)
    if kind is None or (match is None and said.instrument is None):
        raise _unknown(path, what)
    if said.instrument is None and "spot" in path.parts:
        raise BadData(f"{path}: is of the spot market, liqgrid reads perpetual futures", file=str(path))
    interval: Interval | None = None
    if kind is ArchiveKind.AGG_TRADES:
        interval = said.interval or Interval.M1
    elif kind in _KIND_OF_BARS:
        interval = said.interval or _interval(path, what)
    symbol = match["symbol"] if match and said.instrument is None else None
    instrument = said.instrument or _instrument(path, symbol or "")
    return Archive(path, instrument, kind, interval, symbol, said.kind is not None or kind.value in path.parts)


def _kind(path: Path, what: str | None) -> ArchiveKind | None:
    """Return the kind a name or the folders above it say; None if they say another, or nothing."""
    if what is not None and not _INTERVAL.fullmatch(what):
        return ArchiveKind(what) if what in set(ArchiveKind) - set(_KIND_OF_BARS) else None
    folders = [part for part in path.parts if part.lower().endswith("klines")]
    if folders:
        return ArchiveKind(folders[-1]) if folders[-1] in set(_KIND_OF_BARS) else None
    return ArchiveKind.KLINES if what is not None else None


def _interval(path: Path, what: str | None) -> Interval:
    if what not in set(Interval):
        known = ", ".join(Interval)
        raise BadData(f"{path}: holds bars of {what}, liqgrid keeps {known}", file=str(path), value=what)
    return Interval(what)


def _instrument(path: Path, symbol: str) -> Instrument:
    name, underscore, contract = symbol.partition("_")
    if underscore and contract != "PERP":
        raise BadData(f"{path}: {symbol} is a dated future, liqgrid reads perpetual ones", file=str(path))
    try:
        return Instrument("binance", pair_from_joined(name))
    except BadRequest as error:
        raise BadData(f"{path}: {error.message}; say --symbol venue:base-quote", file=str(path)) from error


def _unknown(path: Path, what: str | None) -> BadData:
    known = ", ".join(ArchiveKind)
    if what is not None:
        return BadData(f"{path}: is of a kind liqgrid does not read; it reads {known}", file=str(path), kind=what)
    return BadData(
        f"{path}: the name must be like BTCUSDT-1m-2024-05.zip or BTCUSDT-metrics-2024-05-01.zip, or --symbol and "
        f"--kind (one of {known}) be given",
        file=str(path),
    )
