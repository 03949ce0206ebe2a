"""Cascades and stop zones once more, as slow loops written from docs/model.md ("What if", "Stop zones") alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tests.parity.reference import LONG, SHORT, G, bin_at, clusters, smooth


@dataclass
class WhatIf:
    liquidated: dict[str, float]
    steps: list[tuple[int, str, int, float]]  # leg, side, bin, notional
    ends: list[float]


def cascade(books: dict[str, dict[int, float]], price: float, path: list[float], push: float) -> WhatIf:
    """Books are notional by bin; ``push`` is Y·σ/√V."""
    books = {side: dict(book) for side, book in books.items()}
    done = WhatIf({LONG: 0.0, SHORT: 0.0}, [], [])
    aimed = end = price
    way, since_turn = "", 0.0
    for leg, target in enumerate(path):
        if target != aimed:
            side = LONG if target < aimed else SHORT
            if side != way:
                way, since_turn = side, 0.0
            end = target
            while True:
                # Everything up to the bin of the end goes, nearest first.
                last = bin_at(end)
                passed = [k for k in books[side] if (k >= last if side == LONG else k <= last)]
                for k in sorted(passed, reverse=side == LONG):
                    amount = books[side].pop(k)
                    since_turn += amount
                    done.liquidated[side] += amount
                    done.steps.append((leg, side, k, amount))
                moved = push * math.sqrt(since_turn)
                if side == LONG:
                    further = max(target * math.exp(-moved), min(target, price / 2))
                else:
                    further = min(target * math.exp(moved), max(target, price * 2))
                if bin_at(further) == last:
                    end = further
                    break
                end = further
        done.ends.append(end)
        aimed = target
    return done


@dataclass(frozen=True)
class Zone:
    first_bin: int
    last_bin: int
    notional: float
    density: float
    before: float
    cluster_before: int | None  # bins of the peaks
    cluster_beyond: int | None


def stop_zones(side: str, notional: dict[int, float], price: float, within: float, least_width: float) -> list[Zone]:
    here = bin_at(price)
    window = []
    for k in range(here - 1400, here + 1400):
        low, high = G**k, G ** (k + 1)
        if side == LONG and k < here and low >= price * (1 - within) and low >= price / 2:
            window.append(k)
        if side == SHORT and k > here and high <= price * (1 + within) and high <= price * 2:
            window.append(k)
    if sum(notional.get(k, 0.0) for k in window) == 0:
        return []
    mean = sum(smooth(notional, k) for k in window) / len(window)
    dense = [one for one in clusters(notional, 1.0) if smooth(notional, one.peak_bin) >= mean / 2]
    clear = [
        k
        for k in window
        if smooth(notional, k) < mean / 2 and not any(one.first_bin <= k <= one.last_bin for one in dense)
    ]
    stretches: list[list[int]] = []
    for k in clear:
        if stretches and stretches[-1][-1] == k - 1:
            stretches[-1].append(k)
        else:
            stretches.append([k])
    zones = []
    for bins in stretches:
        first, last = bins[0], bins[-1]
        if G ** (last + 1) - G**first < least_width * price:
            continue
        inside = sum(notional.get(k, 0.0) for k in bins)
        below = max((one.peak_bin for one in dense if one.last_bin < first), default=None)
        above = min((one.peak_bin for one in dense if one.first_bin > last), default=None)
        if side == LONG:
            before = sum(amount for k, amount in notional.items() if k > last)
            near, far = above, below
        else:
            before = sum(amount for k, amount in notional.items() if k < first)
            near, far = below, above
        zones.append(Zone(first, last, inside, inside / len(bins) / mean, before, near, far))
    return sorted(zones, key=lambda zone: -zone.last_bin if side == LONG else zone.first_bin)
