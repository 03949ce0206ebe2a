"""Lineage: since when the clusters of a profile are there, read back column by column until each is born.

The rule is docs/model.md, "Clusters over time"; the matching itself is pure (``engine/model/lineage.py``). Here columns
are read and clusters located: first the hours back to the last midnight, then the days, and the hours of a day in which
a cluster that was asked for has no predecessor. Nothing closes after the profile.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from cachetools import LRUCache

from liqgrid.api.cluster_reads import NOWHERE, Reached, read_column_keys, read_reached
from liqgrid.api.column_rows import ColumnRow
from liqgrid.api.composition import within
from liqgrid.api.database import Pool
from liqgrid.api.profiles import Profile, all_clusters, sum_columns
from liqgrid.api.reads import largest_first, read_columns
from liqgrid.engine.market.instrument import SIDES, Side
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.model.age import swept
from liqgrid.engine.model.clusters import Cluster
from liqgrid.engine.model.lineage import Life, begin_life, continued, lineage_id

MAX_DAYS = 400
_DAYS_AT_ONCE = 32
# Before the oldest stored day lie less than two: what a history begins with, and what is no whole day.
_FIRST_HOURS_MS = 2 * Interval.D1.ms
_MOST_HOURS = 96
_MOST_STEPS_KEPT = 1024  # about 30 kB each

Lives = dict[Cluster, Life]
Links = Mapping[Cluster, Cluster]  # of a later step to an earlier one
_Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """A past column of each instrument at ``close_ms``, and the clusters of both sides of their sum.

    ``key`` names it by instruments, interval, close and builds: a column a build made never changes.
    """

    key: _Key
    close_ms: int
    clusters: tuple[Cluster, ...]
    columns: Sequence[ColumnRow]


@dataclass(frozen=True, slots=True)
class StepCache:
    """Steps by their keys, and what goes on from one to the next by the keys of both. The oldest used go."""

    steps: LRUCache[_Key, Step] = field(default_factory=lambda: LRUCache(_MOST_STEPS_KEPT))
    links: LRUCache[tuple[_Key, _Key], Links] = field(default_factory=lambda: LRUCache(_MOST_STEPS_KEPT))


@dataclass(frozen=True, slots=True)
class Lineage:
    """A cluster over time: ``born_ms`` close of the first column it was seen in, None where that is not known.

    Then it was there at ``born_before_ms`` already. ``swept_fraction`` is the part of it the price took since.
    """

    cluster_id: str
    born_ms: int | None
    born_before_ms: int | None
    peak_ms: int
    peak_quote: float
    swept_fraction: float


@dataclass(frozen=True, slots=True)
class _Past:
    """Where the steps before a profile come from."""

    pool: Pool
    cache: StepCache
    profile: Profile

    @property
    def ids(self) -> list[int]:
        return sorted(row.instrument_id for row in self.profile.instruments)


async def trace(pool: Pool, cache: StepCache, profile: Profile, clusters: Sequence[Cluster]) -> list[Lineage]:
    """Return the lineage of clusters of a profile, in their order."""
    past = _Past(pool, cache, profile)
    everything = tuple(cluster for side in SIDES for cluster in all_clusters(profile, side))
    key = _key(past, profile.interval, profile.close_ms, _builds(profile.columns))
    later = Step(key, profile.close_ms, everything, profile.columns)
    alive = {cluster: begin_life(cluster, profile.close_ms) for cluster in clusters}
    born: Lives = {}
    days = 0
    while alive and days < MAX_DAYS:
        most = min(_DAYS_AT_ONCE, MAX_DAYS - days)
        steps: list[Step | None] = [*await _steps(past, Interval.D1, 0, later.close_ms - 1, most)]
        if len(steps) < most:
            steps.append(None)  # the history begins
        for earlier in steps:
            alive = await _go_back(past, later, earlier, alive, born)
            if earlier is None or not alive:
                break
            later = earlier
        days += len(steps)
        if steps[-1] is None:
            break
    return [_lineage(profile, cluster, born.get(cluster), alive.get(cluster)) for cluster in clusters]


def _lineage(profile: Profile, cluster: Cluster, born: Life | None, older: Life | None) -> Lineage:
    life = born or older
    assert life is not None  # noqa: S101 - a cluster is born or still alive
    symbols = [f"{row.venue}:{row.pair}" for row in profile.instruments]
    return Lineage(
        cluster_id=lineage_id(str(profile.pair), symbols, cluster.side, life.since_ms, life.cluster.peak_bin),
        born_ms=life.since_ms if born else None,
        born_before_ms=None if born else life.since_ms,
        peak_ms=life.peak_ms,
        peak_quote=life.peak_quote,
        swept_fraction=life.swept_base / (life.swept_base + cluster.base) if life.swept_base > 0 else 0.0,
    )


async def _go_back(past: _Past, later: Step, earlier: Step | None, alive: Lives, born: Lives) -> Lives:
    """Return the lives that go on to the day ``earlier``; add to ``born`` those that began after it."""
    gone_on: Lives = {}
    kin: Links = {}
    # Within the newest day hour by hour, so that an id is that of the hour before as long as the day lasts.
    if earlier is not None and later.close_ms % Interval.D1.ms == 0:
        kin = _continued(past, later, earlier)
        # The answer's own interval may be shorter than the day.
        own = later.close_ms != past.profile.close_ms
        reached = _own_reach(later) if own else await _reach(past, later, earlier)
        gone_on = _back(alive, kin, later, earlier, reached)
    left = {one: life for one, life in alive.items() if one not in gone_on}
    return gone_on | await _through_hours(past, later, earlier, left, born, set(kin.values())) if left else gone_on


async def _through_hours(
    past: _Past, later: Step, earlier: Step | None, alive: Lives, born: Lives, taken: set[Cluster]
) -> Lives:
    """Return the lives that go on hour by hour to the day ``earlier``, to none of its clusters that is ``taken``."""
    begin_ms = later.close_ms - _FIRST_HOURS_MS if earlier is None else earlier.close_ms
    at = later
    for step in [*await _hours(past, begin_ms + 1, later.close_ms - 1), earlier]:
        links = {} if step is None else _continued(past, at, step)
        if step is earlier:
            links = {heir: ancestor for heir, ancestor in links.items() if ancestor not in taken}
        born |= {one: life for one, life in alive.items() if life.cluster not in links}
        if step is None or born.keys() >= alive.keys():
            return {}
        reached = await _reach(past, at, step) if at is later else _own_reach(at)
        alive = _back(alive, links, at, step, reached)
        at = step
    return alive


def _continued(past: _Past, later: Step, earlier: Step) -> Links:
    """Return which clusters go on; none where no book remembers: after a long gap nothing is where it was."""
    if not any(_kept(now, then) > 0 for now, then in _both(later, earlier)):
        return {}
    between = later.key, earlier.key
    links = past.cache.links.get(between)
    if links is None:
        links = past.cache.links[between] = continued(later.clusters, earlier.clusters)
    return links


def _back(alive: Lives, links: Links, later: Step, earlier: Step, reached: Mapping[int, Reached]) -> Lives:
    """Return the lives that go on from one step to an earlier one."""
    return {
        one: life.back(links[life.cluster], earlier.close_ms, _swept(links[life.cluster], later, earlier, reached))
        for one, life in alive.items()
        if life.cluster in links
    }


def _swept(cluster: Cluster, later: Step, earlier: Step, reached: Mapping[int, Reached]) -> float:
    """Return what the price took of a cluster of the earlier step, base units, over instruments."""
    row = cluster.side.row
    taken = 0.0
    for now, then in _both(later, earlier):
        where = reached.get(now.instrument_id, NOWHERE)
        if where.lowest >= cluster.high if cluster.side is Side.LONG else where.highest < cluster.low:
            continue
        taken += swept(
            cluster.side, cluster.first_bin, within(then.sides[row], cluster),
            now.sides[row].log_kept - then.sides[row].log_kept, where.lowest, where.highest,
        )  # fmt: skip
    return taken


def _both(later: Step, earlier: Step) -> list[tuple[ColumnRow, ColumnRow]]:
    """Return the columns of the instruments that have one at both steps."""
    then = {column.instrument_id: column for column in earlier.columns}
    return [(now, then[now.instrument_id]) for now in later.columns if now.instrument_id in then]


def _kept(now: ColumnRow, then: ColumnRow) -> float:
    return max(math.exp(min(a.log_kept - b.log_kept, 0.0)) for a, b in zip(now.sides, then.sides, strict=True))


def _own_reach(step: Step) -> dict[int, Reached]:
    return {column.instrument_id: Reached(column.mark_low, column.mark_high) for column in step.columns}


async def _reach(past: _Past, later: Step, earlier: Step) -> dict[int, Reached]:
    return await read_reached(past.pool, past.ids, past.profile.interval, earlier.close_ms, later.close_ms)


async def _hours(past: _Past, first_ms: int, last_ms: int) -> list[Step]:
    """Return the steps within a day, the newest first: hours; where none is stored, the next that are."""
    for interval in (Interval.H1, Interval.H4, past.profile.interval):
        steps = await _steps(past, interval, first_ms, last_ms, _MOST_HOURS)
        if steps:
            return steps
    return []


async def _steps(past: _Past, interval: Interval, first_ms: int, last_ms: int, most: int) -> list[Step]:
    """Return the newest ``most`` steps of an interval that close in [first_ms, last_ms], the newest first."""
    keys = await read_column_keys(past.pool, past.ids, interval, first_ms, last_ms, most)
    found = {close_ms: past.cache.steps.get(_key(past, interval, close_ms, builds)) for close_ms, builds in keys}
    missing = [close_ms for close_ms, step in found.items() if step is None]
    if missing:
        columns = await read_columns(past.pool, past.profile.instruments, interval, min(missing), max(missing))
        # In a thread: a year of days is a second of work.
        for step in await asyncio.to_thread(_located, past, interval, columns, set(missing)):
            past.cache.steps[step.key] = step
            found[step.close_ms] = step
    return [step for step in found.values() if step is not None]


def _key(past: _Past, interval: Interval, close_ms: int, builds: tuple[int, ...]) -> _Key:
    return (*past.ids, interval, close_ms, builds)


def _builds(columns: Sequence[ColumnRow]) -> tuple[int, ...]:
    return tuple(column.build_id for column in sorted(columns, key=lambda one: one.instrument_id))


def _located(past: _Past, interval: Interval, columns: list[ColumnRow], wanted: set[int]) -> list[Step]:
    """Return the steps of columns, ascending in time, that close at the wanted times."""
    profile = past.profile
    steps = []
    for close_ms, some in groupby(columns, lambda column: column.close_ms):
        if close_ms not in wanted:
            continue
        together = list(some)
        then = sum_columns(profile.pair, interval, largest_first(profile.instruments, together), together)
        clusters = tuple(cluster for side in SIDES for cluster in all_clusters(then, side))
        steps.append(Step(_key(past, interval, close_ms, _builds(together)), close_ms, clusters, together))
    return steps
