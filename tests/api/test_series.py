"""What is stored: pairs, bars, open interest, skill and status; pages; and how many questions the database is asked."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import numpy as np
import pytest

from liqgrid import __version__
from liqgrid.api.database import Pool, open_pool
from liqgrid.api.graphql.context import Context
from liqgrid.api.graphql.schema import schema
from liqgrid.engine.market.bars import Bars, aggregate, finest_series
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.model.parameters import MODEL_VERSION
from liqgrid.engine.store.database import connected
from liqgrid.sql import migration_ids
from tests.api.conftest import NAMES_ONLY, Served
from tests.api.growing import PARAMETERS
from tests.api.served import unpacked
from tests.api.stored import ms_of, text_of
from tests.markets import Market

PRICES = ("open", "high", "low", "close")
PAIRS = sorted({*NAMES_ONLY, "BTC-USDT", "ETH-USDT"})


def pages(served: Served, query: str, arguments: str, fields: list[str], first: int) -> list[dict[str, Any]]:
    """Every page of a series, arrays decoded."""
    text = f"""query($after: String) {{ {query}({arguments}, first: {first}, after: $after) {{
        symbol {" ".join(fields)} pageInfo {{ hasNextPage endCursor }} }} }}"""
    found, after = [], None
    while True:
        page = served.ask(text, after=after)[query]
        found.append({name: unpacked(page[name]) for name in fields})
        if not page["pageInfo"]["hasNextPage"]:
            return found
        assert page["pageInfo"]["endCursor"] != after, "the next page is the same"
        after = page["pageInfo"]["endCursor"]


def joined(found: list[dict[str, Any]], name: str) -> Any:
    return np.concatenate([page[name] for page in found])


def whole_bars(rows: Market, interval: Interval) -> Bars:
    """Bars put together as the engine does."""
    columns = rows.columns
    prices = {name: columns[name] for name in PRICES}
    bars = Bars(interval=rows.interval, open_ms=rows.open_ms, volume_base=columns["volume"], **prices)
    return aggregate(finest_series([bars]), interval)


@pytest.mark.parametrize("first", [7, 10_000])
@pytest.mark.parametrize("interval", ["M15", "H1", "H4", "D1"])
def test_bars_are_paged_without_a_repeat_or_a_hole(served: Served, interval: str, first: int) -> None:
    """Also where bars are put together from finer ones, and where the middle of some is missing."""
    wanted = whole_bars(served.binance, Interval[interval])
    arguments = f'pair: "BTC-USDT", venue: "binance", interval: {interval}'
    found = pages(served, "bars", arguments, ["times", *PRICES, "volume"], first)
    times = joined(found, "times")
    assert times.tolist() == wanted.open_ms.tolist()
    assert len(times) == len(set(times.tolist()))
    for name in PRICES:
        assert joined(found, name).tolist() == getattr(wanted, name).tolist(), name
    assert joined(found, "volume") == pytest.approx(wanted.volume_base)
    assert all(len(page["times"]) <= first for page in found)


def test_bars_open_in_the_stretch_asked_for(served: Served) -> None:
    opens = served.binance.open_ms

    def times(arguments: str) -> list[int]:
        given = f'pair: "BTC-USDT", venue: "binance", interval: M15, {arguments}'
        chosen: list[int] = joined(pages(served, "bars", given, ["times"], 3), "times").tolist()
        return chosen

    start, end = text_of(int(opens[20])), text_of(int(opens[30]))
    assert times(f'start: "{start}", end: "{end}"') == opens[20:30].tolist(), "start is in, end is not"
    assert times(f'end: "{end}"') == opens[:30].tolist()
    assert times('start: "2030-01-01T00:00:00Z"') == []
    shifted = text_of(int(opens[20]) + 1)
    assert times(f'start: "{shifted}", end: "{end}"') == opens[21:30].tolist()


def test_bars_of_no_finer_stored_interval_are_an_empty_page(served: Served) -> None:
    answer = served.ask('{ bars(pair: "BTC-USDT", interval: M5) { times close pageInfo { hasNextPage endCursor } } }')[
        "bars"
    ]
    assert (answer["times"]["shape"], answer["close"]["shape"]) == ([0], [0])
    assert answer["pageInfo"] == {"hasNextPage": False, "endCursor": None}


def test_series_are_of_the_venue_with_the_larger_open_interest_unless_told(served: Served) -> None:
    for query in ('bars(pair: "BTC-USDT", interval: M15', 'openInterest(pair: "BTC-USDT"'):
        name = query.split("(")[0]
        assert served.ask(f"{{ {query}) {{ symbol }} }}")[name]["symbol"] == "bybit:BTC-USDT"
        assert served.ask(f'{{ {query}, venue: "binance") {{ symbol }} }}')[name]["symbol"] == "binance:BTC-USDT"


def test_open_interest_is_paged_without_a_repeat_or_a_hole(served: Served) -> None:
    step = served.binance.interval.ms
    found = pages(served, "openInterest", 'pair: "BTC-USDT", venue: "binance"', ["times", "openInterest"], 250)
    assert len(found) == -(-len(served.binance) // 250)
    assert joined(found, "times").tolist() == (served.binance.open_ms + step).tolist(), "true at the bar's close"
    assert joined(found, "openInterest").tolist() == served.binance.columns["oi_close"].tolist()
    start, end = (text_of(int(served.binance.open_ms[t]) + step) for t in (10, 12))
    two = pages(
        served, "openInterest", f'pair: "BTC-USDT", venue: "binance", start: "{start}", end: "{end}"', ["times"], 5
    )
    assert joined(two, "times").tolist() == (served.binance.open_ms[10:12] + step).tolist()


@pytest.mark.parametrize("first", [1, 2, 7, 50])
def test_pairs_are_paged_without_a_repeat_or_a_hole(served: Served, first: int) -> None:
    query = """query($first: Int!, $after: String) { pairs(first: $first, after: $after) {
        edges { cursor node { symbol coin quote } } pageInfo { hasNextPage endCursor } } }"""
    found, after = [], None
    while True:
        page = served.ask(query, first=first, after=after)["pairs"]
        assert len(page["edges"]) <= first
        assert page["pageInfo"]["endCursor"] == page["edges"][-1]["cursor"]
        found += [edge["node"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert [pair["symbol"] for pair in found] == PAIRS
    assert all(f"{pair['coin']}-{pair['quote']}" == pair["symbol"] for pair in found)


def test_pairs_are_chosen_by_coin_and_venue(served: Served) -> None:
    query = """query($venue: String, $coin: String) { pairs(venue: $venue, coin: $coin) {
        edges { node { symbol instruments { symbol } } } pageInfo { endCursor } } }"""

    def symbols(**chosen: str) -> list[str]:
        return [edge["node"]["symbol"] for edge in served.ask(query, **chosen)["pairs"]["edges"]]

    assert symbols(coin="ADA") == ["ADA-USDC", "ADA-USDT"]
    assert symbols(venue="bybit") == ["BTC-USDT"]
    assert symbols(venue="bybit", coin="ADA") == []
    assert symbols(coin="'; DROP TABLE instrument; --") == []
    assert served.ask(query, venue="okx")["pairs"] == {"edges": [], "pageInfo": {"endCursor": None}}
    (edge,) = served.ask(query, venue="bybit")["pairs"]["edges"]
    assert edge["node"]["instruments"] == [{"symbol": "bybit:BTC-USDT"}]


def test_a_pair_says_what_is_built_of_it(served: Served) -> None:
    pair = served.ask("""{ pair(symbol: "BTC-USDT") { symbol coin quote instruments { symbol venue openInterest
        lastBarAt builtUntil builtAt grids { interval columns first last } } } }""")["pair"]
    bybit, binance = pair["instruments"]
    assert (bybit["symbol"], binance["symbol"]) == ("bybit:BTC-USDT", "binance:BTC-USDT"), "the larger comes first"
    assert binance["openInterest"] == served.binance.columns["oi_close"][-1]
    assert ms_of(binance["lastBarAt"]) == served.binance.open_ms[-1]
    assert ms_of(binance["builtUntil"]) == served.binance.open_ms[-1] + served.binance.interval.ms
    assert [grid["interval"] for grid in binance["grids"]] == ["M15", "H1", "H4", "D1"]
    assert binance["grids"][0]["columns"] == len(served.binance)
    assert ms_of(binance["grids"][0]["first"]) == served.binance.open_ms[0] + served.binance.interval.ms
    assert ms_of(binance["grids"][0]["last"]) == ms_of(binance["builtUntil"])
    unbuilt = served.ask(
        '{ pair(symbol: "ETH-USDT") { instruments { lastBarAt builtUntil builtAt grids { columns } } } }'
    )
    (ethereum,) = unbuilt["pair"]["instruments"]
    assert ethereum.pop("lastBarAt")
    assert ethereum == {"builtUntil": None, "builtAt": None, "grids": []}
    assert served.ask('{ pair(symbol: "NONE-USDT") { symbol } }') == {"pair": None}


def test_skill_is_that_of_the_last_build(served: Served) -> None:
    found = served.ask("""{ skill(pair: "BTC-USDT") { symbol interval mean long short longBars shortBars start end
        modelVersion parametersHash } }""")["skill"]
    assert [one["symbol"] for one in found] == ["binance:BTC-USDT", "bybit:BTC-USDT"]
    for one in found:
        assert one["interval"] == "M15"
        assert one["mean"] == pytest.approx((one["long"] + one["short"]) / 2)
        assert -1 <= one["long"] <= 1
        assert one["longBars"] > 100
        assert one["modelVersion"] == MODEL_VERSION
        assert one["parametersHash"] == PARAMETERS.digest()
    assert ms_of(found[0]["start"]) == served.binance.open_ms[0]
    until_ms = served.binance.open_ms[-1] + served.binance.interval.ms
    assert ms_of(found[0]["end"]) == until_ms // Interval.D1.ms * Interval.D1.ms  # of whole days
    assert served.ask('{ skill(pair: "ETH-USDT") { symbol } }')["skill"] == []


def test_status_says_what_serves_and_what_is_there(served: Served) -> None:
    status = served.ask("{ status { version schemaVersion database instruments { symbol } } }")["status"]
    assert status["version"] == __version__
    assert status["schemaVersion"] == migration_ids("migrations")[-1]
    with connected(served.dsn) as connection:
        row = connection.execute("SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'").fetchone()
    assert row is not None
    assert status["database"].startswith("PostgreSQL ")
    assert ("with TimescaleDB" in status["database"]) == bool(row[0])
    symbols = [one["symbol"] for one in status["instruments"]]
    assert sorted(symbols) == sorted(["bybit:BTC-USDT", *(f"binance:{pair}" for pair in PAIRS)])


class CountingPool(Pool):
    """Counts the questions it passes on."""

    def __init__(self, connections: asyncpg.Pool) -> None:
        super().__init__(connections)
        self.asked = 0

    async def fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        self.asked += 1
        return await super().fetch(query, *arguments)

    async def fetchval(self, query: str, *arguments: object) -> Any:
        self.asked += 1
        return await super().fetchval(query, *arguments)


def questions(dsn: str, query: str) -> int:
    """How many statements the answer to a query takes."""

    async def count() -> int:
        pool = await open_pool(dsn)
        counting = CountingPool(pool._connections)
        try:
            answer = await schema().execute(query, context_value=Context(pool=counting, request_id="test"))
        finally:
            await pool.close()
        assert answer.errors is None
        return counting.asked

    return asyncio.run(count())


def test_more_pairs_are_not_more_questions_to_the_database(served: Served) -> None:
    fields = "edges { cursor node { symbol instruments { symbol openInterest grids { interval columns } } } }"
    of_one = questions(served.dsn, f"{{ pairs(first: 1) {{ {fields} }} }}")
    of_all = questions(served.dsn, f"{{ pairs(first: 50) {{ {fields} }} }}")
    assert of_one == of_all == 3
    assert questions(served.dsn, "{ status { database instruments { symbol grids { columns } } } }") <= 4


def test_a_longer_grid_is_not_more_questions_to_the_database(served: Served) -> None:
    fields = "times long short model { version } coverage { venues { venue } gaps { venue } }"
    counts = {
        questions(served.dsn, f'{{ grid(pair: "BTC-USDT", interval: M15, last: {last}) {{ {fields} }} }}')
        for last in (1, 20, 1000)
    }
    assert len(counts) == 1
    assert counts.pop() <= 9
