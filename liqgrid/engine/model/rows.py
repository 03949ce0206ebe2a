"""Bins to rows: stored bins are decoded, valued and laid into the price rows of an answer, in one compiled pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liqgrid.engine.market.arrays import F64, I64
from liqgrid.engine.market.axis import mid_prices
from liqgrid.engine.market.span import CODE_BYTES, MANTISSA_BITS, MANTISSA_MASK, scales
from liqgrid.engine.model.compiled import compiled

_BEYOND_ALL = 2.0**40  # a coordinate that no price has


@dataclass(frozen=True, slots=True)
class Spans:
    """One side of N columns as it is stored (``market.span``), the bins of one column after those of another.

    ``codes`` uint16, those of column n from ``begins[n]`` to ``begins[n + 1]``, (N + 1,); ``first_bin`` and
    ``exponent`` (N,).
    """

    codes: NDArray[np.uint16]
    begins: I64
    first_bin: I64
    exponent: I64


def joined(first_bin: Sequence[int], exponent: Sequence[int], codes: Sequence[bytes]) -> Spans:
    """Return the spans of N columns, at least one."""
    begins = np.zeros(len(codes) + 1, dtype=np.int64)
    np.cumsum([len(one) // CODE_BYTES for one in codes], out=begins[1:])
    return Spans(np.frombuffer(b"".join(codes), dtype="<u2"), begins, np.array(first_bin), np.array(exponent))


def to_rows(spans: Spans, places: I64, count: int, coordinates: F64, *, valued: bool) -> F64:
    """Return the amounts of columns per row (count, R), nothing between the rows' outermost edges lost or made.

    ``places`` (N,) are where in the answer each column goes, 0 to ``count`` - 1; those of one place add up.
    ``coordinates`` (R + 1,), ascending, are the rows' edges in bins. A bin that straddles one is divided in proportion,
    that is evenly in log price. Amounts are base units, or if ``valued`` notional at the bins' mid prices. What a
    column amounts to in a row depends on nothing else of the answer.
    """
    first_bin = int(spans.first_bin.min())
    bins = int((spans.first_bin + np.diff(spans.begins)).max()) - first_bin
    values = mid_prices(first_bin, bins) if valued else np.ones(bins)  # (B,)
    rows = np.zeros((count, len(coordinates) - 1))  # (count, R)
    _lay(
        spans.codes, spans.begins, spans.first_bin, scales(spans.exponent), values, first_bin,
        np.append(coordinates, _BEYOND_ALL), places, rows,
    )  # fmt: skip
    return rows


def load() -> None:
    """Compile the pass, or read it from where it is kept, before somebody waits for it."""
    to_rows(joined([0], [0], [bytes(CODE_BYTES)]), np.zeros(1, dtype=np.int64), 1, np.array([0.0, 1.0]), valued=True)


@compiled
def _lay(
    codes: NDArray[np.uint16],
    begins: I64,
    first_bin: I64,
    scale: F64,
    values: F64,
    valued_from: int,
    edges: F64,
    places: I64,
    rows: F64,
) -> None:
    """Add N columns to ``rows``; ``edges`` (R + 2,) ends with one that no bin reaches."""
    amounts = np.empty(len(values))  # of one column at a time, so that decoding is a loop without branches
    for n in range(len(first_bin)):
        first, place, count = first_bin[n], places[n], begins[n + 1] - begins[n]
        _decode(codes[begins[n] : begins[n + 1]], scale[n], values[first - valued_from :], amounts)
        edge = 0  # the first edge at or above the lower end of the bin looked at, which lies in the row before it
        while edges[edge] < first:
            edge += 1
        held = 0.0  # of the row that is being filled
        k = 0
        while k < count:
            whole = min(int(np.floor(edges[edge])) - first, count)  # bins before this one lie in the row whole
            while k < whole:
                held += amounts[k]
                k += 1
            if k == count:
                break
            done = 0.0  # the part of bin k below the edges passed
            while edges[edge] < first + k + 1:
                part = edges[edge] - (first + k)
                if edge > 0:
                    rows[place, edge - 1] += held + amounts[k] * (part - done)
                held, done = 0.0, part
                edge += 1
            held = amounts[k] * (1.0 - done)
            k += 1
        if 0 < edge < len(edges) - 1:
            rows[place, edge - 1] += held


@compiled
def _decode(codes: NDArray[np.uint16], scale: F64, values: F64, amounts: F64) -> None:
    """Write what codes stand for × ``values`` into the beginning of ``amounts``."""
    for k in range(len(codes)):
        amounts[k] = (MANTISSA_MASK + 1 + (codes[k] & MANTISSA_MASK)) * scale[codes[k] >> MANTISSA_BITS] * values[k]
