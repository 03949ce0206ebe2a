"""Skill: what the map knows beyond the price move and recent turnover.

Skill is the partial Spearman correlation of predicted with realised liquidations given the null
``move × recent turnover``, per side, over bars where the null is > 0, after a burn-in (docs/model.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from liqgrid.engine.market.arrays import F64, I64, Bool
from liqgrid.engine.market.bars import Bars
from liqgrid.engine.market.errors import BadData
from liqgrid.engine.market.rows import LiquidationBarRows

BURN_IN_BARS = 168
_SPAN = 6
_MIN_BARS = 30


class SkillUnknown(BadData):
    """Skill cannot be measured: too few bars with realised liquidations, or nothing varies."""


@dataclass(frozen=True, slots=True)
class Skill:
    """Partial rank correlations in [-1, 1]; bars counted per side."""

    long: float
    short: float
    long_bars: int
    short_bars: int

    @property
    def mean(self) -> float:
        """Mean of both sides."""
        return (self.long + self.short) / 2


def null_predictions(bars: Bars) -> F64:
    """Return ``move × recent turnover`` of both sides, shape (2, T); NaN in the first bar.

    Long: max(0, (C₋₁ − L)/C₋₁) × EMA of volume up to the bar before; short: max(0, (H − C₋₁)/C₋₁) × the same.
    """
    previous = np.concatenate([[np.nan], bars.close[:-1]])  # (T,)
    turnover = np.concatenate([[np.nan], exponential_mean(bars.volume_base, _SPAN)[:-1]])  # (T,)
    fall = np.maximum(0.0, (previous - bars.low) / previous)
    rise = np.maximum(0.0, (bars.high - previous) / previous)
    return np.stack([fall * turnover, rise * turnover])  # (2, T)


def exponential_mean(values: F64, span: int) -> F64:
    """Return the exponentially weighted mean up to and with each value, weights (1 − 2/(span + 1))^age, (T,).

    A NaN counts for nothing, but ages what came before it; the mean is NaN until the first value.
    """
    decay = 1 - 2 / (span + 1)
    mean = np.empty(len(values))
    total = weight = 0.0
    for t, value in enumerate(values):
        known = not math.isnan(value)
        total = total * decay + (value if known else 0.0)
        weight = weight * decay + known
        mean[t] = total / weight if weight else math.nan
    return mean


def measure_skill(bars: Bars, predicted_base: F64, realised_base: F64, burn_in: int = BURN_IN_BARS) -> Skill:
    """Return the skill of predicted against realised liquidations.

    Parameters
    ----------
    bars
        (T,) the bars the prediction was made for.
    predicted_base, realised_base
        (2, T) base units, long and short; NaN where unknown.
    burn_in
        Bars at the start that are not counted, while the book still fills.

    Raises
    ------
    SkillUnknown
        If fewer than 30 bars of a side can be compared, or nothing varies.
    """
    null = null_predictions(bars)  # (2, T)
    counted = np.arange(len(bars)) >= burn_in  # (T,)
    sides = []
    for side, name in enumerate(("long", "short")):
        usable = counted & (null[side] > 0) & np.isfinite(predicted_base[side]) & np.isfinite(realised_base[side])
        if usable.sum() < _MIN_BARS:
            raise SkillUnknown(
                f"skill of the {name} side needs at least {_MIN_BARS} bars with known realised liquidations "
                f"after a burn-in of {burn_in}; there were {int(usable.sum())}"
            )
        sides.append((_partial_spearman(predicted_base[side], realised_base[side], null[side], usable), usable))
    return Skill(sides[0][0], sides[1][0], int(sides[0][1].sum()), int(sides[1][1].sum()))


def _partial_spearman(predicted: F64, realised: F64, null: F64, usable: Bool) -> float:
    """Correlate the ranks of predicted and realised after regressing both on the null's rank, log and log²."""
    rank_null, log_null = ranks(null[usable]), np.log(null[usable])
    design = np.stack([np.ones_like(log_null), rank_null, log_null, log_null**2], axis=1)  # (N, 4)
    residuals = []
    for values in (predicted, realised):
        rank = ranks(values[usable])  # (N,)
        residuals.append(rank - design @ np.linalg.lstsq(design, rank, rcond=None)[0])
    lengths = [float(np.linalg.norm(residual)) for residual in residuals]
    if min(lengths) <= 1e-9 * usable.sum():
        raise SkillUnknown("skill cannot be measured: predicted or realised liquidations do not vary")
    return float(residuals[0] @ residuals[1] / (lengths[0] * lengths[1]))


def ranks(values: F64) -> F64:
    """Return the rank of each value from 1, ties at their mean rank, shape (N,)."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return ((last - counts + 1 + last) / 2)[inverse]


def predictions_of(bars: Bars, open_ms: I64, close_ms: I64, predicted_base: F64) -> F64:
    """Return the predictions (2, N) of replayed bars summed to ``bars``, (2, T); NaN where none was made."""
    starts = np.searchsorted(open_ms, bars.open_ms)  # (T,)
    stops = np.searchsorted(close_ms, bars.close_ms, side="right")  # (T,)
    made = stops > starts
    summed = np.full((2, len(bars)), np.nan)
    # Pairs of start and stop; every other sum is one between two bars and is dropped.
    bounds = np.stack([starts[made], stops[made]], axis=1).ravel()
    padded = np.append(predicted_base, np.zeros((2, 1)), axis=1)  # so that a stop may be the end
    if len(bounds):
        summed[:, made] = np.add.reduceat(padded, bounds, axis=1)[:, ::2]
    return summed


def realised_of(bars: Bars, rows: LiquidationBarRows) -> F64:
    """Return the realised liquidations of ``bars``, (2, T) base units, NaN where unknown."""
    aligned = np.full((2, len(bars)), np.nan)
    _, at, of = np.intersect1d(bars.open_ms, rows.open_ms, assume_unique=True, return_indices=True)
    aligned[0, at], aligned[1, at] = rows.long_base[of], rows.short_base[of]
    return aligned
