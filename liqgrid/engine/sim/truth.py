"""How near the model's map comes to the true positions of a simulated market (docs/model.md, "Truth").

Both sides of a map are read by distance from the price: row 0 longs below it, row 1 shorts above it, one price bin a
column, nearest first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from liqgrid.engine.market.arrays import F32, F64
from liqgrid.engine.market.axis import COLUMN_REACH, LOG_GROWTH, bin_of, coordinates
from liqgrid.engine.market.bars import Bars, aggregate, finest_series
from liqgrid.engine.market.instrument import Instrument
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.rows import OpenInterestRows
from liqgrid.engine.market.tiers import in_force
from liqgrid.engine.model.book import empty_book
from liqgrid.engine.model.inputs import Inputs, chunks, replay_inputs
from liqgrid.engine.model.levels import LevelTable, level_table, rule_changes_ms
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.model.replay import replay
from liqgrid.engine.sim.parameters import SymbolParameters
from liqgrid.engine.sim.tape import LAST, MARK, MINUTE_MS, Market, minutes_between, positions_at

_OPEN_INTEREST_PERIOD_MS = 300_000
_DAY_MS = 86_400_000
_CHART_ENTRIES = 500
COARSE_BINS = 20  # 1 %: what a map is read at
NEAR_BINS = 400  # a fifth of the price: where ranks are compared


@dataclass(frozen=True, slots=True)
class Likeness:
    """How like a map is to the truth, (2,) by side.

    ``rank_correlation`` Spearman's, over price bins of 1 % within 20 % of the price. ``earth_mover_percent`` how far,
    in % of the price, amounts must be moved on average to turn one side's normalised map into the truth, within a
    factor of two of the price.
    """

    rank_correlation: F64
    earth_mover_percent: F64


def true_map(market: Market, name: str, ms: int, price: float) -> F64:
    """Return what traders truly hold at ``ms`` by distance of the liquidation price, lots, shape (2, P)."""
    positions = positions_at(market, name, ms)
    bins = np.floor(positions.log_level / LOG_GROWTH).astype(np.int64) - bin_of(price)  # (K,)
    held = np.zeros((2, COLUMN_REACH))
    for side, distance in ((0, -bins), (1, bins)):
        near = (positions.is_long == (side == 0)) & (distance >= 1) & (distance <= COLUMN_REACH)
        np.add.at(held[side], distance[near] - 1, positions.lots[near])
    return held


def modelled_maps(
    market: Market, name: str, parameters: ModelParameters, interval: Interval, times_ms: list[int]
) -> dict[int, tuple[float, F64]]:
    """Return price and modelled map (2, P), base units, of each time: a replay of what the exchange would have told.

    Bars of ``interval``, last and mark, and open interest every five minutes, from the market's origin.
    """
    symbol = market.tapes[name].symbol
    book = empty_book(len(parameters.leverages))
    inputs = _told(market, name, interval)
    wanted = np.isin(inputs.series.close_ms, times_ms)  # (T,)
    found = {}
    for start, stop in chunks(inputs, rule_changes_ms(_instrument(symbol), symbol.tiers), wanted):
        part = inputs.replay.rows(start, stop)
        levels = _levels(symbol, int(part.open_ms[0]), parameters)
        done = replay(book, part, levels, parameters, wanted[start:stop])
        book = done.book
        for s, bar in enumerate(done.snapshots.bar):
            held = _by_distance(done.snapshots.near_base[:, s])
            found[int(part.close_ms[bar])] = float(part.mark_close[bar]), held
    return found


def chart_map(market: Market, name: str, ms: int, price: float, parameters: ModelParameters) -> F64:
    """Return the null map (2, P), which knows a day's chart and the venue's rules and remembers nothing.

    The leverage profile opened evenly over the past day's range of prices.
    """
    tape = market.tapes[name]
    day = minutes_between(market, tape, ms - _DAY_MS, ms).prices[LAST]  # (4, M)
    levels = _levels(tape.symbol, ms, parameters)
    low, high = coordinates(np.array([day[2].min(), day[1].max()])).tolist()
    entries = np.linspace(low, high, _CHART_ENTRIES)  # (E,)
    spread = np.zeros((2, COLUMN_REACH))
    for side, sign in ((0, -1), (1, 1)):
        bins = np.floor(entries[:, None] + coordinates(levels.factor[side])).astype(np.int64)  # (E, R)
        distance = sign * (bins - bin_of(price))
        near = (distance >= 1) & (distance <= COLUMN_REACH)
        weight = np.broadcast_to(levels.weight, near.shape)
        np.add.at(spread[side], distance[near] - 1, weight[near])
    return spread


def true_turnover_fraction(market: Market, name: str) -> float:
    """Return what the model calls τ as it truly was: closed lots of both sides over those traded."""
    tape = market.tapes[name]
    closed = sum(int(ended.lots.sum()) for ended in tape.ended) * tape.symbol.lot_base
    return closed / sum(float(minutes.volume_base.sum()) for minutes in tape.minutes)


def likeness(truth: F64, estimate: F64) -> Likeness:
    """Compare two maps (2, P); amounts may be in different units."""
    coarse = [_coarse(one) for one in (truth, estimate)]  # (2, NEAR_BINS / COARSE_BINS) each
    correlation = np.array([_rank_correlation(a, b) for a, b in zip(*coarse, strict=True)])
    cumulated = [np.cumsum(one, axis=1) / one.sum(axis=1, keepdims=True) for one in (truth, estimate)]  # (2, P)
    moved: F64 = np.abs(cumulated[0] - cumulated[1]).sum(axis=1) * 100 * LOG_GROWTH
    return Likeness(correlation, moved)


def _told(market: Market, name: str, interval: Interval) -> Inputs:
    minutes = minutes_between(market, market.tapes[name], market.origin_ms, market.played_until_ms)

    def bars(price: int) -> Bars:
        opens, highs, lows, closes = minutes.prices[price]
        one = Bars(Interval.M1, minutes.open_ms, opens, highs, lows, closes, minutes.volume_base)
        return aggregate(finest_series([one]), interval)

    closes = minutes.open_ms + MINUTE_MS
    sampled = closes % _OPEN_INTEREST_PERIOD_MS == 0
    samples = OpenInterestRows(closes[sampled], minutes.open_interest_base[sampled])
    return replay_inputs(finest_series([bars(LAST)]), [bars(MARK)], samples, empty_book(1))


def _levels(symbol: SymbolParameters, ms: int, parameters: ModelParameters) -> LevelTable:
    return level_table(_instrument(symbol), in_force(symbol.tiers, ms), parameters, ms)


def _instrument(symbol: SymbolParameters) -> Instrument:
    return Instrument("binance", symbol.pair)


def _by_distance(near_base: F32) -> F64:
    """Return bins near the price (2, P), upwards on both sides, by distance."""
    return np.stack([near_base[0, ::-1], near_base[1]]).astype(np.float64)


def _coarse(held: F64) -> F64:
    coarse: F64 = held[:, :NEAR_BINS].reshape(2, -1, COARSE_BINS).sum(axis=2)
    return coarse


def _rank_correlation(a: F64, b: F64) -> float:
    """Return Spearman's correlation; 0 where one of them is the same everywhere and so ranks nothing."""
    centred = [_ranks(one) - (len(one) + 1) / 2 for one in (a, b)]
    spread = float(np.sqrt((centred[0] ** 2).sum() * (centred[1] ** 2).sum()))
    return float((centred[0] * centred[1]).sum()) / spread if spread else 0.0


def _ranks(values: F64) -> F64:
    """Return ranks, ties at their mean."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(count)
    ranks: F64 = (ends - (count - 1) / 2)[place]
    return ranks
