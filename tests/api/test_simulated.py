"""Whatever is answered from a simulated market says so, in every form."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from liqgrid.api.grids import Budget, GridRequest, load_grid
from liqgrid.api.heatmap import to_heatmap
from liqgrid.cli.reads import ask
from liqgrid.engine.collect.import_csv import import_csv
from liqgrid.engine.market.errors import BadSetting
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.store.database import connected
from liqgrid.engine.store.provenance import claim
from tests.api.conftest import Served, put
from tests.api.served import Api, serving
from tests.api.sockets import subscribed
from tests.conftest import NewDatabase
from tests.markets import BITCOIN, market

GRID = "/v1/grids/BTC-USDT?interval=1h&last=5"
PATHS = [
    GRID,
    "/v1/grids/BTC-USDT.csv?interval=1h&last=5",
    "/v1/grids/BTC-USDT.png?interval=1h&last=5",
    "/v1/bars/BTC-USDT?interval=1h",
    "/v1/status",
    "/v1/grids/NOPE-USDT?interval=1h",
    "/api/futures/liquidation/map?exchange=Binance&symbol=BTCUSDT&range=1d",
    "/health",
    "/nowhere",
]
COVERED = "coverage { simulated }"
QUESTION = f"""{{
  grid(pair: "BTC-USDT", interval: H1) {{ {COVERED} }} topClusters(pair: "BTC-USDT", interval: H1) {{ {COVERED} }}
  exposure(pair: "BTC-USDT", interval: H1) {{ {COVERED} }} status {{ simulated }}
}}"""


@pytest.fixture(scope="module")
def simulated(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with new_database() as dsn:
        with connected(dsn) as connection:
            put(connection, market(60, Interval.H1), tmp_path_factory.mktemp("market"), BITCOIN)
            connection.execute("UPDATE provenance SET simulated = true")
        with serving(dsn) as api:
            yield api


@pytest.mark.parametrize("path", PATHS)
def test_every_path_is_marked(simulated: Api, served: Served, path: str) -> None:
    assert simulated.client.get(path).headers["x-liqgrid-simulated"] == "1"
    assert "x-liqgrid-simulated" not in served.client.get(path).headers


@pytest.mark.parametrize("is_simulated", [True, False])
def test_events_over_websocket_say_it(simulated: Api, served: Served, is_simulated: bool) -> None:
    async def event() -> dict[str, Any]:
        watch = 'subscription { gridColumn(pair: "BTC-USDT", interval: H1) { closeTime } }'
        async with subscribed(simulated if is_simulated else served, watch) as stream:
            return dict((await stream.message())["payload"])

    assert asyncio.run(event()).get("extensions") == ({"simulated": True} if is_simulated else None)


@pytest.mark.parametrize("is_simulated", [True, False])
def test_graphql_says_it_wherever_it_is_asked(simulated: Api, served: Served, is_simulated: bool) -> None:
    response = (simulated if is_simulated else served).post(QUESTION)
    answer = response.json()
    status = answer["data"].pop("status")
    assert status == {"simulated": is_simulated}
    assert [one["coverage"]["simulated"] for one in answer["data"].values()] == [is_simulated] * 3
    assert answer["extensions"].get("simulated") == (True if is_simulated else None)
    assert answer["extensions"]["cost"]["requested"] > 1
    assert response.headers.get("x-liqgrid-simulated") == ("1" if is_simulated else None)


def test_answers_that_did_not_ask_are_marked(simulated: Api) -> None:
    assert simulated.post("{ pairs { edges { cursor } } }").json()["extensions"]["simulated"] is True


def test_answers_to_those_not_let_in_are_marked(simulated: Api) -> None:
    behind_a_proxy = {"x-forwarded-for": "203.0.113.7"}
    for path in (GRID, PATHS[6]):
        refused = simulated.client.get(path, headers=behind_a_proxy)
        assert (refused.status_code, refused.headers["x-liqgrid-simulated"]) == (401, "1")


def test_json_says_it(simulated: Api, served: Served) -> None:
    for api, expected in ((simulated, True), (served, False)):
        assert api.client.get(GRID).json()["coverage"]["simulated"] is expected
        assert api.client.get("/v1/status").json()["simulated"] is expected
        assert api.client.get("/health").json()["simulated"] is expected
    assert simulated.client.get(PATHS[6]).json()["simulated"] is True


@pytest.mark.parametrize("is_simulated", [True, False])
def test_title_of_a_picture_says_it(simulated: Api, served: Served, is_simulated: bool) -> None:
    request = GridRequest(BITCOIN.pair, Interval.H1, last=5)
    dsn = (simulated if is_simulated else served).dsn
    title = to_heatmap(ask(dsn, lambda pool: load_grid(pool, request, Budget()))).title
    assert title == ("SIMULATED  BTC-USDT  1h" if is_simulated else "BTC-USDT  1h")


def test_real_rows_do_not_get_among_simulated_ones(simulated: Api, tmp_path: Path) -> None:
    rows = market(30, Interval.H1, seed=9).csv(tmp_path / "rows.csv")
    with connected(simulated.dsn) as connection:
        with pytest.raises(BadSetting, match="holds SIMULATED data"):
            import_csv(connection, rows)
        claim(connection, simulated=True)


def test_simulated_rows_do_not_get_among_real_ones(served: Served) -> None:
    with connected(served.dsn) as connection:
        with pytest.raises(BadSetting, match="these are SIMULATED"):
            claim(connection, simulated=True)
        claim(connection, simulated=False)
