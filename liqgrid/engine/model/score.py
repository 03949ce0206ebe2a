"""Score: replay one instrument's rows from the start and measure what the map knew."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.bars import finest_series
from liqgrid.engine.market.rows import MarketRows
from liqgrid.engine.market.tiers import TierSet, in_force
from liqgrid.engine.model.book import empty_book
from liqgrid.engine.model.inputs import chunks, replay_inputs
from liqgrid.engine.model.levels import level_table
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.model.replay import replay
from liqgrid.engine.model.skill import Skill, measure_skill, predictions_of, realised_of


@dataclass(frozen=True, slots=True)
class Score:
    """Predicted liquidations (2, T) base units of the rows' bars, NaN where none was made, and their skill."""

    predicted_base: F64
    skill: Skill


def score_rows(rows: MarketRows, tier_sets: tuple[TierSet, ...], parameters: ModelParameters) -> Score:
    """Replay the rows of one instrument and measure the skill of the predictions.

    Raises
    ------
    BadData
        If the venue has no formula.
    SkillUnknown
        If there are too few bars with realised liquidations.
    """
    book = empty_book(len(parameters.leverages))
    inputs = replay_inputs(finest_series([rows.bars.bars]), [], rows.open_interest, book)
    predicted = [np.empty((2, 0))]
    for start, stop in chunks(inputs, tier_sets):
        part = inputs.replay.rows(start, stop)
        levels = level_table(rows.instrument, in_force(tier_sets, int(part.open_ms[0])), parameters)
        done = replay(book, part, levels, parameters)
        book = done.book
        predicted.append(done.predicted_base)
    replayed = inputs.replay.rows(inputs.first, len(inputs.replay))
    bars = rows.bars.bars
    whole = predictions_of(bars, replayed.open_ms, replayed.close_ms, np.concatenate(predicted, axis=1))
    return Score(whole, measure_skill(bars, whole, realised_of(bars, rows.liquidation_bars)))
