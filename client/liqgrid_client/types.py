"""What the server answers: the types of its schema, by its own descriptions.

Arrays cannot be written to. Times of arrays are numpy's ``datetime64[ms]`` in UTC, single ones aware ``datetime``.
Made from docs/schema.graphql by ``python -m generator``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from liqgrid_client.tables import CellTable, RowTable, SeriesTable

_F64 = {"dtype": "<f8"}
_F32 = {"dtype": "<f4"}
_I64 = {"dtype": "<i8"}
_MS = {"dtype": "<M8[ms]"}

Interval = Literal["1m", "5m", "15m", "1h", "4h", "1d"]
"""Length of a bar or of the step between grid columns: minutes, hours, a day."""

Side = Literal["long", "short"]
"""Side of a position; LONG is liquidated by falling prices."""

Trend = Literal["rising", "falling", "flat"]
"""Where a number went within its window; FLAT under its step."""

Unit = Literal["quote", "base"]
"""What amounts are counted in: quote currency (notional) or base currency."""


@dataclass(frozen=True, kw_only=True)
class AgePart:
    """The part of a cluster that opened some time ago."""

    younger_than: float | None
    """Opened after this many seconds ago; None: no limit."""

    older_than: float | None
    """Opened at least this many seconds ago; None: no limit."""

    notional: float
    """Quote currency, base × the mid price of its bin."""

    share: float
    """Part of the cluster's notional, 0 to 1; the parts add up to 1."""


@dataclass(frozen=True, kw_only=True)
class Band:
    """Both sides' notional within a distance of the price."""

    within: float
    """Distance from the price, a fraction."""

    long: float
    """Longs liquidated by a fall of that much, quote currency."""

    short: float
    """Shorts liquidated by a rise of that much, quote currency."""

    imbalance: float
    """(long - short) / (long + short), -1 to 1; 0 where both are 0."""

    heavier: Side | None
    """Side with more notional within the band; None if equal."""


@dataclass(frozen=True, kw_only=True)
class BandPercentile:
    """Where a band lies among the same band of the pair's own 90 days before."""

    within: float
    """Distance from the price, a fraction."""

    long: float
    """Part of past columns with fewer longs, 0 to 100; equal ones by half."""

    short: float
    """Part of past columns with fewer shorts, 0 to 100."""

    imbalance: float
    """Part of past columns with a lower imbalance, 0 to 100."""

    columns: int
    """How many past columns it rests on: those of interval 4h at 00:00 and 12:00 UTC in which all venues of this answer
    are, at most 180.
    """

    since: datetime
    """Close time of the first of them."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """The bar of a column: that of the venue with the largest open interest in it."""

    open: float
    """Quote per base."""

    high: float
    """Quote per base."""

    low: float
    """Quote per base."""

    close: float
    """Last price at the close, quote per base."""

    volume: float | None
    """Base units; None where unknown."""

    price: float
    """The price sides are held against: mark price where stored, else the close; quote per base."""


@dataclass(frozen=True, kw_only=True, eq=False)
class BarSeries(SeriesTable):
    """Closed bars, stamped with their open."""

    symbol: str
    """venue:base-quote."""

    times: NDArray[np.datetime64] = field(repr=False, metadata=_MS)
    """datetime64[ms] [N], ascending."""

    page_info: PageInfo
    """Where the page ends."""

    interval: Interval
    """Length of a bar."""

    open: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [N], quote per base."""

    high: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [N], quote per base."""

    low: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [N], quote per base."""

    close: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [N], quote per base."""

    volume: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [N], base units; NaN where unknown."""

    simulated: bool = False
    """True where it is of a simulated market, not of a real one."""


@dataclass(frozen=True, kw_only=True)
class BuiltColumns:
    """Grid columns stored of one interval."""

    interval: Interval
    """Step between columns."""

    columns: int
    """How many are stored."""

    first: datetime
    """Close time of the oldest."""

    last: datetime
    """Close time of the newest."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Cascade(RowTable):
    """What a price liquidates that travels from `price` along given targets; nothing opens or closes meanwhile, and
    nothing is liquidated twice (docs/model.md, What if).
    """

    _rows: ClassVar[str] = "steps"

    pair: str
    """Pair, for example BTC-USDT, or coin, for example BTC."""

    interval: Interval
    """Interval of the column the answer is made of."""

    as_of: datetime
    """Close time of that column; nothing stamped later is in the answer."""

    price: float
    """Price then, quote per base, that of the instrument with the largest open interest."""

    unit: str
    """Quote currency of all notionals; USD for a coin, whose dollar quotes count as one."""

    model: ModelInfo = field(repr=False)
    """What made the answer."""

    coverage: Coverage = field(repr=False)
    """What the answer covers and lacks."""

    long: CascadeSide
    """Longs, liquidated by falls."""

    short: CascadeSide
    """Shorts, liquidated by rises."""

    end_price: float
    """Where the price ends, quote per base: the last target, moved on by impact."""

    triggered: float
    """Notional, quote currency, that the same travel without impact would not have liquidated."""

    impact: float
    """Coefficient Y of the square-root law, as it was asked for; 0 is no impact."""

    daily_volatility: float | None
    """Standard deviation of a day's log return up to `as_of`, a fraction; None where it is not known."""

    daily_volume: float | None
    """Volume of a day up to `as_of`, quote currency; None where it is not known."""

    daily_columns: int
    """How many columns both rest on, of the venue with the fewest; 0 where not known."""

    steps: CascadeSteps
    """What is liquidated, bin by bin in order of travel."""

    legs: CascadeLegs
    """One leg for each target."""

    simulated: bool = False
    """True where it is of a simulated market, not of a real one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CascadeLegs:
    """The legs of a travel, one for each target, in order."""

    start: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [L]: where the leg starts, quote per base: where the one before ended."""

    target: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [L]: the price aimed at, as it was asked for."""

    end: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [L]: where the leg ends: the target, moved on by impact."""

    side: NDArray[np.int64] = field(repr=False, metadata=_I64)
    """int64 [L]: 0 LONG for a fall, 1 SHORT for a rise, -1 if the target is the last one."""

    base: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [L]: liquidated on the leg, base currency."""

    notional: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [L]: liquidated on the leg, quote currency."""

    overshoot: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [L]: the part of `notional` beyond the target, quote currency."""

    at_column_end: NDArray[np.int64] = field(repr=False, metadata=_I64)
    """int64 [L]: 1 where impact would have gone on beyond a factor of two from `price`, where columns end, and the leg
    ends there; else 0.
    """


@dataclass(frozen=True, kw_only=True)
class CascadeSide:
    """What a cascade liquidates of one side: a floor, for what is in no bin cannot be passed."""

    side: Side
    """Side of the positions."""

    notional: float
    """Liquidated, quote currency."""

    base: float
    """Liquidated, base currency."""

    share: float
    """Part of the whole side's notional that is liquidated, 0 to 1."""

    unbinned_share: float
    """Part of the whole side's notional that no travel passes, 0 to 1: its entry prices are unknown, or it lies beyond
    a factor of two from the price. What of it would be liquidated is not in `notional`.
    """


@dataclass(frozen=True, kw_only=True, eq=False)
class CascadeSteps:
    """What is liquidated, bin by bin in order of travel; bins that hold nothing are left out."""

    leg: NDArray[np.int64] = field(repr=False, metadata=_I64)
    """int64 [N]: index of the leg, from 0, ascending."""

    side: NDArray[np.int64] = field(repr=False, metadata=_I64)
    """int64 [N]: 0 LONG, 1 SHORT."""

    price: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [N]: mid price of the bin, quote per base."""

    base: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [N]: liquidated there, base currency."""

    notional: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [N]: liquidated there, quote currency."""

    cumulative: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [N]: liquidated by then, both sides and all legs, quote currency."""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A dense price range of one side (docs/model.md, Clusters)."""

    side: Side
    """Side of the positions: longs lie below the price, shorts above."""

    low: float
    """Lower edge, quote per base."""

    high: float
    """Upper edge, quote per base."""

    peak_price: float
    """Price of the densest bin, quote per base."""

    notional: float
    """What rests in the range, quote currency."""

    base: float
    """What rests in the range, base currency."""

    distance: float
    """Distance of the peak from the price, a fraction, not negative."""

    share: float
    """Part of the whole side's notional, 0 to 1."""

    composition: Composition | None = None
    """What it is made of. None unless asked for with `composition=True`."""

    id: str | None = None
    """Name of the cluster over time: the same at later columns while it goes on, of one answer never twice
    (docs/model.md, Clusters over time). Follows from pair or coin, instruments, side and birth. None unless asked
    for with `lineage=True`.
    """

    born: datetime | None = None
    """Close time of the first column it is seen in, to the hour; None if it is older than was looked for
    (`born_before`). None unless asked for with `lineage=True`.
    """

    born_before: datetime | None = None
    """Null, or a time it was there already, where its birth lies further back. None unless asked for with
    `lineage=True`.
    """

    peak: ClusterPeak | None = None
    """When it was largest since its birth. None unless asked for with `lineage=True`."""

    swept: float | None = None
    """Part of it that the price took since its birth, 0 to 1: taken ÷ (taken + what rests), in base units; a floor.
    None unless asked for with `lineage=True`.
    """


@dataclass(frozen=True, kw_only=True)
class ClusterPeak:
    """When a cluster was largest, of the columns its past was followed over."""

    at: datetime
    """Close time of that column."""

    notional: float
    """What rested in its range then, quote currency."""


@dataclass(frozen=True, kw_only=True)
class Clusters(RowTable):
    """The densest price ranges at one moment, largest notional first."""

    _rows: ClassVar[str] = "clusters"

    pair: str
    """Pair, for example BTC-USDT, or coin, for example BTC."""

    interval: Interval
    """Interval of the column the answer is made of."""

    as_of: datetime
    """Close time of that column; nothing stamped later is in the answer."""

    price: float
    """Price then, quote per base, that of the instrument with the largest open interest."""

    unit: str
    """Quote currency of all notionals; USD for a coin, whose dollar quotes count as one."""

    model: ModelInfo = field(repr=False)
    """What made the answer."""

    coverage: Coverage = field(repr=False)
    """What the answer covers and lacks."""

    clusters: tuple[Cluster, ...]
    """Largest notional first."""

    simulated: bool = False
    """True where it is of a simulated market, not of a real one."""


@dataclass(frozen=True, kw_only=True)
class ColumnVenue:
    """What one venue contributes to a column."""

    venue: str
    """Venue, for example binance."""

    open_interest_share: float
    """Its part of the column's open interest, 0 to 1."""

    mark: bool
    """Whether its last bar was liquidated by the mark price, not the last."""

    carried_open_interest: bool
    """Whether its open interest is an older sample."""


@dataclass(frozen=True, kw_only=True)
class Composition:
    """What a cluster is made of (docs/model.md, Clusters over time). Read only when asked for."""

    leverage: tuple[LeveragePart, ...]
    """By leverage class, lowest first, those that are there. Classes are stored per 40 basis points, in 255ths."""

    age: tuple[AgePart, ...]
    """By age, youngest first: under 1 day, 1 to 7, 7 to 30, over 30 days. Where the history begins later, what is
    placed counts as opened since.
    """

    venues: tuple[VenuePart, ...]
    """By instrument, the one with the largest open interest first."""


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """What the answer covers and what it lacks."""

    simulated: bool
    """True where all of it is of a simulated market, not of a real one."""

    venues: tuple[VenueCoverage, ...]
    """Contribution of each instrument, the largest open interest first. Its price and bars are the answer's."""

    missing: tuple[str, ...]
    """Instruments that have no column at the answer's newest time, venue:base-quote: that column is the sum of the
    others.
    """

    modelled_share: float
    """Part of open interest the model stands for, 0 to 1; the rest is hedged, far away or under 2x."""

    unplaced_share: float
    """Part of the newest column whose entry prices are unknown, mean of both sides, 0 to 1."""

    gaps: tuple[Gap, ...]
    """Recorded gaps in the bars within the answer's time."""

    stale_seconds: float
    """Age of the newest column when the answer was given."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """Cumulative notional of one side from the price outwards: what a move to there liquidates."""

    prices: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [N], quote per base, moving away from the price."""

    notional: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [N], quote currency liquidated on the way there."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Exposure(RowTable):
    """How much of each side would be liquidated, how near, and which side is heavier."""

    _rows: ClassVar[str] = "bands"

    pair: str
    """Pair, for example BTC-USDT, or coin, for example BTC."""

    interval: Interval
    """Interval of the column the answer is made of."""

    as_of: datetime
    """Close time of that column; nothing stamped later is in the answer."""

    price: float
    """Price then, quote per base, that of the instrument with the largest open interest."""

    unit: str
    """Quote currency of all notionals; USD for a coin, whose dollar quotes count as one."""

    model: ModelInfo = field(repr=False)
    """What made the answer."""

    coverage: Coverage = field(repr=False)
    """What the answer covers and lacks."""

    long: SideExposure
    """Longs, liquidated by falling prices."""

    short: SideExposure
    """Shorts, liquidated by rising prices."""

    bands: tuple[Band, ...]
    """Both sides within each distance, nearest first."""

    heavier: Side | None
    """Side with more notional within the widest band."""

    percentiles: tuple[BandPercentile, ...] | None
    """Where each band lies among those of the 90 days before; None where under 30 columns are stored."""

    simulated: bool = False
    """True where it is of a simulated market, not of a real one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FundingRateSeries(SeriesTable):
    """Funding rates, stamped with when they were paid."""

    symbol: str
    """venue:base-quote."""

    times: NDArray[np.datetime64] = field(repr=False, metadata=_MS)
    """datetime64[ms] [N], ascending."""

    page_info: PageInfo
    """Where the page ends."""

    rate: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [N]: fraction of notional; above 0 longs pay shorts."""

    simulated: bool = False
    """True where it is of a simulated market, not of a real one."""


@dataclass(frozen=True, kw_only=True)
class FundingSignal:
    """Funding of the venue with the largest open interest; above 0 longs pay shorts."""

    rate: float
    """Newest rate of the last 24 hours, a fraction of notional."""

    day: float
    """Sum of the rates paid in the last 24 hours, a fraction of notional."""

    change: float | None
    """`day` less the sum of the 24 hours before, a fraction of notional; None where those are unknown."""

    trend: Trend | None
    """Of `change`; FLAT under 0.0001."""

    paying: Side | None
    """Side that pays for being many: LONG where `day` is over 0.0003, SHORT where below 0, else None."""


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A stretch of missing bars, [startsAt, endsAt); nothing was interpolated."""

    venue: str
    """Venue whose bars are missing."""

    symbol: str
    """Instrument whose bars are missing, venue:base-quote."""

    stream: str
    """What is missing, for example bar:last."""

    starts_at: datetime
    """First moment without data."""

    ends_at: datetime
    """First moment with data again."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Grid(CellTable):
    """Modelled liquidation levels over time × price: how much of the open interest would be force-closed at which
    price, longs and shorts apart. An estimate (docs/model.md), not observed positions.
    """

    pair: str
    """Pair, for example BTC-USDT, or coin, for example BTC."""

    interval: Interval
    """Step between columns."""

    as_of: datetime
    """Close time of the newest column; nothing stamped later is in the answer."""

    unit: str
    """Currency of all amounts, for example "USDT" or "BTC"; notionals of a coin are "USD"."""

    times: NDArray[np.datetime64] = field(repr=False, metadata=_MS)
    """datetime64[ms] [T]: close time of each column, ascending."""

    price_edges: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [rows + 1]: edges of the price rows, ascending, geometric."""

    long: NDArray[np.float32] = field(repr=False, metadata=_F32)
    """float32 [T, rows]: longs by liquidation price, in unit."""

    short: NDArray[np.float32] = field(repr=False, metadata=_F32)
    """float32 [T, rows]: shorts by liquidation price, in unit."""

    long_total: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [T]: all longs, also what lies outside the rows or has no known entry."""

    short_total: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [T]: all shorts; equal to long_total in base units."""

    bars: PackedBars = field(repr=False)
    """Bars of the columns."""

    maximum: float
    """Largest long + short of any cell, in unit."""

    percentiles: tuple[Percentile, ...]
    """Percentiles 50, 75, 90, 95, 99 and 99.7 of the cells, for colour scales."""

    model: ModelInfo = field(repr=False)
    """What made the grid."""

    coverage: Coverage = field(repr=False)
    """What the grid covers and lacks."""

    simulated: bool = False
    """True where it is of a simulated market, not of a real one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class GridColumnEvent(CellTable):
    """A grid column as it was built. Clients keep columns by close_time."""

    cursor: str
    """Give it as `after` to go on behind this column; opaque."""

    close_time: datetime
    """Close time of the column; nothing stamped later is in it."""

    replaces: bool
    """True where a column of this close_time, or a later one, was sent before, in this stream or the one its cursor is
    of: late data, or a venue that was behind, made it anew. It takes the other's place; later ones that were sent
    are made anew as well and follow, and one that does not follow is no more.
    """

    unit: str
    """Currency of all amounts, for example "USDT" or "BTC"."""

    price_edges: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [rows + 1]: edges of the price rows, ascending, geometric; the same in all of a stream."""

    long: NDArray[np.float32] = field(repr=False, metadata=_F32)
    """float32 [rows]: longs by liquidation price, in unit."""

    short: NDArray[np.float32] = field(repr=False, metadata=_F32)
    """float32 [rows]: shorts by liquidation price, in unit."""

    long_total: float
    """All longs, in unit, also what lies outside the rows or has no known entry."""

    short_total: float
    """All shorts, in unit; equal to long_total in base units."""

    bar: Bar
    """Bar of the column."""

    venues: tuple[ColumnVenue, ...]
    """Venues summed, largest open interest first; one that is behind follows in a later event."""

    modelled_share: float
    """Part of open interest the column stands for, 0 to 1."""

    unplaced_share: float
    """Part of the column whose entry prices are unknown, mean of both sides, 0 to 1."""

    simulated: bool = False
    """True where it is of a simulated market, not of a real one."""


@dataclass(frozen=True, kw_only=True)
class HeavierSignal:
    """Which side has more notional within 5 % of the price."""

    side: Side | None
    """Side from 55 % of both on; None below, or where both are empty."""

    within: float
    """Distance from the price, a fraction: 0.05."""

    long: float
    """Longs liquidated by a fall of that much, quote currency."""

    short: float
    """Shorts liquidated by a rise of that much, quote currency."""

    imbalance: float
    """(long - short) / (long + short), -1 to 1; 0 where both are 0."""


@dataclass(frozen=True, kw_only=True)
class Instrument:
    """A perpetual of a pair on a venue."""

    symbol: str
    """venue:base-quote, for example binance:BTC-USDT."""

    venue: str
    """Venue, for example binance."""

    open_interest: float | None
    """Newest open interest, one side, base currency."""

    last_bar_at: datetime | None
    """Open time of the newest stored bar."""

    built_until: datetime | None
    """Close time of the newest bar in the grid."""

    built_at: datetime | None
    """When the grid was last built."""

    grids: tuple[BuiltColumns, ...]
    """Stored grid columns, finest interval first."""


@dataclass(frozen=True, kw_only=True)
class LeveragePart:
    """The part of a cluster that positions of one leverage hold."""

    leverage: float
    """Leverage class, for example 25."""

    notional: float
    """Quote currency, base × the mid price of its bin."""

    share: float
    """Part of the cluster's notional, 0 to 1; the parts add up to 1."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LiquidationBarSeries(SeriesTable):
    """Realised liquidations summed over intervals, stamped with their open; only those something is stored of. Of
    several sources (single ones, sums of finer intervals) the largest counts, for each may lack some.
    """

    symbol: str
    """venue:base-quote."""

    times: NDArray[np.datetime64] = field(repr=False, metadata=_MS)
    """datetime64[ms] [N], ascending."""

    page_info: PageInfo
    """Where the page ends."""

    interval: Interval
    """Length of the intervals."""

    long: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [N]: longs, base units."""

    short: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [N]: shorts, base units."""

    long_notional: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [N]: longs, quote currency; sums that came without prices at their bar's close."""

    short_notional: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [N]: shorts, quote currency, likewise."""

    simulated: bool = False
    """True where it is of a simulated market, not of a real one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LiquidationSeries(SeriesTable):
    """Single realised liquidations, as the venue published them: a floor, for venues do not publish all."""

    symbol: str
    """venue:base-quote."""

    times: NDArray[np.datetime64] = field(repr=False, metadata=_MS)
    """datetime64[ms] [N], ascending."""

    page_info: PageInfo
    """Where the page ends."""

    price: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [N], quote per base."""

    long: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [N]: longs, base units; 0 where a short was liquidated."""

    short: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [N]: shorts, base units; 0 where a long was liquidated."""

    live_cursor: str
    """Give it as `after` to the subscription `liquidations` of this pair, to go on from here: whatever arrived after
    the page was read comes there.
    """

    simulated: bool = False
    """True where it is of a simulated market, not of a real one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LongShortRatioSeries(SeriesTable):
    """Ratios of accounts net long to accounts net short, stamped with the end of their period."""

    symbol: str
    """venue:base-quote."""

    times: NDArray[np.datetime64] = field(repr=False, metadata=_MS)
    """datetime64[ms] [N], ascending."""

    page_info: PageInfo
    """Where the page ends."""

    ratio: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [N]: accounts net long / accounts net short."""

    long: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [N]: part of accounts net long, 0 to 1; NaN if unknown."""

    short: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [N]: part of accounts net short, 0 to 1; NaN if unknown."""

    simulated: bool = False
    """True where it is of a simulated market, not of a real one."""


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """What made the answer: same inputs, parameters and version give the same bytes."""

    version: str
    """Version of the model (docs/model.md)."""

    parameters_hash: str
    """Hash of the model's parameters and version."""

    parameters: Mapping[str, Any] = field(repr=False)
    """The model's parameters by name (docs/model.md): with them anyone can make the same columns again."""

    formula_versions: tuple[str, ...]
    """Versions of the venues' liquidation price formulas."""

    computed_at: datetime
    """When the newest column of the answer was built."""


@dataclass(frozen=True, kw_only=True, eq=False)
class OpenInterestSeries(SeriesTable):
    """Open interest samples, stamped with when they were true."""

    symbol: str
    """venue:base-quote."""

    times: NDArray[np.datetime64] = field(repr=False, metadata=_MS)
    """datetime64[ms] [N], ascending."""

    page_info: PageInfo
    """Where the page ends."""

    open_interest: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [N]: one side, base units."""

    simulated: bool = False
    """True where it is of a simulated market, not of a real one."""


@dataclass(frozen=True, kw_only=True)
class OpenInterestSignal:
    """Open interest of the venue with the largest."""

    base: float
    """Newest sample of the last hour, one side, base currency."""

    change: float | None
    """Change against 24 hours before, a fraction of that; None where it is unknown."""

    trend: Trend | None
    """Of `change`; FLAT under 0.02."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PackedBars:
    """Bars of the grid's columns: those of the instrument with the largest open interest."""

    open: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [T], quote per base; NaN where there is none."""

    high: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [T], quote per base."""

    low: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [T], quote per base."""

    close: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [T], last price at the close, quote per base."""

    volume: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [T], base units."""

    price: NDArray[np.float64] = field(repr=False, metadata=_F64)
    """float64 [T], the price sides are held against: mark price where stored, else the close."""


@dataclass(frozen=True, kw_only=True)
class PageInfo:
    """Where a page ends."""

    has_next_page: bool
    """Whether more follows."""

    end_cursor: str | None
    """Give it as `after` to go on; None for an empty page."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Base and quote, without a venue."""

    symbol: str
    """base-quote, for example BTC-USDT."""

    coin: str
    """Base currency."""

    quote: str
    """Quote currency."""

    instruments: tuple[Instrument, ...]
    """Largest open interest first."""


@dataclass(frozen=True, kw_only=True)
class PairConnection:
    """A page of pairs, by name."""

    edges: tuple[PairEdge, ...]
    """The pairs."""

    page_info: PageInfo
    """Where the page ends."""


@dataclass(frozen=True, kw_only=True)
class PairEdge:
    """A pair in a page."""

    node: Pair
    """The pair."""

    cursor: str
    """Give it as `after` to go on from here."""


@dataclass(frozen=True, kw_only=True)
class Percentile:
    """A percentile of the grid's non-empty cells (long and short together)."""

    percent: float
    """50 to 99.7."""

    value: float
    """Amount in the grid's unit; 0 for a grid without cells."""


@dataclass(frozen=True, kw_only=True)
class RealisedLiquidation:
    """A liquidation as a venue published it; a floor, for venues do not publish all."""

    cursor: str
    """Give it as `after` to go on behind this one; opaque."""

    symbol: str
    """venue:base-quote, for example binance:BTC-USDT."""

    time: datetime
    """When it happened, as the venue says."""

    side: Side
    """Side of the position that was liquidated."""

    price: float
    """Quote per base."""

    base: float
    """Amount, base currency."""

    notional: float
    """Amount × price, quote currency."""

    simulated: bool = False
    """True where it is of a simulated market, not of a real one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SideExposure:
    """One side of the book at one moment."""

    side: Side
    """Side of the positions."""

    notional: float
    """The whole side, quote currency, wherever it would be liquidated."""

    base: float
    """The whole side, base currency; equal for both sides."""

    nearest: Cluster | None
    """The nearest of the side's ten largest clusters within the widest band; None if there is none."""

    max_pain_price: float | None
    """Peak price of the side's largest cluster within the widest band; None if there is none."""

    curve: Curve
    """Cumulative notional out to the widest band."""


@dataclass(frozen=True, kw_only=True)
class Signals(RowTable):
    """What levels, funding and open interest say together at one moment (docs/model.md, Signals). Descriptions, no
    advice; None where an input is missing.
    """

    _rows: ClassVar[str] = "magnets"

    pair: str
    """Pair, for example BTC-USDT, or coin, for example BTC."""

    interval: Interval
    """Interval of the column the answer is made of."""

    as_of: datetime
    """Close time of that column; nothing stamped later is in the answer."""

    price: float
    """Price then, quote per base, that of the instrument with the largest open interest."""

    unit: str
    """Quote currency of all notionals; USD for a coin, whose dollar quotes count as one."""

    model: ModelInfo = field(repr=False)
    """What made the answer."""

    coverage: Coverage = field(repr=False)
    """What the answer covers and lacks."""

    heavier: HeavierSignal
    """The heavier side, with its numbers."""

    magnets: tuple[Cluster, ...]
    """The largest cluster of each side within 5 % of the price, nearest first; at most one a side."""

    funding: FundingSignal | None
    """Funding and its trend; None where none is known of the last 24 hours."""

    open_interest: OpenInterestSignal | None
    """Open interest and its trend; None where no sample of the last hour is known."""

    agree: bool | None
    """Whether the heavier side is the one that pays funding while open interest rises; None where funding, or open
    interest of either time, is unknown.
    """

    squeeze: Squeeze | None
    """Null where there is none, or an input is missing."""

    simulated: bool = False
    """True where it is of a simulated market, not of a real one."""


@dataclass(frozen=True, kw_only=True)
class Skill:
    """What the model knew beyond a price chart: partial rank correlation of predicted with realised liquidations given
    move × recent turnover (docs/model.md, Skill). 0 knows nothing more, 1 orders all right.
    """

    symbol: str
    """venue:base-quote."""

    interval: Interval
    """Interval of the realised liquidations."""

    mean: float
    """Mean of both sides."""

    long: float
    """Longs, -1 to 1."""

    short: float
    """Shorts, -1 to 1."""

    long_bars: int
    """Bars compared for longs."""

    short_bars: int
    """Bars compared for shorts."""

    start: datetime
    """Open of the first bar, burn-in included."""

    end: datetime
    """Close of the last bar."""

    model_version: str
    """Version of the model scored."""

    parameters_hash: str
    """Hash of its parameters."""

    simulated: bool = False
    """True where it is of a simulated market, not of a real one."""


@dataclass(frozen=True, kw_only=True)
class Squeeze:
    """A side that is heavier, has funding to match, and grows with open interest: the positions a move against them
    would close by force. A description of the moment, no forecast.
    """

    side: Side
    """SHORT: a rise would liquidate them; LONG: a fall would."""

    notional: float
    """That side within 5 % of the price, quote currency."""

    funding: float
    """Funding of the last 24 hours, a fraction: below 0.0001 for SHORT, over 0.0003 for LONG."""

    open_interest_change: float
    """In 24 hours, a fraction: at least 0.02."""


@dataclass(frozen=True, kw_only=True)
class Status:
    """The server and what it holds."""

    version: str
    """Version of liqgrid."""

    schema_version: str
    """Newest database migration this server needs."""

    database: str
    """Kind and version of the database."""

    simulated: bool
    """True where all it holds is of a simulated market, not of a real one."""

    instruments: tuple[Instrument, ...]
    """Every stored instrument."""


@dataclass(frozen=True, kw_only=True)
class StopZone:
    """A price range clear of dense clusters (docs/model.md, Stop zones)."""

    side: Side
    """Side of the position whose stop lies there: below the price for LONG, above for SHORT."""

    low: float
    """Lower edge, quote per base."""

    high: float
    """Upper edge, quote per base."""

    distance: float
    """Distance of the nearer edge from the price, a fraction."""

    notional: float
    """What rests in the zone, quote currency."""

    density: float
    """Notional per bin in the zone ÷ the mean per bin of that side within the distance asked for."""

    before: float
    """Quote currency liquidated between the price and the nearer edge: what a sweep takes first."""

    cluster_before: ZoneCluster | None
    """The next dense cluster towards the price; None if there is none."""

    cluster_beyond: ZoneCluster | None
    """The next dense cluster away from the price, which may lie further out than `within`; None if none."""


@dataclass(frozen=True, kw_only=True)
class StopZones(RowTable):
    """Price ranges near the price that are clear of dense clusters, at one moment."""

    _rows: ClassVar[str] = "zones"

    pair: str
    """Pair, for example BTC-USDT, or coin, for example BTC."""

    interval: Interval
    """Interval of the column the answer is made of."""

    as_of: datetime
    """Close time of that column; nothing stamped later is in the answer."""

    price: float
    """Price then, quote per base, that of the instrument with the largest open interest."""

    unit: str
    """Quote currency of all notionals; USD for a coin, whose dollar quotes count as one."""

    model: ModelInfo = field(repr=False)
    """What made the answer."""

    coverage: Coverage = field(repr=False)
    """What the answer covers and lacks."""

    zones: tuple[StopZone, ...]
    """Nearest first."""

    simulated: bool = False
    """True where it is of a simulated market, not of a real one."""


@dataclass(frozen=True, kw_only=True)
class VenueCoverage:
    """What one instrument contributes to the answer; of a coin a venue may have several."""

    venue: str
    """Venue, for example binance."""

    pair: str
    """Pair, for example BTC-USDT."""

    symbol: str
    """venue:base-quote, for example binance:BTC-USDT."""

    open_interest_share: float
    """Its part of the open interest of the answer's newest column, 0 to 1; 0 where it has none."""

    columns: int
    """Grid columns it contributes."""

    newest: datetime | None
    """Close time of its newest column in the answer."""

    stored_until: datetime | None
    """Close time of its newest stored column of this interval by then, in the answer or not: since when it is missing.
    """

    mark_columns: int
    """Columns over whose whole interval the mark price liquidated; in the others the last price did, at least in part.
    """

    carried_open_interest_columns: int
    """Columns whose open interest is an older sample, carried on."""

    tiers_assumed: bool
    """Whether a default of the venue stood in for margin tiers, because none of the instrument were known when a column
    of the answer was built.
    """

    bars_without_volume: int
    """Bars without a volume, which close nothing, that the newest build in the answer replayed."""

    tiers_assumed_before: datetime | None
    """Before this time the earliest known margin tiers were assumed, or the default of the venue where none are known;
    None where none were assumed.
    """


@dataclass(frozen=True, kw_only=True)
class VenuePart:
    """The part of a cluster that is one instrument's."""

    venue: str
    """Venue, for example binance."""

    symbol: str
    """venue:base-quote, for example binance:BTC-USDT."""

    notional: float
    """Quote currency, base × the mid price of its bin."""

    share: float
    """Part of the cluster's notional, 0 to 1; the parts add up to 1."""


@dataclass(frozen=True, kw_only=True)
class ZoneCluster:
    """A dense cluster beside a stop zone."""

    low: float
    """Lower edge, quote per base."""

    high: float
    """Upper edge, quote per base."""

    peak_price: float
    """Price of the densest bin, quote per base."""

    notional: float
    """What rests in the range, quote currency."""
