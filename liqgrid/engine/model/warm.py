"""What is compiled, made ready before it is needed: ``python -m liqgrid.engine.model.warm``.

Compiling takes some ten seconds, once for an installation: numba keeps the machine code beside the source, or in the
user's cache folder. Loading what is kept takes well under a second.
"""

from __future__ import annotations

import numpy as np

from liqgrid.engine.market.bars import ReplayInput
from liqgrid.engine.market.instrument import Instrument, Pair
from liqgrid.engine.market.tiers import assumed_tiers
from liqgrid.engine.model.book import empty_book
from liqgrid.engine.model.levels import level_table
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.model.replay import replay
from liqgrid.engine.model.rows import load


def warm() -> None:
    """Replay two bars of nothing in particular and lay out a bin, so that what does it is compiled and loaded."""
    instrument, parameters = Instrument("binance", Pair("BTC", "USDT")), ModelParameters()
    price = np.array([100.0, 100.0])
    bars = ReplayInput(
        open_ms=np.array([0, 60_000]),
        close_ms=np.array([60_000, 120_000]),
        low=price,
        high=price + 1,
        mark_low=price,
        mark_high=price + 1,
        mark_close=price,
        volume_base=np.array([1.0, 1.0]),
        open_interest_base=np.array([10.0, 10.0]),
        open_interest_ms=np.array([60_000, 120_000]),
        has_mark=np.array([True, True]),
    )
    levels = level_table(instrument, assumed_tiers(instrument), parameters, 0)
    replay(empty_book(len(parameters.leverages)), bars, levels, parameters, np.array([False, True]))
    load()


if __name__ == "__main__":
    warm()
