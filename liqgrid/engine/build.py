"""The batch: from an instrument's raw rows to its grid columns. The one module that joins model and store.

1. plan    what changed since the last build, and the newest checkpoint before it     (store.grid)
2. load    bars, open interest and margin tiers from there on                         (store.raw)
3. replay  the book over the bars, in chunks, under the tiers in force                (model.replay)
4. write   columns of every interval, predictions, checkpoints, the build's record    (store.grid)
5. score   predicted against realised liquidations, where some are stored             (model.skill)

All of it is one transaction that holds the instrument's lock: readers see the old grid or the new one, and a build
that dies leaves nothing behind.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass

import numpy as np

from liqgrid.engine.market.arrays import F64, I64
from liqgrid.engine.market.bars import aggregate, finest_series
from liqgrid.engine.market.errors import BadData
from liqgrid.engine.market.grid import GridColumns
from liqgrid.engine.market.instrument import Instrument, PriceType
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.tiers import TierSet, assumed_tiers, in_force, published_tiers
from liqgrid.engine.model.book import Book, book_from_bytes, book_to_bytes, empty_book
from liqgrid.engine.model.columns import closes_of, grid_columns, wanted_columns
from liqgrid.engine.model.formulas import formula_version
from liqgrid.engine.model.inputs import Inputs, chunks, replay_inputs
from liqgrid.engine.model.levels import level_table, rule_changes_ms
from liqgrid.engine.model.parameters import MODEL_VERSION, ModelParameters
from liqgrid.engine.model.replay import replay
from liqgrid.engine.model.skill import Skill, SkillUnknown, measure_skill, predictions_of, realised_of
from liqgrid.engine.store import grid, raw
from liqgrid.engine.store.database import Connection
from liqgrid.engine.store.raw import StoredInstrument

_DAY_MS = 86_400_000
# How far back columns are kept; 4h and 1d are kept for good.
HORIZONS_MS = {
    Interval.M1: 2 * _DAY_MS,
    Interval.M5: 14 * _DAY_MS,
    Interval.M15: 60 * _DAY_MS,
    Interval.H1: 730 * _DAY_MS,
}
_BEFORE_ALL_MS = -1
# A live build replays what lies since the last checkpoint: an hour costs nothing, and a checkpoint is 300 kB.
_CHECKPOINT_EVERY_MS = Interval.H1.ms


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did; ``columns`` by interval are those it made, ``skill`` by interval where it was measured.

    ``bars_without_open_interest`` lie before the first known open interest and are left out.
    """

    instrument: Instrument
    bars: int
    bars_without_open_interest: int
    columns: dict[Interval, int]
    duration_s: float
    skill: dict[Interval, Skill]


def build_instrument(
    connection: Connection,
    stored: StoredInstrument,
    parameters: ModelParameters,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    *,
    late: bool = True,
) -> BuildReport | None:
    """Bring an instrument's grid up to its raw rows; return None when it already is.

    Without ``late``, what rows that came late change is left for another build, and new bars go on from the grid as it
    is. Rows are late when they lie more than two days before the newest column (``mark_changed``).

    Raises
    ------
    BadData
        If the instrument has no open interest, or its venue no formula.
    """
    started = time.perf_counter()
    instrument_id = stored.instrument_id
    key = grid.BuildKey(MODEL_VERSION, parameters.digest(), formula_version(stored.instrument))
    with connection.transaction():
        raw.lock_instrument(connection, instrument_id)
        raw.save_tiers(connection, instrument_id, published_tiers().get(stored.instrument, ()))
        change_ms = load_change(connection, instrument_id, key, late=late)
        if change_ms is None:
            return None
        changed_ms, book, inputs = resume(connection, instrument_id, key, change_ms, parameters)
        total = len(inputs.series) - inputs.first
        if total <= 0 and inputs.bars_without_open_interest:
            raise BadData(f"{stored.instrument}: no open interest is stored of any of its bars, so there is no grid")
        if total <= 0:
            return None
        tier_sets = raw.load_tiers(connection, instrument_id) or (assumed_tiers(stored.instrument),)
        build_id = grid.begin_build(connection, instrument_id, key, asdict(parameters), changed_ms)
        target = _Target(connection, stored, key, build_id, changed_ms)
        columns = _replay_and_write(target, book, inputs, tier_sets, parameters, on_progress)
        watermark_ms = int(inputs.series.close_ms[-1])
        skill = {}
        until_ms = watermark_ms // _DAY_MS * _DAY_MS
        scored_until_ms = grid.load_scored_until(connection, instrument_id)
        if scored_until_ms is None or until_ms > scored_until_ms or changed_ms < scored_until_ms:
            skill = score_instrument(connection, instrument_id, build_id, until_ms)
        record = grid.BuildRecord(
            build_id=build_id,
            key=key,
            built_from_ms=int(inputs.series.open_ms[inputs.first]),
            watermark_ms=watermark_ms,
            bars=total,
            columns=sum(columns.values()),
            duration_s=time.perf_counter() - started,
            coverage={
                "bars_without_volume": inputs.bars_without_volume,
                "bars_without_open_interest": inputs.bars_without_open_interest,
                "samples_held_back": inputs.samples_held_back,
                "tiers_assumed": tier_sets[0].assumed,
            },
        )
        grid.finish_build(connection, instrument_id, record, change_ms, HORIZONS_MS)
    return BuildReport(
        instrument=stored.instrument,
        bars=total,
        bars_without_open_interest=inputs.bars_without_open_interest,
        columns={interval: count for interval, count in columns.items() if count},
        duration_s=time.perf_counter() - started,
        skill=skill,
    )


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a build writes: what it is a build of, and from when on columns change, epoch ms."""

    connection: Connection
    stored: StoredInstrument
    key: grid.BuildKey
    build_id: int
    changed_ms: int


def _replay_and_write(
    target: _Target,
    book: Book,
    inputs: Inputs,
    tier_sets: tuple[TierSet, ...],
    parameters: ModelParameters,
    on_progress: Callable[[int, int], None],
) -> dict[Interval, int]:
    """Replay what follows the book and write what that makes; return the columns made by interval.

    What one chunk made is written while the next is replayed: the server works beside us, not in turn with us.
    """
    instrument = target.stored.instrument
    # What the checkpoint's book goes on with before the change is what it was, bit for bit (I4), and stays stored.
    wanted = wanted_columns(inputs, target.changed_ms, HORIZONS_MS)
    closes = closes_of(wanted, inputs)
    columns = dict.fromkeys(Interval, 0)
    kept_ms = grid.newest_checkpoint_ms(target.connection, target.stored.instrument_id) or 0
    written: Future[None] | None = None
    with ThreadPoolExecutor(1) as writer:
        for start, stop in chunks(inputs, rule_changes_ms(instrument, tier_sets), closes):
            part = inputs.replay.rows(start, stop)
            at_ms = int(part.open_ms[0])
            levels = level_table(instrument, in_force(tier_sets, at_ms), parameters, at_ms)
            done = replay(book, part, levels, parameters, closes[start:stop])
            book = done.book
            made = list(grid_columns(done.snapshots, start, wanted, inputs))
            for of_interval in made:
                columns[of_interval.interval] += len(of_interval)
            new = part.open_ms >= target.changed_ms  # (T,)
            predicted = _Predicted(part.open_ms[new], part.close_ms[new], done.predicted_base[:, new])
            is_kept = book.close_ms >= kept_ms + _CHECKPOINT_EVERY_MS
            kept_ms = book.close_ms if is_kept else kept_ms
            if written is not None:
                written.result()  # one chunk waits at most, and what failed ends the build here
            written = writer.submit(_write, target, made, predicted, book if is_kept else None)
            on_progress(stop - inputs.first, len(inputs.series) - inputs.first)
        if written is not None:
            written.result()
    return columns


@dataclass(frozen=True, slots=True)
class _Predicted:
    """Predicted liquidations (2, T) of bars, base units, with their open and close times (T,)."""

    open_ms: I64
    close_ms: I64
    base: F64


def _write(target: _Target, columns: list[GridColumns], predicted: _Predicted, checkpoint: Book | None) -> None:
    """Write what one chunk of bars made; a checkpoint where one is due."""
    connection, instrument_id = target.connection, target.stored.instrument_id
    for of_interval in columns:
        grid.save_columns(connection, instrument_id, target.build_id, of_interval)
    grid.save_predictions(connection, instrument_id, predicted.open_ms, predicted.close_ms, predicted.base)
    if checkpoint is not None:
        grid.save_checkpoint(connection, instrument_id, target.key, checkpoint.close_ms, book_to_bytes(checkpoint))


def load_change(connection: Connection, instrument_id: int, key: grid.BuildKey, *, late: bool) -> int | None:
    """Return from when on the grid is out of date, by late rows as well or by others only; None when it is not.

    Epoch ms. Everything is, where another model version or other parameters made it.
    """
    if not grid.is_built_by(connection, instrument_id, key):
        return _BEFORE_ALL_MS
    earliest_ms, recent_ms = grid.load_changes(connection, instrument_id)
    return earliest_ms if late else recent_ms


def resume(
    connection: Connection, instrument_id: int, key: grid.BuildKey, changed_ms: int, parameters: ModelParameters
) -> tuple[int, Book, Inputs]:
    """Return from when on columns change, the newest book that leaves valid, and what follows it.

    A changed row can make a coarser bar count, or count no more, that opened before it. Everything since that bar's
    open then changes, and a book that closed inside a bar that counts is none of this history.
    """
    changed_ms = grid.bar_begun_before(connection, instrument_id, changed_ms)
    while True:
        checkpoint = grid.newest_checkpoint(connection, instrument_id, key, changed_ms)
        book = empty_book(len(parameters.leverages)) if checkpoint is None else book_from_bytes(checkpoint)
        inputs = load_inputs(connection, instrument_id, book)
        opens_ms, closes_ms = inputs.series.open_ms, inputs.series.close_ms
        spanning = np.zeros(len(opens_ms), dtype=bool)
        for at_ms in (book.close_ms, changed_ms):
            spanning |= (opens_ms < at_ms) & (closes_ms > at_ms)
        if not spanning.any():
            return changed_ms, book, inputs
        changed_ms = int(opens_ms[spanning][0])


def load_inputs(connection: Connection, instrument_id: int, book: Book) -> Inputs:
    """Return what follows the book's close, with the bars since the midnight (UTC) before it."""
    from_ms = book.close_ms // _DAY_MS * _DAY_MS
    series = finest_series(raw.load_bars(connection, instrument_id, PriceType.LAST, from_ms))
    marks = raw.load_bars(connection, instrument_id, PriceType.MARK, from_ms)
    samples = raw.load_open_interest(connection, instrument_id, from_ms)
    return replay_inputs(series, marks, samples, book)


def score_instrument(connection: Connection, instrument_id: int, build_id: int, until_ms: int) -> dict[Interval, Skill]:
    """Measure and store skill at every interval of realised liquidations that has enough of them.

    It is that of whole days (UTC), up to ``until_ms``: measuring reads the whole history, which no bar can wait for.
    """
    grid.save_scored_until(connection, instrument_id, until_ms)
    grid.delete_skill(connection, instrument_id)
    realised = grid.load_realised(connection, instrument_id)
    if not realised:
        return {}
    series = finest_series(raw.load_bars(connection, instrument_id, PriceType.LAST, 0)).until(until_ms)
    open_ms, close_ms, predicted = grid.load_predicted(connection, instrument_id)
    measured = {}
    for interval, rows in realised.items():
        bars = aggregate(series, interval)
        try:
            skill = measure_skill(bars, predictions_of(bars, open_ms, close_ms, predicted), realised_of(bars, rows))
        except SkillUnknown:
            continue
        measured[interval] = skill
        grid.save_skill(
            connection,
            instrument_id,
            interval,
            (skill.long, skill.short),
            (skill.long_bars, skill.short_bars),
            (int(bars.open_ms[0]), int(bars.close_ms[-1])),
            build_id,
        )
    return measured
