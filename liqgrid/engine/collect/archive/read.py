"""The rows of an archive: bars, samples and funding, in base units and UTC milliseconds, sorted and once each.

Amounts of COIN-M contracts stand in the archives twice: in contracts, and in the coin where other archives have quote
currency. The latter are read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from liqgrid.engine.collect.archive.names import Archive, ArchiveKind
from liqgrid.engine.collect.archive.table import FLOAT, TEXT, UTC, WHOLE, Block, Layout, open_text, read_all
from liqgrid.engine.collect.archive.trades import read_trades
from liqgrid.engine.collect.csv_faults import Fault
from liqgrid.engine.collect.price_faults import is_count, price_faults
from liqgrid.engine.market.arrays import F64, I64
from liqgrid.engine.market.bars import Bars
from liqgrid.engine.market.errors import BadData
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.rows import (
    BarRows,
    FundingRateRows,
    LongShortRatioRows,
    OpenInterestRows,
    mark_bar_rows,
)

_PRICES = ("open", "high", "low", "close")
KLINES = Layout(
    (
        "open_time", *_PRICES, "volume", "close_time", "quote_volume", "count", "taker_buy_volume",
        "taker_buy_quote_volume", "ignore",
    ),
    {"open_time": WHOLE, **dict.fromkeys(_PRICES, FLOAT), "volume": FLOAT, "close_time": WHOLE, "quote_volume": FLOAT,
     "count": FLOAT, "taker_buy_volume": FLOAT, "taker_buy_quote_volume": FLOAT},
    key="open_time",
)  # fmt: skip
METRICS = Layout(
    (
        "create_time", "symbol", "sum_open_interest", "sum_open_interest_value", "count_toptrader_long_short_ratio",
        "sum_toptrader_long_short_ratio", "count_long_short_ratio", "sum_taker_long_short_vol_ratio",
    ),
    {"create_time": UTC, "symbol": TEXT, "sum_open_interest": FLOAT, "sum_open_interest_value": FLOAT,
     "count_long_short_ratio": FLOAT},
    key="create_time",
)  # fmt: skip
FUNDING_RATE = Layout(
    ("calc_time", "funding_interval_hours", "last_funding_rate"),
    {"calc_time": WHOLE, "last_funding_rate": FLOAT},
    key="calc_time",
)
_NO_TIMES: I64 = np.empty(0, dtype=np.int64)
_MINUTE_MS = Interval.M1.ms


@dataclass(frozen=True, slots=True)
class ArchiveRows:
    """What an archive holds; parts it does not have are None or empty.

    ``lines`` is the number of its rows, ``repeated`` how many of them said again what another had said. ``unknown``
    rows have no open interest, or one of 0, which venues publish while they have none to tell. ``missing_trades`` are
    ids that no row has; bars of their time are a floor.
    """

    lines: int
    repeated: int
    within_ms: tuple[int, int]
    bars: BarRows | None = None
    open_interest: OpenInterestRows = field(default_factory=lambda: OpenInterestRows(_NO_TIMES, np.empty(0)))
    long_short_ratio: LongShortRatioRows = field(
        default_factory=lambda: LongShortRatioRows(_NO_TIMES, np.empty(0), np.empty(0), np.empty(0))
    )
    funding_rate: FundingRateRows = field(default_factory=lambda: FundingRateRows(_NO_TIMES, np.empty(0)))
    unknown: int = 0
    missing_trades: int = 0


def read_archive(archive: Archive, on_read: Callable[[int], None] = lambda _: None) -> ArchiveRows:
    """Return the rows of an archive.

    Parameters
    ----------
    archive
        The file and what it is.
    on_read
        Called with the number of the file's bytes that have been read.

    Raises
    ------
    BadData
        Naming file, member of the zip, line, column and value.
    """
    match archive.kind:
        case ArchiveKind.KLINES | ArchiveKind.MARK_PRICE_KLINES:
            return _klines(archive, read_all(open_text(archive.path, KLINES), KLINES, on_read))
        case ArchiveKind.METRICS:
            return _metrics(archive, read_all(open_text(archive.path, METRICS), METRICS, on_read))
        case ArchiveKind.FUNDING_RATE:
            return _funding(read_all(open_text(archive.path, FUNDING_RATE), FUNDING_RATE, on_read))
        case ArchiveKind.AGG_TRADES:
            bars, lines, repeated, missing = read_trades(archive, on_read)
            within_ms = (int(bars.bars.open_ms[0]), int(bars.bars.close_ms[-1]))
            return ArchiveRows(lines, repeated, within_ms, bars, missing_trades=missing)


def _klines(archive: Archive, block: Block) -> ArchiveRows:
    interval = archive.interval
    assert interval is not None  # noqa: S101 - archive_of gives every archive of bars one
    open_ms, close_ms = block.times_ms("open_time"), block.times_ms("close_time")
    volume_name, bought_name = (
        ("quote_volume", "taker_buy_quote_volume") if archive.coin_margined else ("volume", "taker_buy_volume")
    )
    opened, high, low, close = prices = [block.floats(name) for name in _PRICES]
    amounts = {name: block.floats(name) for name in (volume_name, bought_name, "count")}
    volume, bought, trades = amounts.values()
    faults: list[Fault] = [
        (open_ms % interval.ms != 0, "open_time", f"is not the start of a {interval} bar"),
        (close_ms != open_ms + interval.ms - 1, "close_time", f"is not the end of a {interval} bar"),
        (~is_count(trades), "count", "must be a whole number"),
    ]
    faults += [
        (~np.isfinite(values), name, "is not a finite number") for name, values in zip(_PRICES, prices, strict=True)
    ]
    faults += [
        (~(np.isfinite(values) & (values >= 0)), name, "must be a number of 0 or more")
        for name, values in amounts.items()
    ]
    faults.append((bought > volume, bought_name, f"is more than {volume_name}"))
    block.refuse(faults + price_faults(opened, high, low, close))
    order = block.order()
    bars = Bars(interval, open_ms[order], opened[order], high[order], low[order], close[order], volume[order])
    lines, repeated = len(block), len(block) - len(order)
    within_ms = (int(bars.open_ms[0]), int(bars.close_ms[-1]))
    if archive.kind is ArchiveKind.MARK_PRICE_KLINES:
        return ArchiveRows(lines, repeated, within_ms, mark_bar_rows(bars))
    if not archive.kind_is_said and not volume.any():
        raise BadData(
            f"{block.text}: no bar has any volume, so these may be bars of the mark price; say which with --kind "
            f"{ArchiveKind.MARK_PRICE_KLINES} or --kind {ArchiveKind.KLINES}",
            **block.text.context,
        )
    unknown = np.full(len(order), np.nan)
    return ArchiveRows(lines, repeated, within_ms, BarRows(bars, bought[order], trades[order], unknown))


def _metrics(archive: Archive, block: Block) -> ArchiveRows:
    symbols = block.texts("symbol")
    expected = archive.symbol or symbols[0]
    if symbols != [expected]:
        other = next(symbol for symbol in symbols if symbol != expected)
        rows = np.array([value != expected for value in block.batch.column("symbol").to_pylist()])
        block.refuse([(rows, "symbol", f"is not {expected}")])
        raise BadData(f"{block.text}: is of {other}, not of {expected}", **block.text.context)
    ts_ms = block.whole("create_time")
    name = "sum_open_interest_value" if archive.coin_margined else "sum_open_interest"
    interest, ratio = block.floats(name), block.floats("count_long_short_ratio")
    block.refuse(
        [
            (np.isinf(interest) | (interest < 0), name, "must be a finite number of 0 or more"),
            (np.isinf(ratio) | (ratio < 0), "count_long_short_ratio", "must be a finite number of 0 or more"),
        ]
    )
    order = block.order()
    ts_ms, interest, ratio = ts_ms[order], interest[order], ratio[order]
    sampled, rated = interest > 0, np.isfinite(ratio)
    unknown = np.full(int(rated.sum()), np.nan)
    return ArchiveRows(
        len(block),
        len(block) - len(order),
        (int(ts_ms[0]), int(ts_ms[-1]) + 1),
        open_interest=OpenInterestRows(ts_ms[sampled], interest[sampled]),
        long_short_ratio=LongShortRatioRows(ts_ms[rated], ratio[rated], unknown, unknown),
        unknown=len(order) - int(sampled.sum()),
    )


def _funding(block: Block) -> ArchiveRows:
    calculated_ms, rate = block.times_ms("calc_time"), block.floats("last_funding_rate")
    block.refuse([(~(np.abs(rate) < 1), "last_funding_rate", "must be a fraction between -1 and 1")])
    order = block.order()
    ts_ms, kept = _paid(calculated_ms[order], rate[order], block)
    return ArchiveRows(
        len(block),
        len(block) - len(kept),
        (int(ts_ms[0]), int(ts_ms[-1]) + 1),
        funding_rate=FundingRateRows(ts_ms, kept),
    )


def _paid(calculated_ms: I64, rate: F64, block: Block) -> tuple[I64, F64]:
    """Return when funding was paid: on the minute; it is calculated some milliseconds after it.

    Two calculations of one minute that say the same are one payment.
    """
    ts_ms = calculated_ms // _MINUTE_MS * _MINUTE_MS
    again = np.diff(ts_ms, prepend=-1) == 0
    if (again & (np.diff(rate, prepend=np.nan) != 0)).any():
        minute = int(ts_ms[again & (np.diff(rate, prepend=np.nan) != 0)][0])
        raise BadData(f"{block.text}: has two funding rates of the minute {minute} (epoch ms)", **block.text.context)
    return ts_ms[~again], rate[~again]
