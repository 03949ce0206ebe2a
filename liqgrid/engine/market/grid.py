"""Grid columns: the book at the closes of an interval, as it is stored and served."""

from __future__ import annotations

from dataclasses import dataclass

from liqgrid.engine.market.arrays import F32, F64, I64, U8, Bool
from liqgrid.engine.market.axis import COLUMN_REACH
from liqgrid.engine.market.interval import Interval

BLOCK_BINS = 8  # leverage shares are kept per block of bins [8b, 8b + 8): 40 basis points
SHARE_BLOCKS = COLUMN_REACH // BLOCK_BINS + 2  # as many as COLUMN_REACH bins can touch


@dataclass(frozen=True, slots=True)
class GridColumns:
    """The outstanding positions of one instrument at K closes of one interval, ascending; longs and shorts apart.

    Arrays are (K,), or (2, K, …) with row 0 long and 1 short. Per side: near + ``outside_base`` + ``unplaced_base`` =
    ``total_base`` (I1, to float32 rounding of the bins). Prices are quote per base.

    ``price`` is the mark price at the close where there is one, else the last: longs lie below, shorts above.
    ``mark_low``, ``mark_high`` are the range of the price that liquidates; ``mark`` says whether all of that was the
    mark price. ``volume_base`` is NaN where that of a bar is unknown. ``open_interest_ms`` is the time of
    the sample used; before the close when it was carried on.
    ``near_base`` (2, K, COLUMN_REACH) base units per bin: longs from the bin COLUMN_REACH below that of ``price``,
    shorts from the bin above it; ``near_quote`` (2, K) their notional at the bins' mid prices. ``outside`` is what lies
    beyond; ``unplaced_base`` has no known entry prices.
    ``shares`` (2, K, J, SHARE_BLOCKS) the part of each leverage class in each block of bins, in 255ths, from the block
    of the first bin on. ``log_kept`` see ``Book``.
    """

    interval: Interval
    close_ms: I64
    price: F64
    open: F64
    high: F64
    low: F64
    close: F64
    volume_base: F64
    mark_low: F64
    mark_high: F64
    mark: Bool
    open_interest_base: F64
    open_interest_ms: I64
    total_base: F64
    unplaced_base: F64
    near_quote: F64
    outside_base: F64
    outside_quote: F64
    log_kept: F64
    near_base: F32
    shares: U8

    def __len__(self) -> int:
        return len(self.close_ms)
