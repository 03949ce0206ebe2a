"""What is stored: pairs, instruments, their series, skill and the server's status."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime

import strawberry

from liqgrid import __version__
from liqgrid.api.database import Pool
from liqgrid.api.graphql.scalars import optional_time, time_of
from liqgrid.api.reads import (
    BuiltInterval,
    InstrumentRow,
    SkillRow,
    read_built_intervals,
    read_database_kind,
    read_instruments,
)
from liqgrid.engine.market.errors import BadRequest
from liqgrid.engine.market.interval import Interval
from liqgrid.sql import migration_ids

_CURSOR = "v1:"


@strawberry.type(description="Grid columns stored of one interval.")
class BuiltColumns:
    interval: Interval = strawberry.field(description="Step between columns.")
    columns: int = strawberry.field(description="How many are stored.")
    first: datetime = strawberry.field(description="Close time of the oldest.")
    last: datetime = strawberry.field(description="Close time of the newest.")


@strawberry.type(description="A perpetual of a pair on a venue.")
class Instrument:
    symbol: str = strawberry.field(description="venue:base-quote, for example binance:BTC-USDT.")
    venue: str = strawberry.field(description="Venue, for example binance.")
    open_interest: float | None = strawberry.field(description="Newest open interest, one side, base currency.")
    last_bar_at: datetime | None = strawberry.field(description="Open time of the newest stored bar.")
    built_until: datetime | None = strawberry.field(description="Close time of the newest bar in the grid.")
    built_at: datetime | None = strawberry.field(description="When the grid was last built.")
    grids: list[BuiltColumns] = strawberry.field(description="Stored grid columns, finest interval first.")


@strawberry.type(description="Base and quote, without a venue.")
class Pair:
    symbol: str = strawberry.field(description="base-quote, for example BTC-USDT.")
    coin: str = strawberry.field(description="Base currency.")
    quote: str = strawberry.field(description="Quote currency.")
    instruments: list[Instrument] = strawberry.field(description="Largest open interest first.")


@strawberry.type(description="Where a page ends.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more follows.")
    end_cursor: str | None = strawberry.field(description="Give it as `after` to go on; null for an empty page.")


@strawberry.type(description="A pair in a page.")
class PairEdge:
    node: Pair = strawberry.field(description="The pair.")
    cursor: str = strawberry.field(description="Give it as `after` to go on from here.")


@strawberry.type(description="A page of pairs, by name.")
class PairConnection:
    edges: list[PairEdge] = strawberry.field(description="The pairs.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")


@strawberry.type(
    description="What the model knew beyond a price chart: partial rank correlation of predicted with realised "
    "liquidations given move × recent turnover (docs/model.md, Skill). 0 knows nothing more, 1 orders all right."
)
class Skill:
    symbol: str = strawberry.field(description="venue:base-quote.")
    interval: Interval = strawberry.field(description="Interval of the realised liquidations.")
    mean: float = strawberry.field(description="Mean of both sides.")
    long: float = strawberry.field(description="Longs, -1 to 1.")
    short: float = strawberry.field(description="Shorts, -1 to 1.")
    long_bars: int = strawberry.field(description="Bars compared for longs.")
    short_bars: int = strawberry.field(description="Bars compared for shorts.")
    start: datetime = strawberry.field(description="Open of the first bar, burn-in included.")
    end: datetime = strawberry.field(description="Close of the last bar.")
    model_version: str = strawberry.field(description="Version of the model scored.")
    parameters_hash: str = strawberry.field(description="Hash of its parameters.")


@strawberry.type(description="The server and what it holds.")
class Status:
    version: str = strawberry.field(description="Version of liqgrid.")
    schema_version: str = strawberry.field(description="Newest database migration this server needs.")
    database: str = strawberry.field(description="Kind and version of the database.")
    simulated: bool = strawberry.field(
        description="True where all it holds is of a simulated market, not of a real one."
    )
    instruments: list[Instrument] = strawberry.field(description="Every stored instrument.")


def encode_cursor(position: str) -> str:
    """Return an opaque cursor of a position."""
    return base64.urlsafe_b64encode(f"{_CURSOR}{position}".encode()).decode()


def decode_cursor(cursor: str) -> str:
    """Return the position of a cursor.

    Raises
    ------
    BadRequest
        If this server did not make it.
    """
    try:
        text = base64.urlsafe_b64decode(cursor.encode()).decode()
    except (ValueError, binascii.Error):
        text = ""
    if not text.startswith(_CURSOR):
        raise BadRequest(f"after was {cursor[:60]!r}; give the cursor that ended a page of this series")
    return text.removeprefix(_CURSOR)


def to_skill(pair: str, row: SkillRow) -> Skill:
    """Return stored skill as GraphQL."""
    return Skill(
        symbol=f"{row.venue}:{pair}",
        interval=row.interval,
        mean=(row.long + row.short) / 2,
        long=row.long,
        short=row.short,
        long_bars=row.long_bars,
        short_bars=row.short_bars,
        start=time_of(row.starts_ms),
        end=time_of(row.ends_ms),
        model_version=row.model_version,
        parameters_hash=row.parameters_hash,
    )


async def load_pairs(pool: Pool, symbols: list[str], venue: str | None = None) -> list[Pair]:
    """Return pairs in the order given, with two questions to the database however many they are."""
    rows = await read_instruments(pool, symbols, venue)
    built = await read_built_intervals(pool, [row.instrument_id for row in rows])
    of_pair: dict[str, list[InstrumentRow]] = {symbol: [] for symbol in symbols}
    for row in rows:
        of_pair[row.pair].append(row)
    return [
        Pair(
            symbol=symbol,
            coin=found[0].coin,
            quote=found[0].quote,
            instruments=[_instrument(row, built[row.instrument_id]) for row in found],
        )
        for symbol, found in of_pair.items()
        if found
    ]


async def load_status(pool: Pool) -> Status:
    """Return what the server holds."""
    rows = await read_instruments(pool)
    built = await read_built_intervals(pool, [row.instrument_id for row in rows])
    return Status(
        version=__version__,
        schema_version=migration_ids("migrations")[-1],
        database=await read_database_kind(pool),
        simulated=rows[0].simulated if rows else await pool.simulated(),
        instruments=[_instrument(row, built[row.instrument_id]) for row in rows],
    )


def _instrument(row: InstrumentRow, built: list[BuiltInterval]) -> Instrument:
    return Instrument(
        symbol=f"{row.venue}:{row.pair}",
        venue=row.venue,
        open_interest=row.open_interest_base,
        last_bar_at=optional_time(row.last_bar_ms),
        built_until=optional_time(row.built_until_ms),
        built_at=optional_time(row.built_at_ms),
        grids=[
            BuiltColumns(
                interval=one.interval, columns=one.columns, first=time_of(one.first_ms), last=time_of(one.last_ms)
            )
            for one in built
        ],
    )
