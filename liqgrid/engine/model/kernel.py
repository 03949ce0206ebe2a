"""The replay's inner loop, compiled: one side of the book over bars, touching only bins that hold something.

docs/model.md steps 0 to 3 are the meaning, tests/parity/reference.py says the same in slow and obvious loops. The two
sides never touch each other, so each is a pass of its own. Three things make it fast, and none of them approximates:

- closing multiplies a whole side by one number, so it is kept beside the cells (``scale``) and never passes over them;
- a rung of the level table is a shift in log price, so what a bar opens is one box per rung: two ends and a middle;
- every class knows the range of bins it can hold (``live_low`` … ``live_high``); nothing outside is looked at.

Sums run in a fixed order over live bins alone, without fast-math, so that the same inputs give the same bits however
far the arrays have grown (I4, I5). Only ``replay.py`` imports this module: compiling costs seconds the first time (then
it is cached on disk), and a process that only serves never needs it.
"""

from __future__ import annotations

import math

import numpy as np

from liqgrid.engine.market.arrays import F32, F64, I64, U8, Bool
from liqgrid.engine.model.book import CLOSED, LIQUIDATED, LOG_KEPT, OPENED, SCALE, TOTAL, UNPLACED
from liqgrid.engine.model.compiled import compiled

# Columns of a side's snapshot amounts.
AMOUNTS = 6
AT_TOTAL, AT_UNPLACED, AT_NEAR_QUOTE, AT_OUTSIDE_BASE, AT_OUTSIDE_QUOTE, AT_LOG_KEPT = range(AMOUNTS)
# Below this the scale is multiplied into the cells: cells then stay far from the ends of what a float holds.
_SMALLEST_SCALE = 1e-100
# What a gap subtracts from the sum of logarithms: exp() of it is 0, so nothing counts as kept across it, yet
# differences stay finite.
_FORGOTTEN = 1e6


@compiled
def run_side(  # noqa: PLR0912, PLR0915 - one loop, whose calls would cost more than what they do
    is_long: bool,
    cells: F64,
    live_low: I64,
    live_high: I64,
    first_bin: int,
    state: F64,
    begins: bool,
    gap: Bool,
    entry_low: F64,
    width: F64,
    reached: I64,
    close_bin: I64,
    log_stays: F64,
    stays: F64,
    target: F64,
    shift: F64,
    weight: F64,
    class_index: I64,
    slot: I64,
    mid: F64,
    block_bins: int,
    predicted: F64,
    near: F32,
    shares: U8,
    amounts: F64,
) -> None:
    """Run one side of the book over bars, changing ``cells``, ``live_low``, ``live_high`` and ``state`` in place.

    Parameters
    ----------
    is_long
        Longs are liquidated by falling prices and lie below the price, shorts above.
    cells, live_low, live_high, first_bin
        (J, W) amounts ÷ scale, with room for every bin the bars can reach; (J,) absolute live bins; bin of column 0.
    state
        (7,) the side as a whole, by the names above.
    begins
        Whether the first bar begins a history: its open interest has no known entries.
    gap, entry_low, width, reached, close_bin, log_stays, stays, target
        (T,) what each bar does: whether a gap before it makes the book forget; its range of entries in bins; the bin
        its liquidating price reached on this side, and that of its close; the part volume leaves and its logarithm;
        the base units wanted at its close.
    shift, weight, class_index
        (R,) rungs of the level table, bins from entry to liquidation price.
    slot, mid, block_bins
        (T,) row of the snapshot of bar t's close, or -1; (W,) mid price of each column; bins to a block of shares.
    predicted
        (T,) predicted liquidations, base units, filled.
    near, shares, amounts
        (S, COLUMN_REACH), (S, J, SHARE_BLOCKS), (S, 5) snapshots, filled.
    """
    classes, rungs, columns = cells.shape[0], weight.shape[0], cells.shape[1]
    scale, total, unplaced = state[SCALE], state[TOTAL], state[UNPLACED]
    flat = cells.reshape(classes * columns)
    offset = class_index * columns - first_bin  # (R,) of bin 0 of a rung's class in ``flat``
    # The level nearest to the price, and the rung whose levels are: where it passed neither, no class is looked at.
    nearest = live_high.max() if is_long else live_low.min()
    outermost = shift.max() if is_long else shift.min()
    # Entries since the live bins were last told: telling them of every rung of every bar took a third of the time.
    lowest, highest = math.inf, -math.inf
    for t in range(slot.shape[0]):
        if gap[t]:
            # Step 0: what lies where is no longer known.
            _tell(live_low, live_high, class_index, shift, lowest, highest)
            lowest, highest = math.inf, -math.inf
            for j in range(classes):
                cells[j, live_low[j] - first_bin : live_high[j] + 1 - first_bin] = 0.0
                live_low[j], live_high[j] = 0, -1
            unplaced = total
            state[LOG_KEPT] -= _FORGOTTEN

        # Step 1: liquidate what the price reached.
        held = 0.0
        if nearest >= reached[t] if is_long else nearest <= reached[t]:
            _tell(live_low, live_high, class_index, shift, lowest, highest)
            lowest, highest = math.inf, -math.inf
            for j in range(classes):
                low, high = live_low[j], live_high[j]
                if is_long:
                    low = max(low, reached[t])
                else:
                    high = min(high, reached[t])
                if low <= high:
                    held += _emptied(cells[j, low - first_bin : high + 1 - first_bin])
                    if is_long:
                        live_high[j] = low - 1
                    else:
                        live_low[j] = high + 1
            nearest = reached[t] - 1 if is_long else reached[t] + 1
            held *= scale
            total = max(total - held, 0.0)
            state[LIQUIDATED] += held
        predicted[t] = held

        if begins and t == 0:
            unplaced = total = target[t]
            state[OPENED] = target[t]
        else:
            # Step 2: close what volume closes, and shrink what then still exceeds the target.
            rests, keep = total * stays[t], stays[t]
            state[LOG_KEPT] += log_stays[t]
            if rests > target[t]:
                keep *= target[t] / rests
                state[LOG_KEPT] += math.log(target[t] / rests)
                rests = target[t]
            state[CLOSED] += total - rests
            total = rests
            unplaced *= keep
            scale *= keep
            if scale < _SMALLEST_SCALE:
                _tell(live_low, live_high, class_index, shift, lowest, highest)
                lowest, highest = math.inf, -math.inf
                for j in range(classes):
                    _multiply(cells[j, live_low[j] - first_bin : live_high[j] + 1 - first_bin], scale)
                scale = 1.0

            # Step 3: open what is missing. A rung's levels are a box in log price, cut where the close has passed it
            # (I3); what is left of all boxes shares the amount.
            missing = target[t] - total
            if missing > 0.0:
                total = target[t]
                state[OPENED] += missing
                start, last_bin, whole = entry_low[t], close_bin[t], width[t]
                cut = start + outermost + whole > last_bin if is_long else start + outermost < last_bin + 1
                length = whole
                if cut:
                    length = 0.0
                    for r in range(rungs):
                        length += weight[r] * _left(is_long, start + shift[r], whole, last_bin)
                if length > 0.0:
                    lowest, highest = min(lowest, start), max(highest, start + whole)
                    density = missing / length / scale
                    for r in range(rungs):
                        low_end, left = start + shift[r], whole
                        if cut:
                            left = _left(is_long, low_end, whole, last_bin)
                            if left <= 0.0:
                                continue
                            if not is_long:
                                low_end = max(low_end, last_bin + 1.0)
                        dense = density * weight[r]
                        first = math.floor(low_end)
                        into = np.uint64(first + offset[r])
                        head = first + 1 - low_end
                        bins = int(left)
                        if bins == 0:
                            head = min(head, left)
                            flat[into] += head * dense
                            flat[into + np.uint64(1)] += (left - head) * dense
                        else:
                            # The head, bins - 1 whole ones at least, then what is left over one or two.
                            flat[into] += head * dense
                            for _ in range(bins - 1):
                                into += np.uint64(1)
                                flat[into] += dense
                            rest = left - head - (bins - 1)
                            part = min(rest, 1.0)
                            flat[into + np.uint64(1)] += part * dense
                            flat[into + np.uint64(2)] += (rest - part) * dense
                    if is_long:
                        nearest = max(nearest, math.floor(highest + outermost) + 1)
                    else:
                        nearest = min(nearest, math.floor(lowest + outermost))
                else:
                    unplaced += missing

        if slot[t] >= 0:
            _tell(live_low, live_high, class_index, shift, lowest, highest)
            lowest, highest = math.inf, -math.inf
            s = slot[t]
            amounts[s, AT_TOTAL], amounts[s, AT_UNPLACED] = total, unplaced
            amounts[s, AT_LOG_KEPT] = state[LOG_KEPT]
            nearest_low = close_bin[t] - near.shape[1] if is_long else close_bin[t] + 1
            _snapshot(
                cells, live_low, live_high, first_bin, scale, nearest_low, mid, block_bins, near[s], shares[s],
                amounts[s],
            )  # fmt: skip
    _tell(live_low, live_high, class_index, shift, lowest, highest)
    state[SCALE], state[TOTAL], state[UNPLACED] = scale, total, unplaced


@compiled
def _tell(live_low: I64, live_high: I64, class_index: I64, shift: F64, lowest: float, highest: float) -> None:
    """Let the live bins of every class reach over the levels of entries at coordinates ``lowest`` … ``highest``."""
    if lowest > highest:
        return
    for r in range(shift.shape[0]):
        j = class_index[r]
        # One more: rounding may have put a crumb beyond the edge.
        first, last = math.floor(lowest + shift[r]), math.floor(highest + shift[r]) + 1
        if live_low[j] > live_high[j]:
            live_low[j], live_high[j] = first, last
        live_low[j] = min(live_low[j], first)
        live_high[j] = max(live_high[j], last)


@compiled
def _left(is_long: bool, low: float, width: float, close_bin: int) -> float:
    """Return how much of the levels [low, low + width] the close has not passed."""
    if is_long:
        return min(width, max(close_bin - low, 0.0))
    return min(width, max(low + width - (close_bin + 1.0), 0.0))


@compiled
def _emptied(values: F64) -> float:
    """Set values to zero; return what they added up to, in order."""
    held = 0.0
    for i in range(values.shape[0]):
        held += values[i]
        values[i] = 0.0
    return held


@compiled
def _multiply(values: F64, factor: float) -> None:
    for i in range(values.shape[0]):
        values[i] *= factor


@compiled
def _snapshot(
    cells: F64,
    live_low: I64,
    live_high: I64,
    first_bin: int,
    scale: float,
    nearest_low: int,
    mid: F64,
    block_bins: int,
    near: F32,
    shares: U8,
    amounts: F64,
) -> None:
    """Write one side as a column keeps it: classes summed within reach of the price, shares, what lies outside."""
    reach, classes = near.shape[0], cells.shape[0]
    nearest_high = nearest_low + reach - 1
    summed, by_class = np.zeros(reach), np.zeros(shares.shape)
    near_quote = outside = outside_quote = 0.0
    for j in range(classes):
        low, high = max(live_low[j], nearest_low), min(live_high[j], nearest_high)
        if low <= high:
            row = cells[j, low - first_bin : high + 1 - first_bin]
            into = summed[low - nearest_low : high + 1 - nearest_low]
            for i in range(row.shape[0]):
                into[i] += row[i]
            for block in range(low // block_bins, high // block_bins + 1):
                begin, end = max(block * block_bins, low), min((block + 1) * block_bins, high + 1)
                held = 0.0
                for k in range(begin - low, end - low):
                    held += row[k]
                by_class[j, block - nearest_low // block_bins] = held
        for k in range(live_low[j] - first_bin, min(live_high[j] + 1, nearest_low) - first_bin):
            outside += cells[j, k]
            outside_quote += cells[j, k] * mid[k]
        for k in range(max(live_low[j], nearest_high + 1) - first_bin, live_high[j] + 1 - first_bin):
            outside += cells[j, k]
            outside_quote += cells[j, k] * mid[k]
    for i in range(reach):
        near[i] = summed[i] * scale
        if summed[i] > 0.0:  # so there is a cell, and a price, of that bin
            near_quote += summed[i] * mid[nearest_low + i - first_bin]
    for block in range(shares.shape[1]):
        held = 0.0
        for j in range(classes):
            held += by_class[j, block]
        part = 255.0 / held if held > 0.0 else 0.0
        for j in range(classes):
            shares[j, block] = int(by_class[j, block] * part + 0.5)
    amounts[AT_NEAR_QUOTE] = near_quote * scale
    amounts[AT_OUTSIDE_BASE], amounts[AT_OUTSIDE_QUOTE] = outside * scale, outside_quote * scale
