"""A replay input out of a table of rows, for tests that write bars down."""

from __future__ import annotations

import numpy as np

from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.bars import ReplayInput


def replay_input(table: F64) -> ReplayInput:
    """Return (T, 10) rows as a replay input.

    open and close ms, low, high, mark low, high and close, volume, open interest, whether there is a mark.
    """
    columns = table.T
    return ReplayInput(
        open_ms=columns[0].astype(np.int64),
        close_ms=columns[1].astype(np.int64),
        low=columns[2],
        high=columns[3],
        mark_low=columns[4],
        mark_high=columns[5],
        mark_close=columns[6],
        volume_base=columns[7],
        open_interest_base=columns[8],
        open_interest_ms=columns[1].astype(np.int64),
        has_mark=columns[9].astype(np.bool_),
    )
