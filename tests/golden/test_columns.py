"""The columns, predictions and clusters of the default model on a made-up market, as last approved by a person.

``./test --update-golden`` writes the file anew; the commit says in CHANGELOG.md why the new numbers are more right.
Every 37th bin is kept, to nine digits: a change of the model shows, a processor's last bit does not.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.axis import COLUMN_REACH, bin_of
from liqgrid.engine.market.bars import Bars, finest_series
from liqgrid.engine.market.grid import GridColumns
from liqgrid.engine.market.instrument import SIDES, Side
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.rows import OpenInterestRows
from liqgrid.engine.market.tiers import in_force, published_tiers
from liqgrid.engine.model.book import empty_book
from liqgrid.engine.model.clusters import locate_clusters
from liqgrid.engine.model.columns import closes_of, grid_columns, wanted_columns
from liqgrid.engine.model.inputs import replay_inputs
from liqgrid.engine.model.levels import level_table
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.model.replay import replay
from tests.markets import BITCOIN

GOLDEN = Path(__file__).with_name("columns.json")
EVERY_BINS = 37
START_MS = 1_718_841_600_000  # 2024-06-20 00:00 UTC


BARS = 240


def made_up_bars() -> tuple[Bars, OpenInterestRows]:
    """Ten days of waves, rounded: no random numbers, whose streams may change with a library."""
    t = np.arange(BARS + 1)
    path = np.round(60_000 * np.exp(0.06 * np.sin(t / 17) + 0.02 * np.sin(t / 3.1) + 0.0004 * t), 1)
    opened, closed = path[:-1], path[1:]
    wick = 1 + 0.004 * np.abs(np.sin(1.7 * t[1:]))
    bars = Bars(
        Interval.H1,
        START_MS + t[:-1] * Interval.H1.ms,
        opened,
        np.round(np.maximum(opened, closed) * wick, 1),
        np.round(np.minimum(opened, closed) / wick, 1),
        closed,
        np.round(5_000 * (1.5 + np.sin(t[1:] / 5)), 3),
    )
    interest = np.round(80_000 * (1 + 0.1 * np.sin(t[1:] / 29)), 3)
    return bars, OpenInterestRows(bars.close_ms, interest)


def described() -> dict[str, Any]:
    bars, open_interest = made_up_bars()
    parameters = ModelParameters()
    book = empty_book(len(parameters.leverages))
    inputs = replay_inputs(finest_series([bars]), [], open_interest, book)
    levels = level_table(BITCOIN, in_force(published_tiers()[BITCOIN], int(inputs.series.open_ms[0])), parameters)
    wanted = wanted_columns(inputs, 0, {})
    done = replay(book, inputs.replay, levels, parameters, closes_of(wanted, inputs))
    (days,) = [made for made in grid_columns(done.snapshots, 0, wanted, inputs) if made.interval is Interval.D1]
    return {
        "parameters_hash": parameters.digest(),
        "predicted_base": [rounded(side[::5]) for side in done.predicted_base],
        "days": [
            {
                "close_ms": int(days.close_ms[k]),
                "price": float(days.price[k]),
                "total_base": float(days.total_base[0, k]),
                **{str(side): described_side(days, k, side) for side in SIDES},
            }
            for k in range(len(days))
        ],
    }


def described_side(days: GridColumns, k: int, side: Side) -> dict[str, Any]:
    price_bin = bin_of(float(days.price[k]))
    near = days.near_base[side.row, k]
    filled = np.flatnonzero(near)
    nearest = price_bin - COLUMN_REACH if side is Side.LONG else price_bin + 1
    first_bin, base = nearest + int(filled[0]), near[filled[0] : filled[-1] + 1].astype(np.float64)
    notional = float(days.total_base[0, k] * days.price[k])
    clusters = locate_clusters(side, first_bin, base, float(days.price[k]), notional)[:3]
    return {
        "first_bin": first_bin,
        "bins": len(base),
        "base": rounded(base[::EVERY_BINS]),
        "clusters": [
            rounded(np.array([found.low, found.high, found.peak_price, found.notional_quote])) for found in clusters
        ],
    }


def rounded(values: F64) -> list[float]:
    return [float(f"{value:.9g}") for value in values]


def test_the_default_model_gives_the_approved_columns(update_golden: bool) -> None:
    found = described()
    if update_golden:
        GOLDEN.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    approved = json.loads(GOLDEN.read_text("utf-8"))
    assert found["parameters_hash"] == approved["parameters_hash"]
    assert found == _approximately(approved)


def _approximately(value: Any) -> Any:
    """The same structure with every float taken to float32 accuracy."""
    if isinstance(value, dict):
        return {name: _approximately(one) for name, one in value.items()}
    if isinstance(value, list) and value and all(isinstance(one, float) for one in value):
        return pytest.approx(value, rel=1e-6, abs=1e-9)
    if isinstance(value, list):
        return [_approximately(one) for one in value]
    return value
