"""Snapshots of a book as tests look at them: one side at one close, trimmed, with its bins by their absolute number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from liqgrid.engine.market.arrays import F32
from liqgrid.engine.market.axis import COLUMN_REACH, bin_of, mid_prices
from liqgrid.engine.market.grid import BLOCK_BINS, SHARE_BLOCKS
from liqgrid.engine.model import kernel
from liqgrid.engine.model.book import LOG_KEPT, SCALE, TOTAL, UNPLACED, Book
from liqgrid.engine.model.replay import Snapshots


@dataclass(frozen=True)
class SideView:
    """One side at one close; an empty span stands at the bin of the price."""

    first_bin: int
    base: F32
    total_base: float
    unplaced_base: float
    near_quote: float
    outside_base: float
    outside_quote: float
    log_kept: float
    shares: dict[tuple[int, int], int]  # by block and class, what is not zero

    def bins(self) -> dict[int, float]:
        return {self.first_bin + i: float(amount) for i, amount in enumerate(self.base)}


def side_view(snapshots: Snapshots, s: int, side: int, price: float) -> SideView:
    centre = bin_of(price)
    nearest = centre - COLUMN_REACH if side == 0 else centre + 1
    near = snapshots.near_base[side, s]
    filled = np.flatnonzero(near)
    first, stop = (int(filled[0]), int(filled[-1]) + 1) if len(filled) else (centre - nearest, 0)
    shares = snapshots.shares[side, s]
    return SideView(
        first_bin=nearest + first,
        base=near[first:stop],
        total_base=float(snapshots.total_base[side, s]),
        unplaced_base=float(snapshots.unplaced_base[side, s]),
        near_quote=float(snapshots.near_quote[side, s]),
        outside_base=float(snapshots.outside_base[side, s]),
        outside_quote=float(snapshots.outside_quote[side, s]),
        log_kept=float(snapshots.log_kept[side, s]),
        shares={
            (nearest // BLOCK_BINS + int(block), int(j)): int(shares[j, block])
            for j, block in zip(*np.nonzero(shares), strict=True)
        },
    )


def column_of(book: Book, side: int) -> SideView:
    """One side of a book at its price, as a column keeps it."""
    near = np.empty(COLUMN_REACH, dtype=np.float32)
    shares = np.empty((book.raw.shape[1], SHARE_BLOCKS), dtype=np.uint8)
    amounts = np.zeros(kernel.AMOUNTS)
    state = book.state[side]
    amounts[kernel.AT_TOTAL], amounts[kernel.AT_UNPLACED], amounts[kernel.AT_LOG_KEPT] = (
        state[TOTAL],
        state[UNPLACED],
        state[LOG_KEPT],
    )
    nearest = bin_of(book.price) - COLUMN_REACH if side == 0 else bin_of(book.price) + 1
    mid = mid_prices(book.first_bin, book.raw.shape[2])
    kernel._snapshot(
        book.raw[side], book.live_low[side], book.live_high[side], book.first_bin, state[SCALE], nearest, mid,
        BLOCK_BINS, near, shares, amounts,
    )  # fmt: skip
    each = [np.full((2, 1), amount) for amount in amounts]
    both = Snapshots(
        np.zeros(1, dtype=np.int64), np.stack([near, near])[:, None], np.stack([shares, shares])[:, None], *each
    )
    return side_view(both, 0, side, book.price)
