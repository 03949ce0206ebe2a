"""The skill of the default model on recorded bars, as docs/model.md states it."""

from __future__ import annotations

import csv
import os
import re
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.bars import Bars, ReplayInput
from liqgrid.engine.market.instrument import Instrument, parse_instrument
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.tiers import in_force, published_tiers
from liqgrid.engine.model.book import empty_book
from liqgrid.engine.model.levels import level_table
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.model.replay import replay
from liqgrid.engine.model.skill import Skill, measure_skill

MARKET_DATA = os.environ.get("LIQGRID_MARKET_DATA")
MODEL_PAGE = Path(__file__).parents[2] / "docs" / "model.md"
FILES = {"BTC-USDT": "BTCUSDT_1h.csv", "ETH-USDT": "ETHUSDT_1h.csv"}
# A map with steps 1 to 3 and naive levels has 0.480 (DESIGN 3.2); under this the model has lost something.
LEAST_MEAN = 0.47

pytestmark = pytest.mark.skipif(
    MARKET_DATA is None, reason="recorded bars are in LIQGRID_MARKET_DATA, which is not set"
)


def columns_of(path: Path) -> dict[str, F64]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    opens = [datetime.fromisoformat(row["open_time_utc"]).timestamp() * 1000 for row in rows]
    names = ("open", "high", "low", "close", "volume", "oi_close", "long_liq_base", "short_liq_base")
    return {"open_ms": np.array(opens)} | {name: np.array([float(row[name]) for row in rows]) for name in names}


def predict(instrument: Instrument, bars: ReplayInput, chosen: ModelParameters) -> F64:
    """The predictions of the whole series, each bar under the tiers in force at its open."""
    tier_sets = published_tiers()[instrument]
    starts = [0, *(int(np.searchsorted(bars.open_ms, tiers.valid_from_ms)) for tiers in tier_sets), len(bars)]
    book, predicted = empty_book(len(chosen.leverages)), []
    for start, stop in pairwise(starts):
        if start < stop:
            levels = level_table(instrument, in_force(tier_sets, int(bars.open_ms[start])), chosen)
            piece = replay(book, bars.rows(start, stop), levels, chosen)
            book = piece.book
            predicted.append(piece.predicted_base)
    return np.concatenate(predicted, axis=1)


def score(pair: str) -> Skill:
    recorded = columns_of(Path(MARKET_DATA or "") / "market" / FILES[pair])
    open_ms = recorded["open_ms"].astype(np.int64)
    assert len(open_ms) == 1465
    replayed = ReplayInput(
        open_ms=open_ms,
        close_ms=open_ms + Interval.H1.ms,
        low=recorded["low"],
        high=recorded["high"],
        mark_low=recorded["low"],
        mark_high=recorded["high"],
        mark_close=recorded["close"],
        volume_base=recorded["volume"],
        open_interest_base=recorded["oi_close"],
        open_interest_ms=open_ms,
        has_mark=np.zeros(len(open_ms), dtype=np.bool_),
    )
    bars = Bars(
        Interval.H1, open_ms, recorded["open"], recorded["high"], recorded["low"], recorded["close"], recorded["volume"]
    )
    predicted = predict(parse_instrument(f"binance:{pair}"), replayed, ModelParameters())
    return measure_skill(bars, predicted, np.stack([recorded["long_liq_base"], recorded["short_liq_base"]]))


def documented() -> dict[str, tuple[str, ...]]:
    """The table of docs/model.md: pair → long, short and mean, as they stand there."""
    row = re.compile(r"^\| ([A-Z]+-[A-Z]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", re.MULTILINE)
    return {found[0]: found[1:] for found in row.findall(MODEL_PAGE.read_text("utf-8"))}


def test_every_pair_of_the_page_is_scored() -> None:
    assert documented().keys() == FILES.keys()


@pytest.mark.parametrize("pair", FILES)
def test_the_skill_is_what_the_model_page_says(pair: str) -> None:
    found = score(pair)
    assert tuple(f"{value:.3f}" for value in (found.long, found.short, found.mean)) == documented()[pair]


def test_the_mean_skill_of_both_pairs_has_not_been_lost() -> None:
    assert sum(score(pair).mean for pair in FILES) / len(FILES) >= LEAST_MEAN
