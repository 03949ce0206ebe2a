"""The replay as a plain numpy loop over bars: what the compiled kernel is measured against, and must equal.

It closes by multiplying the book and opens by overlaps of whole arrays; nothing is kept beside the cells. Books grow as
they need, so that it touches live bins only, as the kernel does.
"""

from __future__ import annotations

import math

import numpy as np

from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.axis import bin_of, coordinates
from liqgrid.engine.market.bars import ReplayInput
from liqgrid.engine.model.levels import LevelTable
from liqgrid.engine.model.parameters import ModelParameters

_MIN_WIDTH = 1e-3


def numpy_replay(bars: ReplayInput, levels: LevelTable, parameters: ModelParameters) -> tuple[F64, F64]:
    """Return predicted liquidations (2, T) and the book's base amounts per side at the end, (2,), of a fresh book."""
    shift = coordinates(levels.factor)  # (2, R)
    reached = coordinates(np.array([bars.low.min(), bars.high.max()]))
    first_bin = math.floor(reached[0] + shift.min()) - 1
    width = math.ceil(reached[1] + shift.max()) + 2 - first_bin
    base = np.zeros((2, len(levels.leverage), width))
    predicted = np.zeros((2, len(bars)))
    total, unplaced = np.zeros(2), np.zeros(2)
    before = math.nan
    for t in range(len(bars)):
        low_bin, high_bin = bin_of(float(bars.mark_low[t])) - first_bin, bin_of(float(bars.mark_high[t])) - first_bin
        target = parameters.modelled_share * float(bars.open_interest_base[t])
        for side, passed in enumerate((slice(max(low_bin, 0), None), slice(0, max(high_bin + 1, 0)))):
            cells = base[side, :, passed]  # (J, P)
            predicted[side, t] = cells.sum()
            cells[:] = 0.0
            total[side] -= predicted[side, t]
        if math.isnan(before):
            total[:] = unplaced[:] = target
        else:
            stays = math.exp(-parameters.turnover_fraction * float(bars.volume_base[t]) / (2 * before))
            entries = coordinates(np.array([bars.low[t], bars.high[t]]))  # (2,)
            close_bin = bin_of(float(bars.mark_close[t]))
            for side in range(2):
                rests = total[side] * stays
                keep = stays * min(1.0, target / rests) if rests > 0 else stays
                base[side] *= keep
                unplaced[side] *= keep
                missing = target - min(rests, target)
                total[side] = target
                if missing > 0:
                    part, bins = _opened(entries, shift[side], levels.weight, close_bin, is_long=side == 0)  # (R, E)
                    if part.sum() > 0:
                        np.add.at(
                            base[side], (levels.class_index[:, None], bins - first_bin), part * (missing / part.sum())
                        )
                    else:
                        unplaced[side] += missing
        before = float(bars.open_interest_base[t])
    return predicted, base.sum(axis=(1, 2)) + unplaced


def _opened(entries: F64, shift: F64, weight: F64, close_bin: int, *, is_long: bool) -> tuple[F64, F64]:
    """Return the part of what opens in each bin of each rung, and the bins, (R, E)."""
    width = max(float(entries[1] - entries[0]), _MIN_WIDTH)
    begin = entries[0] + shift  # (R,)
    bins = np.floor(begin).astype(np.int64)[:, None] + np.arange(math.ceil(width) + 1)  # (R, E)
    below = np.clip((bins - begin[:, None]) / width, 0.0, 1.0)  # (R, E)
    below_next = np.clip((bins + 1 - begin[:, None]) / width, 0.0, 1.0)  # (R, E)
    alive = bins < close_bin if is_long else bins > close_bin  # (R, E)
    return np.where(alive, (below_next - below) * weight[:, None], 0.0), bins
