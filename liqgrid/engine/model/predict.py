"""Predictions: replay one instrument's rows from the start, without a database."""

from __future__ import annotations

import numpy as np

from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.bars import finest_series
from liqgrid.engine.market.rows import MarketRows
from liqgrid.engine.market.tiers import TierSet, in_force
from liqgrid.engine.model.book import empty_book
from liqgrid.engine.model.inputs import chunks, replay_inputs
from liqgrid.engine.model.levels import level_table, rule_changes_ms
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.model.replay import replay
from liqgrid.engine.model.skill import predictions_of


def predict(rows: MarketRows, tier_sets: tuple[TierSet, ...], parameters: ModelParameters) -> F64:
    """Return the predicted liquidations (2, T) of the rows' bars, base units, NaN where none was made.

    Raises
    ------
    BadData
        If the venue has no formula.
    """
    book = empty_book(len(parameters.leverages))
    inputs = replay_inputs(finest_series([rows.bars.bars]), [], rows.open_interest, book)
    predicted = [np.empty((2, 0))]
    unasked = np.zeros(len(inputs.series), dtype=bool)
    for start, stop in chunks(inputs, rule_changes_ms(rows.instrument, tier_sets), unasked):
        part = inputs.replay.rows(start, stop)
        at_ms = int(part.open_ms[0])
        levels = level_table(rows.instrument, in_force(tier_sets, at_ms), parameters, at_ms)
        done = replay(book, part, levels, parameters)
        book = done.book
        predicted.append(done.predicted_base)
    replayed = inputs.replay.rows(inputs.first, len(inputs.replay))
    return predictions_of(rows.bars.bars, replayed.open_ms, replayed.close_ms, np.concatenate(predicted, axis=1))
