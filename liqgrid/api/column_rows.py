"""Grid columns as they come out of the database, decoded only where somebody looks."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from liqgrid.engine.market.arrays import F32
from liqgrid.engine.market.span import CODE_BYTES, decode_span


@dataclass(frozen=True, slots=True)
class ColumnSide:
    """One side of a grid column: base units per bin from ``first_bin``, and the notional that stands in no bin.

    ``log_kept`` tells what closing left: a level that rested untouched between two columns has become exp(difference)
    of what it was.
    """

    first_bin: int
    base: F32
    unbinned_quote: float
    log_kept: float


@dataclass(slots=True, eq=False)
class ColumnRow:
    """A grid column as served: one instrument's book at ``close_ms``; see ``GridColumn`` for units.

    Its fields are those of the queries for columns, in their order: hundreds make one answer. The bins of a side are
    decoded when they are looked at.
    """

    instrument_id: int
    close_ms: int
    build_id: int
    price: float
    open: float
    high: float
    low: float
    close: float
    volume_base: float | None
    open_interest_base: float
    open_interest_ms: int
    mark: bool
    total_base: float
    long_unplaced_base: float
    short_unplaced_base: float
    long_first_bin: int
    long_exponent: int
    long_codes: bytes
    long_quote: float
    long_outside_quote: float
    short_first_bin: int
    short_exponent: int
    short_codes: bytes
    short_quote: float
    short_outside_quote: float
    mark_low: float
    mark_high: float
    long_log_kept: float
    short_log_kept: float
    _sides: tuple[ColumnSide, ColumnSide] | None = None

    @property
    def spans(self) -> tuple[ColumnSpan, ColumnSpan]:
        """Long and short as they are stored."""
        return self.span(0), self.span(1)

    def span(self, row: int) -> ColumnSpan:
        """Return a side as it is stored, 0 long and 1 short."""
        if row == 0:
            return ColumnSpan(self.long_first_bin, self.long_exponent, self.long_codes)
        return ColumnSpan(self.short_first_bin, self.short_exponent, self.short_codes)

    @property
    def total_quote(self) -> tuple[float, float]:
        """Notional of long and short, bins and all."""
        long, short = self.unbinned_quote
        return self.long_quote + long, self.short_quote + short

    @property
    def unbinned_quote(self) -> tuple[float, float]:
        """Notional of long and short that stands in no bin; what is unplaced is valued at the column's price."""
        return (
            self.long_outside_quote + self.long_unplaced_base * self.price,
            self.short_outside_quote + self.short_unplaced_base * self.price,
        )

    @property
    def sides(self) -> tuple[ColumnSide, ColumnSide]:
        """Long and short."""
        if self._sides is None:
            long, short = self.spans
            long_quote, short_quote = self.unbinned_quote
            self._sides = (
                ColumnSide(long.first_bin, decode_span(long.codes, long.exponent), long_quote, self.long_log_kept),
                ColumnSide(short.first_bin, decode_span(short.codes, short.exponent), short_quote, self.short_log_kept),
            )
        return self._sides


# First bin, exponent and codes of a column's longs and shorts, for where hundreds are wanted.
SPAN_OF = tuple(
    attrgetter(*(f"{side}_{name}" for name in ("first_bin", "exponent", "codes"))) for side in ("long", "short")
)


class ColumnSpan(NamedTuple):
    """One side of a column as it is stored: two bytes a bin from ``first_bin`` on."""

    first_bin: int
    exponent: int
    codes: bytes

    @property
    def stop_bin(self) -> int:
        """The bin after the last."""
        return self.first_bin + len(self.codes) // CODE_BYTES
