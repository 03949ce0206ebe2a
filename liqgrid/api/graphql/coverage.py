"""What an answer rests on: the model that made it, and what its inputs lacked."""

from __future__ import annotations

from datetime import datetime

import orjson
import strawberry
from strawberry.scalars import JSON

from liqgrid.api.column_rows import ColumnRow
from liqgrid.api.database import Pool
from liqgrid.api.graphql.scalars import optional_time, time_of
from liqgrid.api.provenance import BuildRow, read_builds, read_first_tiers, read_newest_columns
from liqgrid.api.reading import age_s
from liqgrid.api.reads import InstrumentRow, read_gaps
from liqgrid.engine.market.errors import NotBuilt
from liqgrid.engine.market.interval import Interval


@strawberry.type(description="What made the answer: same inputs, parameters and version give the same bytes.")
class ModelInfo:
    version: str = strawberry.field(description="Version of the model (docs/model.md).")
    parameters_hash: str = strawberry.field(description="Hash of the model's parameters and version.")
    parameters: JSON = strawberry.field(
        description="The model's parameters by name (docs/model.md): with them anyone can make the same columns again."
    )
    formula_versions: list[str] = strawberry.field(description="Versions of the venues' liquidation price formulas.")
    computed_at: datetime = strawberry.field(description="When the newest column of the answer was built.")


@strawberry.type(description="A stretch of missing bars, [startsAt, endsAt); nothing was interpolated.")
class Gap:
    venue: str = strawberry.field(description="Venue whose bars are missing.")
    symbol: str = strawberry.field(description="Instrument whose bars are missing, venue:base-quote.")
    stream: str = strawberry.field(description="What is missing, for example bar:last.")
    starts_at: datetime = strawberry.field(description="First moment without data.")
    ends_at: datetime = strawberry.field(description="First moment with data again.")


@strawberry.type(description="What one instrument contributes to the answer; of a coin a venue may have several.")
class VenueCoverage:
    venue: str = strawberry.field(description="Venue, for example binance.")
    pair: str = strawberry.field(description="Pair, for example BTC-USDT.")
    symbol: str = strawberry.field(description="venue:base-quote, for example binance:BTC-USDT.")
    open_interest_share: float = strawberry.field(
        description="Its part of the open interest of the answer's newest column, 0 to 1; 0 where it has none."
    )
    columns: int = strawberry.field(description="Grid columns it contributes.")
    newest: datetime | None = strawberry.field(description="Close time of its newest column in the answer.")
    stored_until: datetime | None = strawberry.field(
        description="Close time of its newest stored column of this interval by then, in the answer or not: since when "
        "it is missing."
    )
    mark_columns: int = strawberry.field(
        description="Columns over whose whole interval the mark price liquidated; in the others the last price did, at "
        "least in part."
    )
    carried_open_interest_columns: int = strawberry.field(
        description="Columns whose open interest is an older sample, carried on."
    )
    tiers_assumed: bool = strawberry.field(
        description="Whether a default of the venue stood in for margin tiers, because none of the instrument were "
        "known when a column of the answer was built."
    )
    bars_without_volume: int = strawberry.field(
        description="Bars without a volume, which close nothing, that the newest build in the answer replayed."
    )
    tiers_assumed_before: datetime | None = strawberry.field(
        description="Before this time the earliest known margin tiers were assumed, or the default of the venue where "
        "none are known; null where none were assumed."
    )


@strawberry.type(description="What the answer covers and what it lacks.")
class Coverage:
    simulated: bool = strawberry.field(description="True where all of it is of a simulated market, not of a real one.")
    venues: list[VenueCoverage] = strawberry.field(
        description="Contribution of each instrument, the largest open interest first. Its price and bars are the "
        "answer's."
    )
    missing: list[str] = strawberry.field(
        description="Instruments that have no column at the answer's newest time, venue:base-quote: that column is "
        "the sum of the others."
    )
    modelled_share: float = strawberry.field(
        description="Part of open interest the model stands for, 0 to 1; the rest is hedged, far away or under 2x."
    )
    unplaced_share: float = strawberry.field(
        description="Part of the newest column whose entry prices are unknown, mean of both sides, 0 to 1."
    )
    gaps: list[Gap] = strawberry.field(description="Recorded gaps in the bars within the answer's time.")
    stale_seconds: float = strawberry.field(description="Age of the newest column when the answer was given.")


async def model_info(pool: Pool, columns: list[ColumnRow]) -> ModelInfo:
    """Return what made the columns."""
    builds = await read_builds(pool, {column.build_id for column in columns})
    if not builds:
        raise NotBuilt("these columns were just replaced by a newer build; ask again")
    return ModelInfo(
        version=builds[0].model_version,
        parameters_hash=builds[0].parameters_hash,
        parameters=JSON(orjson.loads(builds[0].parameters)),
        formula_versions=sorted({build.formula_version for build in builds}),
        computed_at=time_of(builds[0].finished_ms),
    )


async def coverage_of(
    pool: Pool, instruments: list[InstrumentRow], columns: list[ColumnRow], interval: Interval
) -> Coverage:
    """Return what the columns, ascending in time and at least one, rest on."""
    ids = [row.instrument_id for row in instruments]
    row_of = {row.instrument_id: row for row in instruments}
    first_ms, last_ms = columns[0].close_ms - interval.ms, columns[-1].close_ms
    newest = [column for column in columns if column.close_ms == last_ms]
    open_interest = sum(column.open_interest_base for column in newest)
    total = sum(column.total_base for column in newest)
    unplaced = sum(column.long_unplaced_base + column.short_unplaced_base for column in newest) / 2
    first_tiers = await read_first_tiers(pool, ids)
    stored_until = dict.fromkeys((column.instrument_id for column in newest), last_ms)
    behind = [row for row in instruments if row.instrument_id not in stored_until]
    if behind:
        stored_until |= await read_newest_columns(pool, [row.instrument_id for row in behind], interval, last_ms)
    builds = await read_builds(pool, {column.build_id for column in columns})
    gaps = await read_gaps(pool, ids, first_ms, last_ms)
    return Coverage(
        simulated=any(row.simulated for row in instruments),
        venues=[
            _venue_coverage(
                row, [column for column in columns if column.instrument_id == row.instrument_id],
                [build for build in builds if build.instrument_id == row.instrument_id], last_ms, open_interest,
                first_tiers.get(row.instrument_id), stored_until.get(row.instrument_id),
            )
            for row in instruments
        ],
        missing=[symbol_of(row) for row in behind],
        modelled_share=total / open_interest if open_interest else 0.0,
        unplaced_share=unplaced / total if total else 0.0,
        gaps=[
            Gap(
                venue=row_of[gap.instrument_id].venue,
                symbol=symbol_of(row_of[gap.instrument_id]),
                stream=gap.stream,
                starts_at=time_of(gap.starts_ms),
                ends_at=time_of(gap.ends_ms),
            )
            for gap in gaps
        ],
        stale_seconds=age_s(last_ms),
    )  # fmt: skip


def symbol_of(row: InstrumentRow) -> str:
    """Return how an instrument is written, venue:base-quote."""
    return f"{row.venue}:{row.pair}"


def _venue_coverage(
    row: InstrumentRow,
    columns: list[ColumnRow],
    builds: list[BuildRow],
    last_ms: int,
    open_interest: float,
    tiers_from_ms: int | None,
    stored_until_ms: int | None,
) -> VenueCoverage:
    """Return what one instrument contributes; ``builds`` made its columns, the newest first."""
    newest = columns[-1] if columns else None
    at_end = newest is not None and newest.close_ms == last_ms
    # Where no tiers are stored, the venue's default made every column.
    known_from_ms = newest.close_ms if tiers_from_ms is None and newest else tiers_from_ms
    assumed = known_from_ms is not None and any(column.close_ms <= known_from_ms for column in columns)
    return VenueCoverage(
        venue=row.venue,
        pair=row.pair,
        symbol=symbol_of(row),
        open_interest_share=newest.open_interest_base / open_interest if newest and at_end and open_interest else 0.0,
        columns=len(columns),
        newest=optional_time(newest.close_ms if newest else None),
        stored_until=optional_time(stored_until_ms),
        mark_columns=sum(column.mark for column in columns),
        carried_open_interest_columns=sum(column.open_interest_ms < column.close_ms for column in columns),
        tiers_assumed=any(build.tiers_assumed for build in builds),
        bars_without_volume=builds[0].bars_without_volume if builds else 0,
        tiers_assumed_before=optional_time(known_from_ms) if assumed else None,
    )
