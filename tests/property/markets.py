"""Hypothesis strategies of whole markets: bars as the replay reads them, parameters, and the levels that go with both.

Bars are drawn as relative moves, so that an example shrinks towards a quiet market: every number towards zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.axis import LOG_GROWTH
from liqgrid.engine.market.bars import ReplayInput
from liqgrid.engine.market.instrument import parse_instrument
from liqgrid.engine.market.tiers import published_tiers
from liqgrid.engine.model.levels import LevelTable, level_table
from liqgrid.engine.model.parameters import ModelParameters
from tests.replay_table import replay_input

HOUR_MS = 3_600_000
START_MS = 1_718_841_600_000  # 2024-06-20 00:00 UTC
INSTRUMENT = parse_instrument("binance:BTC-USDT")
PRICES = ("mark_low", "mark_high", "mark_close", "low", "high")


def _mostly(common: st.SearchStrategy[float], rare: st.SearchStrategy[float]) -> st.SearchStrategy[float]:
    return st.integers(0, 7).flatmap(lambda choice: rare if choice == 7 else common)


def _within(limit: float) -> st.SearchStrategy[float]:
    return st.floats(-limit, limit, allow_nan=False)


@dataclass(frozen=True)
class Move:
    """One bar, as changes in log price, parts of open interest and hours."""

    jump: float
    wick_below: float
    wick_above: float
    mark_shift: float
    mark_wick: float
    volume_part: float
    growth: float
    gap_hours: int


moves = st.builds(
    Move,
    jump=_mostly(_within(0.01), _within(0.3)),
    wick_below=_mostly(st.floats(0, 0.01), st.just(0.0)),
    wick_above=_mostly(st.floats(0, 0.01), st.floats(0, 0.3)),
    mark_shift=_mostly(st.just(0.0), _within(0.05)),
    mark_wick=_mostly(st.just(0.0), st.floats(0, 0.05)),
    volume_part=_mostly(st.floats(0, 1), st.floats(0, 20)),
    growth=_mostly(_within(0.05), _within(5.0)),
    gap_hours=st.sampled_from([0, 0, 0, 0, 0, 0, 1, 24, 25, 100]),
)


def bars_of(price: float, open_interest: float, steps: list[Move]) -> ReplayInput:
    """Return the bars that these moves make of a first price and open interest."""
    rows: list[tuple[float, ...]] = []
    close_ms = START_MS
    for step in steps:
        opened_at = close_ms + step.gap_hours * HOUR_MS
        close_ms = opened_at + HOUR_MS
        before, price = price, price * math.exp(step.jump)
        low, high = min(before, price) * math.exp(-step.wick_below), max(before, price) * math.exp(step.wick_above)
        shift = math.exp(step.mark_shift)
        mark_low, mark_high = low * shift * math.exp(-step.mark_wick), high * shift * math.exp(step.mark_wick)
        volume = step.volume_part * open_interest
        open_interest = min(max(open_interest * math.exp(step.growth), 1e-3), 1e9)
        has_mark = step.mark_shift != 0 or step.mark_wick != 0
        rows.append(
            (opened_at, close_ms, low, high, mark_low, mark_high, price * shift, volume, open_interest, has_mark)
        )
    return replay_input(np.array(rows, dtype=np.float64).reshape(len(rows), 10))


@st.composite
def markets(draw: st.DrawFn, min_bars: int = 1, max_bars: int = 24) -> ReplayInput:
    """Bars with flat stretches, jumps of 30 %, gaps, marks apart from the last price, wild open interest."""
    price = draw(st.sampled_from([1.0, 65_000.0, 3.1e-5, 0.1])) * math.exp(draw(_within(0.5)))
    open_interest = draw(st.sampled_from([100.0, 80_000.0, 3e8]))
    return bars_of(price, open_interest, draw(st.lists(moves, min_size=min_bars, max_size=max_bars)))


leverage_classes = st.one_of(
    st.just(ModelParameters().leverages),
    st.sampled_from([(100.0, 125.0), (2.0,), (20.0,), (2.0, 125.0), (3.0, 10.0, 50.0)]),
)

parameters = st.builds(
    ModelParameters,
    leverages=leverage_classes,
    profile_exponent=st.sampled_from([-1.0, 0.0, -2.5]),
    turnover_fraction=st.sampled_from([1.0, 0.0, 0.3, 4.0]),
    modelled_share=st.sampled_from([1.0, 0.37]),
)


def levels_of(chosen: ModelParameters) -> LevelTable:
    """Return the level table of Bitcoin on Binance under its earliest published tiers."""
    return level_table(INSTRUMENT, published_tiers()[INSTRUMENT][0], chosen)


def with_prices(bars: ReplayInput, change: dict[str, F64]) -> ReplayInput:
    """Return the bars with other arrays of these names."""
    arrays: dict[str, Any] = dict(change)
    return replace(bars, **arrays)


def off_the_edges(bars: ReplayInput) -> ReplayInput:
    """Return the bars with every price at least 0.001 bins from a bin's edge, and no bar narrower than 0.05 bins."""

    def moved(price: F64) -> F64:
        coordinate = np.log(price) / LOG_GROWTH
        whole = np.floor(coordinate)
        result: F64 = np.exp((whole + np.clip(coordinate - whole, 0.001, 0.999)) * LOG_GROWTH)
        return result

    prices = {name: moved(getattr(bars, name)) for name in PRICES}
    low = prices["low"]
    prices["high"] = moved(np.maximum(prices["high"], low * np.exp(0.05 * LOG_GROWTH)))
    return with_prices(bars, prices)
