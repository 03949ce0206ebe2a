"""Grid columns: the book at one time, as it is stored and served."""

from __future__ import annotations

from dataclasses import dataclass

from liqgrid.engine.market.arrays import F32
from liqgrid.engine.market.instrument import Side


@dataclass(frozen=True, slots=True)
class BinSpan:
    """Base amounts of consecutive price bins, trimmed of empty ends.

    ``base`` float32, shape (P,), base units per bin, >= 0; bin ``first_bin + i`` holds ``base[i]``.
    """

    first_bin: int
    base: F32


@dataclass(frozen=True, slots=True)
class GridColumn:
    """The outstanding positions of one instrument at ``close_ms``, longs and shorts apart.

    Per side: span + ``outside_base`` + ``unplaced_base`` = ``total_base`` (I1, to float32 rounding of the
    span). ``outside`` is what lies beyond a factor of two of the close (longs below, shorts above);
    ``unplaced_base`` is open interest whose entry prices are unknown. Prices are quote per base.
    """

    close_ms: int
    price: float  # the mark price at the close where there is one, else the last: longs lie below, shorts above
    open: float
    high: float
    low: float
    close: float
    volume_base: float  # NaN where that of a bar is unknown
    open_interest_base: float
    open_interest_ms: int  # time of the sample used; before close_ms when it was carried on
    mark: bool  # the last bar's range was that of the mark price
    total_base: float
    long_unplaced_base: float
    short_unplaced_base: float
    long: BinSpan
    short: BinSpan
    long_outside_base: float
    long_outside_quote: float
    short_outside_base: float
    short_outside_quote: float

    def span(self, side: Side) -> BinSpan:
        """Return the bins of one side."""
        return self.long if side is Side.LONG else self.short
