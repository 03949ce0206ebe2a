"""Answers given again: the same bytes without a look at the database, and never after what they rest on has changed."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
import psycopg
import pytest

from liqgrid.api.access import AccessRules, Anonymous
from liqgrid.api.app import Kept
from liqgrid.api.database import Pool
from liqgrid.api.graphql import schema as schema_module
from liqgrid.api.live.changes import PAGE_BYTES
from liqgrid.api.visit import Limits
from liqgrid.engine.store.database import connected
from liqgrid.engine.store.provenance import claim
from tests.api.growing import Venue
from tests.api.served import Api, serving, until
from tests.api.sockets import subscribed
from tests.api.stored import ms_of

OF = 'pair: "BTC-USDT", interval: M15'
GRID = f"query($last: Int) {{ grid({OF}, last: $last, rows: 20) {{ asOf long short model {{ version }} }} }}"
NEWEST = f"{{ grid({OF}, last: 1, rows: 5) {{ asOf }} }}"
AGED = f"""{{ grid({OF}, last: 1) {{
  asOf coverage {{ staleSeconds }} again: coverage {{ a: staleSeconds b: staleSeconds }} }} }}"""
STATUS = f"{{ grid({OF}, last: 1) {{ asOf }} status {{ version }} }}"
WATCH = f"subscription {{ gridColumn({OF}, rows: 5) {{ closeTime }} }}"
PATIENCE_S = 10


@dataclass
class Work:
    """What the server did: statements it sent to the database, queries it executed."""

    statements: list[str] = field(default_factory=list)
    executed: list[str] = field(default_factory=list)

    def nothing(self, ask: Callable[[], Any]) -> Any:
        self.statements.clear()
        self.executed.clear()
        answer = ask()
        assert (self.statements, self.executed) == ([], [])
        return answer


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    seen = Work()
    fetch, fetchval, execute = Pool.fetch, Pool.fetchval, schema_module.Schema.execute

    async def fetching(self: Pool, query: str, *arguments: object) -> Any:
        seen.statements.append(query)
        return await fetch(self, query, *arguments)

    async def fetching_value(self: Pool, query: str, *arguments: object) -> Any:
        seen.statements.append(query)
        return await fetchval(self, query, *arguments)

    async def executing(self: Any, query: str, *arguments: Any, **options: Any) -> Any:
        seen.executed.append(query)
        return await execute(self, query, *arguments, **options)

    monkeypatch.setattr(Pool, "fetch", fetching)
    monkeypatch.setattr(Pool, "fetchval", fetching_value)
    monkeypatch.setattr(schema_module.Schema, "execute", executing)
    return seen


def newest_ms(api: Api, query: str = NEWEST) -> int:
    return ms_of(api.ask(query)["grid"]["asOf"])


def test_the_same_query_is_answered_without_schema_or_database(venue: Venue, work: Work) -> None:
    with serving(venue.dsn) as api:
        until(lambda: api.post(GRID, last=3) is not None and not _worked(work, api))
        first = api.post(GRID, last=5)
        again = work.nothing(lambda: api.post(GRID, last=5))
        assert again.content == first.content
        assert set(again.headers) == set(first.headers)
        assert again.headers["x-request-id"] != first.headers["x-request-id"]
        assert again.json()["extensions"]["cost"] == {"requested": 1, "limit": None, "remaining": None}
        spaced = {"variables": {"last": 5}, "operationName": None, "query": GRID}
        body = json.dumps(spaced, indent=4).encode()
        headers = {"content-type": "application/json; charset=utf-8"}
        assert work.nothing(lambda: api.client.post("/graphql", content=body, headers=headers)).content == first.content
        assert api.post(GRID, last=6).content != first.content, "other variables, other answer"
        assert work.executed


def _worked(work: Work, api: Api) -> bool:
    work.statements.clear()
    api.post(GRID, last=3)
    return bool(work.statements)


def test_rest_answers_again_without_the_database_in_every_coding(venue: Venue, work: Work) -> None:
    path = "/v1/clusters/BTC-USDT?interval=15m&limit=50"
    with serving(venue.dsn) as api:
        until(lambda: not _worked(work, api))
        for coding in ("identity", "gzip", "br", "zstd"):
            headers = {"accept-encoding": coding}
            first = api.client.get(path, headers=headers)
            again = work.nothing(lambda headers=headers: api.client.get(path, headers=headers))  # type: ignore[misc]
            assert again.content == first.content
            assert again.headers.get("content-encoding") == (None if coding == "identity" else coding)
            for name in ("etag", "vary", "cache-control", "content-length", "content-type", "x-query-cost"):
                assert again.headers[name] == first.headers[name], name
            held = {**headers, "if-none-match": first.headers["etag"]}
            told = work.nothing(lambda held=held: api.client.get(path, headers=held))  # type: ignore[misc]
            assert told.status_code == 304
        bars = "/v1/bars/BTC-USDT?interval=15m&first=5"
        assert api.client.get(bars).links["next"] == work.nothing(lambda: api.client.get(bars)).links["next"]
        venue.grow()
        until(lambda: api.client.get(path).headers["etag"] != first.headers["etag"])


def test_a_new_column_is_in_the_next_answer_of_every_server_that_told_of_it(venue: Venue) -> None:
    """Two processes behind one port: who hears of a column from one asks the other the moment after."""

    async def client(one: Api, other: Api) -> None:
        async with subscribed(one, WATCH) as stream:
            await stream.next()
            for _ in range(15):
                for api in (one, other):  # so that they keep it
                    assert newest_ms(api) == venue.newest_ms
                venue.grow()
                assert ms_of((await stream.next())["closeTime"]) == venue.newest_ms
                assert newest_ms(other) == newest_ms(one) == venue.newest_ms

    page = memoryview(bytearray(PAGE_BYTES))
    with (
        serving(venue.dsn, kept=Kept(changes_page=page)) as one,
        serving(venue.dsn, kept=Kept(changes_page=page)) as other,
    ):
        asyncio.run(client(one, other))


def test_raw_rows_are_in_the_next_answer(venue: Venue, work: Work) -> None:
    queries = {
        "open_interest": '{ openInterest(pair: "BTC-USDT", first: 10000) { openInterest } }',
        "bar": f"{{ bars({OF}, first: 10000) {{ close }} }}",
        "funding_rate": '{ fundingRates(pair: "BTC-USDT") { rate } }',
        "liquidation": '{ liquidations(pair: "BTC-USDT") { price } }',
    }
    with serving(venue.dsn) as api, psycopg.connect(venue.dsn, autocommit=True) as writer:
        until(lambda: not _worked(work, api))
        for table, query in queries.items():
            before = api.post(query).content
            assert work.nothing(lambda query=query: api.post(query)).content == before  # type: ignore[misc]
            if table == "funding_rate":
                writer.execute("INSERT INTO funding_rate (instrument_id, ts, rate_fraction) VALUES (1, now(), 0.001)")
            elif table == "liquidation":
                writer.execute(
                    "INSERT INTO liquidation (instrument_id, ts, liquidation_key, side, price, amount_base, raw) "
                    "VALUES (1, now(), 'k', 'long', 5, 1, '{}')"
                )
            else:
                writer.execute(f"DELETE FROM {table} WHERE ts = (SELECT max(ts) FROM {table})")
            until(lambda query=query, before=before: api.post(query).content != before)  # type: ignore[misc]


def test_a_server_that_hears_nothing_gives_nothing_again(
    venue: Venue, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("liqgrid.api.live.hints._TRY_AGAIN_S", 60)  # so that it stays deaf
    with serving(venue.dsn) as api, psycopg.connect(venue.dsn, autocommit=True) as admin:
        until(lambda: not _worked(work, api))
        before_ms = newest_ms(api)
        work.nothing(lambda: newest_ms(api))
        admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE application_name = 'liqgrid api listening' AND datname = current_database()"
        )
        until(lambda: _worked(work, api))
        venue.grow()
        assert newest_ms(api) == venue.newest_ms > before_ms
        assert _worked(work, api)


def test_a_server_whose_database_is_silent_gives_nothing_again(
    venue: Venue, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(venue.dsn) as api:
        until(lambda: not _worked(work, api))
        monkeypatch.setattr("liqgrid.api.live.changes.HEARD_NS", 0)
        assert _worked(work, api)


def test_an_age_is_that_of_the_moment_each_time(venue: Venue, work: Work) -> None:
    with serving(venue.dsn) as api:
        until(lambda: not _worked(work, api))
        api.ask(AGED)
        for _ in range(2):
            asked_s = time.time()
            grid = work.nothing(lambda: api.ask(AGED))["grid"]
            ages = [grid["coverage"]["staleSeconds"], *grid["again"].values()]
            for age in ages:
                assert asked_s <= ms_of(grid["asOf"]) / 1000 + age <= time.time()


def test_errors_and_the_status_are_not_kept(venue: Venue, work: Work) -> None:
    with serving(venue.dsn) as api:
        until(lambda: not _worked(work, api))
        for query in (
            f"{{ grid({OF}, rows: 0) {{ asOf }} }}",
            f"{{ grid({OF}, last: 1) {{ cells asOf }} status {{ version }} }}",
        ):
            api.post(query)
            work.executed.clear()
            api.post(query)
            assert work.executed == [query]
        partly = f'{{ pair(symbol: "nonsense") {{ symbol }} grid({OF}, last: 1) {{ coverage {{ staleSeconds }} }} }}'
        answer = api.post(partly).json()
        assert answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
        assert answer["data"]["grid"]["coverage"]["staleSeconds"] > 0, "and no number that stands for it"


def test_every_answer_is_charged_and_the_refusal_is_the_schemas(venue: Venue) -> None:
    rules = AccessRules(Anonymous.EVERYBODY, Limits(requests=1000, cost=5))
    with serving(venue.dsn, rules) as api:
        api.client.headers["x-forwarded-for"] = "203.0.113.9"  # somebody else, who has limits
        left = [api.post(NEWEST).json()["extensions"]["cost"]["remaining"] for _ in range(5)]
        assert left == [4, 3, 2, 1, 0]
        refused = api.post(NEWEST)
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) > 0
        (error,) = refused.json()["errors"]
        assert error["extensions"]["code"] == "RATE_LIMITED"


def test_many_who_ask_at_once_are_answered_by_one_computation(venue: Venue, work: Work) -> None:
    with serving(venue.dsn) as api:
        until(lambda: not _worked(work, api))
        work.executed.clear()
        start = threading.Barrier(32)

        def ask(_number: int) -> bytes:
            start.wait(PATIENCE_S)
            return httpx.post(
                api.client.base_url.join("/graphql"), json={"query": GRID, "variables": {"last": 7}}, trust_env=False
            ).content

        with ThreadPoolExecutor(32) as pool:
            answers = set(pool.map(ask, range(32)))
        assert len(answers) == 1
        assert work.executed == [GRID]


def test_the_first_data_of_a_database_is_marked_as_it_comes(migrated_dsn: str, work: Work) -> None:
    query = "{ pairs { pageInfo { hasNextPage } } }"
    with serving(migrated_dsn) as api:
        until(lambda: not _asked(work, api, query))
        before = work.nothing(lambda: api.post(query))
        assert "simulated" not in before.json()["extensions"]
        assert "x-liqgrid-simulated" not in before.headers
        with connected(migrated_dsn) as connection:
            claim(connection, simulated=True)
        until(lambda: api.post(query).json()["extensions"].get("simulated") is True)
        assert api.post(query).headers["x-liqgrid-simulated"] == "1"


def _asked(work: Work, api: Api, query: str) -> bool:
    work.statements.clear()
    api.post(query)
    return bool(work.statements)
