"""Age out of two columns against the reference that keeps what opened in each bar apart."""

from __future__ import annotations

import numpy as np
import pytest

from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.instrument import SIDES
from liqgrid.engine.model.age import split_by_age, still_there, swept
from liqgrid.engine.model.book import empty_book
from liqgrid.engine.model.levels import level_table
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.model.replay import replay
from tests.parity import reference
from tests.parity.test_replay import EARLIER, INSTRUMENT, WILDNESSES, Wildness, as_reference, random_market
from tests.snapshots import SideView, side_view

BARS = 32
MARKETS = {
    "quiet": WILDNESSES["quiet"],
    "shrinking": Wildness(interest=0.3),
    "marks apart from last": Wildness(mark=True, jump=0.03),
    "gaps": WILDNESSES["gaps"],
}


def spread(column: SideView, first_bin: int, bins: int) -> F64:
    base = np.zeros(bins)
    for k, amount in column.bins().items():
        if first_bin <= k < first_bin + bins:
            base[k - first_bin] = amount
    return base


@pytest.mark.parametrize("seed", [1])
@pytest.mark.parametrize("name", MARKETS)
def test_age_equals_the_reference(name: str, seed: int) -> None:
    chosen = ModelParameters(leverages=(3, 10, 50), turnover_fraction=0.3)
    table = level_table(INSTRUMENT, EARLIER, chosen)
    bars = random_market(seed, BARS, MARKETS[name])
    expected = reference.replay_by_age(*as_reference(bars, [(0, table)], chosen))
    snapshots = replay(empty_book(3), bars, table, chosen, np.ones(BARS, dtype=bool)).snapshots
    last = BARS - 1
    ages = [2, 9, 25]  # bars back from the last
    old, gone = np.zeros(3), 0.0
    for row, side in enumerate(SIDES):
        then_and_now = [
            side_view(snapshots, t, row, float(bars.mark_close[t])) for t in (*(last - a for a in ages), last)
        ]
        now = then_and_now[-1]
        bins = len(now.base)
        older = []
        for age, then in zip(ages, then_and_now, strict=False):
            since = slice(last - age + 1, BARS)
            there = (
                side, now.first_bin, spread(then, now.first_bin, bins), now.log_kept - then.log_kept,
                float(bars.mark_low[since].min()), float(bars.mark_high[since].max()),
            )  # fmt: skip
            older.append(still_there(*there))
            kept = there[2] * np.exp(there[3])
            assert swept(*there) + older[-1].sum() == pytest.approx(kept.sum(), rel=1e-12, abs=1e-12)
            gone += swept(*there)
        split = split_by_age(now.base.astype(np.float64), older)
        assert split.sum(axis=0) == pytest.approx(now.base, rel=1e-9, abs=1e-12)
        assert (split >= 0).all()
        by_bar = expected[side.value][last]
        bounds = [BARS, *(BARS - a for a in ages), 0]
        for band in range(len(ages) + 1):
            opened = by_bar[bounds[band + 1] : bounds[band]]
            for k in range(bins):
                slow = sum(part.get(now.first_bin + k, 0.0) for part in opened)
                assert split[band, k] == pytest.approx(slow, rel=2e-6, abs=2e-7 * now.total_base)
        old += split[1:].sum(axis=1)
    if name != "gaps":
        assert (old > 0).all(), "nothing old was left to compare"
        assert gone > 0 or name == "shrinking", "the price took nothing"
