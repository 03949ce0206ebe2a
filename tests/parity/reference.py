"""The model once more, as slow and obvious loops written from docs/model.md alone: what the engine must equal.

Nothing here is imported from ``liqgrid.engine.model``, so that one mistake cannot be made twice in the same place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

G = 1.0005
LONG, SHORT = "long", "short"
SIDES = (LONG, SHORT)


def coordinate(price: float) -> float:
    return math.log(price) / math.log(G)


def bin_at(price: float) -> int:
    return math.floor(coordinate(price) + 1e-9)


# ------------------------------------------------------------------------------------------------------- the replay


@dataclass(frozen=True)
class Bar:
    open_ms: int
    close_ms: int
    low: float
    high: float
    mark_low: float
    mark_high: float
    mark_close: float
    volume: float
    open_interest: float


@dataclass(frozen=True)
class Levels:
    """Rungs in force for bars that open at or after ``valid_from_ms``: leverage class, weight, and factor by side."""

    valid_from_ms: int
    classes: list[int]
    weights: list[float]
    factors: dict[str, list[float]]


@dataclass(frozen=True)
class Settings:
    turnover_fraction: float = 1.0
    modelled_share: float = 1.0
    max_gap_ms: int = 24 * 3_600_000


@dataclass
class Side:
    """One side of the book: base amounts by (class, bin) of the liquidation price, and what has no known entry."""

    cells: dict[tuple[int, int], float] = field(default_factory=dict)
    unplaced: float = 0.0
    opened: float = 0.0
    liquidated: float = 0.0
    closed: float = 0.0

    def total(self) -> float:
        return math.fsum(self.cells.values()) + self.unplaced

    def by_bin(self) -> dict[int, float]:
        bins: dict[int, float] = {}
        for (_, k), amount in sorted(self.cells.items()):
            bins[k] = bins.get(k, 0.0) + amount
        return bins

    def multiply(self, factor: float) -> None:
        for cell in self.cells:
            self.cells[cell] *= factor
        self.unplaced *= factor


@dataclass
class Replay:
    """What the reference found: per bar, the predicted liquidations and the books at its close."""

    predicted: dict[str, list[float]]
    bins: dict[str, list[dict[int, float]]]
    unplaced: dict[str, list[float]]
    total: dict[str, list[float]]
    book: dict[str, Side]
    gaps: int


def overlap(start: float, end: float, k: int) -> float:
    return max(0.0, min(end, k + 1.0) - max(start, float(k)))


def levels_for(sets: list[Levels], open_ms: int) -> Levels:
    chosen = sets[0]
    for levels in sets:
        if levels.valid_from_ms <= open_ms:
            chosen = levels
    return chosen


def open_missing(side: str, book: Side, missing: float, bar: Bar, levels: Levels) -> None:
    """Step 3 for one side."""
    low = coordinate(bar.low)
    width = max(coordinate(bar.high) - low, 0.001)
    close_bin = bin_at(bar.mark_close)
    parts: dict[tuple[int, int], float] = {}
    for j, weight, factor in zip(levels.classes, levels.weights, levels.factors[side], strict=True):
        start = low + coordinate(factor)
        end = start + width
        for k in range(math.floor(start), math.floor(end) + 1):
            if (side == LONG and k >= close_bin) or (side == SHORT and k <= close_bin):
                continue
            part = weight * overlap(start, end, k) / width
            if part > 0:
                parts[j, k] = parts.get((j, k), 0.0) + part
    left = math.fsum(parts.values())
    book.opened += missing
    if left == 0:
        book.unplaced += missing
        return
    for cell, part in parts.items():
        book.cells[cell] = book.cells.get(cell, 0.0) + missing * part / left


def replay(bars: list[Bar], sets: list[Levels], settings: Settings) -> Replay:
    books = {side: Side() for side in SIDES}
    result = Replay(
        predicted={side: [] for side in SIDES},
        bins={side: [] for side in SIDES},
        unplaced={side: [] for side in SIDES},
        total={side: [] for side in SIDES},
        book=books,
        gaps=0,
    )
    before: Bar | None = None
    for bar in bars:
        levels = levels_for(sets, bar.open_ms)
        target = settings.modelled_share * bar.open_interest
        gap = before is not None and bar.open_ms - before.close_ms > settings.max_gap_ms
        result.gaps += gap
        for side in SIDES:
            book = books[side]
            # 0. Gap: what lay where is no longer known.
            if gap:
                book.unplaced = book.total()
                book.cells.clear()
            # 1. Liquidate what the mark price passed.
            predicted = 0.0
            for j, k in sorted(book.cells):
                passed = k >= bin_at(bar.mark_low) if side == LONG else k <= bin_at(bar.mark_high)
                if passed:
                    predicted += book.cells.pop((j, k))
            book.liquidated += predicted
            if before is None:
                book.unplaced = target
                book.opened += target
            else:
                # 2. Close voluntarily, and shrink to the target.
                rested = book.total()
                if before.open_interest > 0:
                    exponent = settings.turnover_fraction * bar.volume / (2 * before.open_interest)
                    book.multiply(math.exp(-exponent))
                if book.total() > target:
                    book.multiply(target / book.total())
                book.closed += rested - book.total()
                # 3. Open what is missing.
                missing = target - book.total()
                if missing > 0:
                    open_missing(side, book, missing, bar, levels)
            result.predicted[side].append(predicted)
            result.bins[side].append(book.by_bin())
            result.unplaced[side].append(book.unplaced)
            result.total[side].append(book.total())
        before = bar
    return result


# --------------------------------------------------------------------------------------------------------------- age


def replay_by_age(bars: list[Bar], sets: list[Levels], settings: Settings) -> dict[str, list[list[dict[int, float]]]]:
    """The replay once more, with what opened in each bar kept apart: by side, at each close, by opening bar, bins."""
    result: dict[str, list[list[dict[int, float]]]] = {side: [] for side in SIDES}
    opened_in: dict[str, list[Side]] = {side: [] for side in SIDES}
    unplaced = dict.fromkeys(SIDES, 0.0)
    before: Bar | None = None
    for bar in bars:
        target = settings.modelled_share * bar.open_interest
        for side in SIDES:
            parts = opened_in[side]
            parts.append(Side())
            if before is None:
                unplaced[side] = target
            else:
                if bar.open_ms - before.close_ms > settings.max_gap_ms:
                    unplaced[side] += math.fsum(part.total() for part in parts)
                    for part in parts:
                        part.cells.clear()
                for part in parts:
                    for j, k in list(part.cells):
                        if k >= bin_at(bar.mark_low) if side == LONG else k <= bin_at(bar.mark_high):
                            del part.cells[j, k]
                keep = math.exp(-settings.turnover_fraction * bar.volume / (2 * before.open_interest))
                rests = keep * (unplaced[side] + math.fsum(part.total() for part in parts))
                if rests > target:
                    keep, rests = keep * target / rests, target
                for part in parts:
                    part.multiply(keep)
                unplaced[side] *= keep
                if target > rests:
                    open_missing(side, parts[-1], target - rests, bar, levels_for(sets, bar.open_ms))
                    unplaced[side] += parts[-1].unplaced
                    parts[-1].unplaced = 0.0
            result[side].append([part.by_bin() for part in parts])
        before = bar
    return result


# --------------------------------------------------------------------------------------------------------- clusters


@dataclass(frozen=True)
class Cluster:
    first_bin: int
    last_bin: int
    peak_bin: int
    notional: float
    share: float


def smooth(notional: dict[int, float], k: int) -> float:
    """A triangle that reaches three bins each way: weights 1 2 3 4 3 2 1, sum 16."""
    return sum((4 - abs(d)) / 16 * notional.get(k + d, 0.0) for d in range(-3, 4))


def clusters(notional: dict[int, float], whole: float) -> list[Cluster]:
    """Clusters of one side, largest first; ``notional`` by bin, ``whole`` the notional of the whole side."""
    if not notional:
        return []
    low, high = min(notional), max(notional)
    density = {k: smooth(notional, k) for k in range(low - 4, high + 5)}
    peaks = [
        k
        for k in range(low - 3, high + 4)
        if density[k] > 0 and density[k] > density[k - 1] and density[k] >= density[k + 1]
    ]
    # Two neighbours are one unless the lowest point between them is under 75 % of the lower peak. The shallowest
    # valley goes first, and of the two peaks the lower; the lowest points are then looked for again.
    while len(peaks) > 1:
        depths = [min(density[k] for k in range(a, b + 1)) / min(density[a], density[b]) for a, b in pairwise(peaks)]
        i = depths.index(max(depths))
        if depths[i] < 0.75:
            break
        del peaks[i if density[peaks[i]] < density[peaks[i + 1]] else i + 1]
    found: list[Cluster] = []
    # valleys[i] is the lowest bin under peak i, and belongs to the cluster above it.
    valleys = [min(range(a, b + 1), key=lambda k: density[k]) for a, b in pairwise(peaks)]
    for i, peak in enumerate(peaks):
        floor = valleys[i - 1] if i > 0 else low - 3
        ceiling = valleys[i] - 1 if i < len(valleys) else high + 3
        first = last = peak
        while first - 1 >= floor and density[first - 1] >= 0.25 * density[peak]:
            first -= 1
        while last + 1 <= ceiling and density[last + 1] >= 0.25 * density[peak]:
            last += 1
        amount = sum(notional.get(k, 0.0) for k in range(first, last + 1))
        found.append(Cluster(first, last, peak, amount, amount / whole))
    return sorted(found, key=lambda cluster: -cluster.notional)


# ------------------------------------------------------------------------------------------------------------ skill


def ranks(values: list[float]) -> list[float]:
    """Ranks from 1; equal values share the mean of their ranks."""
    order = sorted(values)
    mean_rank: dict[float, float] = {}
    for value in set(values):
        positions = [i + 1 for i, other in enumerate(order) if other == value]
        mean_rank[value] = sum(positions) / len(positions)
    return [mean_rank[value] for value in values]


def ema_before(volume: list[float], t: int) -> float:
    """The span-6 exponential mean of the volumes before bar t: weights (1 − 2/7)^age, divided by their sum."""
    weights = [(1 - 2 / 7) ** age for age in range(t)]
    return sum(w * volume[t - 1 - age] for age, w in enumerate(weights)) / sum(weights)


def residuals(values: list[float], columns: list[list[float]]) -> list[float]:
    design = np.array(columns).T
    y = np.array(values)
    coefficients = np.linalg.lstsq(design, y, rcond=None)[0]
    left: list[float] = (y - design @ coefficients).tolist()
    return left


def correlation(a: list[float], b: list[float]) -> float:
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    cov = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True))
    return cov / math.sqrt(sum((x - mean_a) ** 2 for x in a) * sum((y - mean_b) ** 2 for y in b))


def skill_of_side(
    side: str,
    predicted: list[float],
    realised: list[float],
    low: list[float],
    high: list[float],
    close: list[float],
    volume: list[float],
) -> float:
    kept_predicted, kept_realised, kept_null = [], [], []
    for t in range(168, len(close)):
        before = close[t - 1]
        move = (before - low[t]) / before if side == LONG else (high[t] - before) / before
        null = max(0.0, move) * ema_before(volume, t)
        if null > 0:
            kept_predicted.append(predicted[t])
            kept_realised.append(realised[t])
            kept_null.append(null)
    logs = [math.log(null) for null in kept_null]
    columns = [[1.0] * len(logs), ranks(kept_null), logs, [x * x for x in logs]]
    return correlation(residuals(ranks(kept_predicted), columns), residuals(ranks(kept_realised), columns))
