"""One market for the API's tests, imported and built while the API serves it; once per kind of database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from liqgrid.engine.build import build_instrument
from liqgrid.engine.collect.import_csv import import_csv
from liqgrid.engine.market.instrument import Instrument, parse_instrument
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.store.database import Connection, connected
from liqgrid.engine.store.raw import ensure_instrument, list_instruments
from tests.api.growing import PARAMETERS, Venue, growing
from tests.api.realised import put_realised
from tests.api.served import Api, serving
from tests.conftest import NewDatabase
from tests.markets import BITCOIN, Market, market

BARS, EARLY, LAGGING = 1200, 700, 8  # of 15 minutes: all; those stored first; those bybit lacks at the end
GAP = slice(403, 410)  # 00:30 to 02:15: an hour lacks its end, one is missing whole, one lacks its begin
UNBUILT = parse_instrument("binance:ETH-USDT")
BYBIT = parse_instrument("bybit:BTC-USDT")
REALISED = parse_instrument("binance:XRP-USDT")  # the rows of tests/api/realised.py, and no bars
NAMES_ONLY = ("ADA-USDT", "ADA-USDC", "BNB-USDT", "DOGE-USDT", "XRP-USDT")
_STAND_IN = parse_instrument("binance:SOL-USDT")  # whose formula and tiers bybit's rows are built by

# What must be the same, asked when it was new and asked for with `at` or `end` later on.
_MOMENT = "asOf price unit model { version parametersHash parameters formulaVersions }"
_COVERED = """coverage { modelledShare unplacedShare missing gaps { symbol startsAt endsAt }
venues { symbol openInterestShare newest storedUntil tiersAssumed } }"""
_CLUSTER = """side low high peakPrice notional base distance share id born bornBefore peak { at notional } swept
composition { leverage { leverage notional share } age { youngerThan olderThan notional share }
              venues { venue symbol notional share } }"""
QUESTIONS = f"""
query($at: DateTime, $end: DateTime) {{
  topClusters(pair: "BTC-USDT", interval: M15, at: $at) {{ {_MOMENT} {_COVERED} clusters {{ {_CLUSTER} }} }}
  exposure(pair: "BTC-USDT", interval: M15, at: $at) {{
    {_MOMENT} {_COVERED} heavier bands {{ within long short imbalance heavier }}
    long {{ notional base maxPainPrice nearest {{ {_CLUSTER} }} curve {{ prices notional }} }}
    short {{ notional base maxPainPrice nearest {{ {_CLUSTER} }} curve {{ prices notional }} }}
  }}
  cascade(pair: "BTC-USDT", interval: M15, at: $at, path: [64000, 70000, 60000], impact: 2) {{
    {_MOMENT} {_COVERED} endPrice triggered dailyVolatility dailyVolume dailyColumns
    long {{ notional base share unbinnedShare }} short {{ notional base share unbinnedShare }}
    steps {{ leg side price base notional cumulative }}
    legs {{ start target end side base notional overshoot atColumnEnd }}
  }}
  stopZones(pair: "BTC-USDT", interval: M15, at: $at, limit: 200) {{
    {_MOMENT} {_COVERED}
    zones {{
      side low high distance notional density before clusterBefore {{ peakPrice }} clusterBeyond {{ notional }}
    }}
  }}
  grid(pair: "BTC-USDT", interval: M15, end: $end) {{
    asOf times priceEdges long short longTotal shortTotal maximum {_COVERED}
    bars {{ open high low close volume price }}
  }}
}}
"""


@dataclass(frozen=True)
class Served(Api):
    """The API over a made-up market.

    binance:BTC-USDT with a gap, bybit:BTC-USDT that ends earlier, binance:ETH-USDT imported but not built, and pairs
    of which nothing but the name is stored, or only what stands in
    tests/api/realised.py. ``early`` are the answers to QUESTIONS when only the first rows were there.
    """

    binance: Market = field(repr=False)
    bybit: Market = field(repr=False)
    early: dict[str, Any] = field(repr=False)


def without_gap(rows: Market) -> Market:
    """The rows but those of GAP."""
    return rows.rows([t for t in range(len(rows)) if t not in range(GAP.start, GAP.stop)])


def put(connection: Connection, rows: Market, folder: Path, instrument: Instrument) -> None:
    import_csv(connection, rows.csv(folder / "rows.csv"))
    for stored in list_instruments(connection):
        if stored.instrument == instrument:
            build_instrument(connection, stored, PARAMETERS)


def rename(connection: Connection, old: Instrument, new: Instrument) -> None:
    connection.execute(
        "UPDATE instrument SET venue = $1, pair = $2, coin = $3, quote = $4 WHERE venue = $5 AND pair = $6",
        [new.venue, str(new.pair), new.pair.base, new.pair.quote, old.venue, str(old.pair)],
    )


@pytest.fixture(scope="session")
def served(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("market")
    start = "2024-06-20T19:45:00Z"  # so that bar 401 opens at 00:00
    whole = market(BARS, Interval.M15, seed=1, start=start)
    other = market(BARS, Interval.M15, seed=2, start=start)
    interest = 0.5 * other.columns["oi_close"]  # the smaller of both at first
    interest[EARLY:] *= 4  # the larger later on
    second = Market(_STAND_IN, Interval.M15, whole.open_ms, {**whole.columns, "oi_close": interest})
    second = second.shifted(slice(None), 1.001).changed("volume", slice(None), other.columns["volume"])
    with new_database() as dsn, connected(dsn) as connection:
        put(connection, without_gap(whole.rows(slice(0, EARLY))), folder, BITCOIN)
        put(connection, second.rows(slice(0, EARLY)), folder, _STAND_IN)
        rename(connection, _STAND_IN, BYBIT)
        with serving(dsn) as api:
            early = api.ask(QUESTIONS)
            put(connection, whole.rows(slice(EARLY, BARS)), folder, BITCOIN)
            rename(connection, BYBIT, _STAND_IN)
            put(connection, second.rows(slice(EARLY, BARS - LAGGING)), folder, _STAND_IN)
            rename(connection, _STAND_IN, BYBIT)
            unbuilt = Market(UNBUILT, Interval.M15, other.open_ms[:50], other.rows(slice(0, 50)).columns)
            import_csv(connection, unbuilt.csv(folder / "rows.csv"))
            for name in NAMES_ONLY:
                stored = ensure_instrument(connection, parse_instrument(f"binance:{name}"))
                if stored.instrument == REALISED:
                    put_realised(connection, stored.instrument_id)
            yield Served(api.dsn, api.client, without_gap(whole), second.rows(slice(0, BARS - LAGGING)), early)


@pytest.fixture
def venue(new_database: NewDatabase, tmp_path: Path) -> Iterator[Venue]:
    """A market that grows while it is served."""
    with growing(new_database, tmp_path) as venue:
        yield venue
