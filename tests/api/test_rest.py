"""REST answers what GraphQL answers: the same numbers for the same question, in every form."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.api.conftest import NAMES_ONLY, REALISED, Served
from tests.api.rest import FORMS, in_rest, rows_of

_MOMENT = """pair interval asOf price unit model { version parameters parametersHash formulaVersions computedAt }
coverage { simulated modelledShare unplacedShare missing gaps { venue symbol stream startsAt endsAt }
venues { venue pair symbol openInterestShare columns newest storedUntil markColumns carriedOpenInterestColumns
tiersAssumed tiersAssumedBefore barsWithoutVolume } }"""
_PLAIN = "side low high peakPrice notional base distance share"
_LINEAGE = "id born bornBefore peak { at notional } swept"
_COMPOSITION = """composition { leverage { leverage notional share } age { youngerThan olderThan notional share }
venues { venue symbol notional share } }"""
_CLUSTER = f"{_PLAIN} {_LINEAGE} {_COMPOSITION}"
_SIDE = f"side notional base maxPainPrice nearest {{ {_CLUSTER} }} curve {{ prices notional }}"
GRID = f"""pair interval asOf unit times priceEdges long short longTotal shortTotal maximum
percentiles {{ percent value }} bars {{ open high low close volume price }} {_MOMENT.replace("price unit", "unit")}"""
_CROWD = "low high peakPrice notional"
_ZONE = f"side low high distance notional density before clusterBefore {{ {_CROWD} }} clusterBeyond {{ {_CROWD} }}"
_TRAVEL = """steps { leg side price base notional cumulative }
legs { start target end side base notional overshoot atColumnEnd }"""
AT, START, END = "2024-06-26T03:10:00Z", "2024-06-24T00:00:00Z", "2024-06-25T12:00:00Z"
SERIES = "symbol times"
# GraphQL's question and fields, and REST's path.
SAME = [
    ('grid(pair: "BTC-USDT", interval: H1)', GRID, "grids/BTC-USDT?interval=1h"),
    (f'grid(pair: "BTC-USDT", interval: M15, start: "{START}", end: "{END}", venues: ["binance"], priceLow: 50000, '
     "priceHigh: 70000, rows: 40, unit: BASE)", GRID,
     f"grids/BTC-USDT?interval=15m&start={START}&end={END}&venues=binance&price_low=50000&price_high=7e4&rows=40"
     "&unit=base"),
    (f'grid(pair: "BTC-USDT", interval: H4, end: "{END}", last: 7, venues: ["binance", "bybit"])', GRID,
     f"grids/BTC-USDT?interval=4h&end={END}&last=7&venues=binance,bybit"),
    ('grid(pair: "BTC", interval: H1, last: 5)', GRID, "grids/BTC?interval=1h&last=5"),
    ('topClusters(pair: "BTC", interval: M15)', f"{_MOMENT} clusters {{ {_CLUSTER} }}",
     "clusters/BTC?interval=15m&include=lineage,composition"),
    ('topClusters(pair: "BTC", interval: M15)', f"{_MOMENT} clusters {{ {_PLAIN} }}", "clusters/BTC?interval=15m"),
    ('topClusters(pair: "BTC-USDT", interval: M15)', f"{_MOMENT} clusters {{ {_CLUSTER} }}",
     "clusters/BTC-USDT?interval=15m&include=composition,lineage"),
    (f'topClusters(pair: "BTC-USDT", interval: H1, at: "{AT}", side: LONG, within: 0.3, limit: 3)',
     f"{_MOMENT} clusters {{ {_PLAIN} {_LINEAGE} }}",
     f"clusters/BTC-USDT?interval=1h&at={AT}&side=long&within=.3&limit=3&include=lineage"),
    (f'exposure(pair: "BTC-USDT", interval: H1, at: "{AT}", bands: [0.02, 0.3])',
     f"{_MOMENT} heavier bands {{ within long short imbalance heavier }} long {{ {_SIDE} }} short {{ {_SIDE} }}",
     f"exposure/BTC-USDT?interval=1h&at={AT}&bands=0.02,0.3&include=composition,lineage"),
    ('cascade(pair: "BTC-USDT", interval: H1, path: [60000, 70000], impact: 0.5)',
     f"{_MOMENT} endPrice triggered impact dailyVolatility {_TRAVEL}",
     "cascade/BTC-USDT?interval=1h&path=60000,70000&impact=.5"),
    ('stopZones(pair: "BTC-USDT", interval: H1, within: 0.3)',
     f"{_MOMENT} zones {{ {_ZONE} }}",
     "stop-zones/BTC-USDT?interval=1h&within=.3"),
    (f'bars(pair: "BTC-USDT", interval: H1, start: "{START}", end: "{END}")',
     f"{SERIES} interval open high low close volume", f"bars/BTC-USDT?interval=1h&start={START}&end={END}"),
    ('openInterest(pair: "BTC-USDT", venue: "bybit")', f"{SERIES} openInterest", "open-interest/BTC-USDT?venue=bybit"),
    (f'fundingRates(pair: "{REALISED.pair}")', f"{SERIES} rate", f"funding-rates/{REALISED.pair}"),
    (f'longShortRatios(pair: "{REALISED.pair}")', f"{SERIES} ratio long short", f"long-short-ratios/{REALISED.pair}"),
    (f'liquidations(pair: "{REALISED.pair}")', f"{SERIES} price long short", f"liquidations/{REALISED.pair}"),
    ('liquidationBars(pair: "BTC-USDT", interval: H4)',
     f"{SERIES} interval long short longNotional shortNotional", "liquidation-bars/BTC-USDT?interval=4h"),
]  # fmt: skip
INSTRUMENT = "symbol venue openInterest lastBarAt builtUntil builtAt grids { interval columns first last }"
TABLES = [path for _, _, path in SAME if not path.startswith("grids")]


def with_form(path: str, form: str) -> str:
    head, mark, query = path.partition("?")
    return f"/v1/{head}.{form}{mark}{query}"


@pytest.mark.parametrize(("question", "fields", "path"), SAME, ids=[path for _, _, path in SAME])
def test_the_same_numbers_as_graphql(served: Served, question: str, fields: str, path: str) -> None:
    (wanted,) = served.ask(f"{{ {question} {{ {fields} }} }}").values()
    answer = served.client.get(f"/v1/{path}")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    for name, value in in_rest(wanted).items():
        assert found[name] == value, name
    assert "stale_seconds" not in str(found), "nothing depends on the clock"
    assert ("born_before" in answer.text) == ("lineage" in path)
    assert ("composition" in answer.text) == ("composition" in path)


@pytest.mark.parametrize(
    ("include", "points"), [("", 5), ("&include=lineage", 35), ("&include=lineage,composition", 65)]
)
def test_what_is_included_costs_what_it_does_in_graphql(served: Served, include: str, points: int) -> None:
    answer = served.client.get(f"/v1/clusters/BTC-USDT?interval=15m&limit=3{include}")
    assert answer.headers["x-query-cost"] == f"requested={points}"


def test_pairs_skill_and_status_as_graphql(served: Served) -> None:
    node = f"symbol coin quote instruments {{ {INSTRUMENT} }}"
    pairs = served.ask(f"{{ pairs {{ edges {{ node {{ {node} }} }} }} }}")["pairs"]["edges"]
    found = served.client.get("/v1/pairs").json()
    assert found == {"items": [in_rest(edge["node"]) for edge in pairs], "next": None}
    one = served.client.get("/v1/pairs/BTC-USDT").json()
    assert one == next(pair for pair in found["items"] if pair["symbol"] == "BTC-USDT")
    fields = "symbol interval mean long short longBars shortBars start end modelVersion parametersHash"
    skill = served.ask(f'{{ skill(pair: "BTC-USDT") {{ {fields} }} }}')["skill"]
    assert skill
    assert served.client.get("/v1/skill/BTC-USDT").json() == {"items": in_rest(skill)}
    fields = f"version schemaVersion database simulated instruments {{ {INSTRUMENT} }}"
    status = served.ask(f"{{ status {{ {fields} }} }}")["status"]
    assert served.client.get("/v1/status").json() == in_rest(status)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("path", TABLES)
def test_a_table_holds_what_the_json_does(served: Served, path: str, form: str) -> None:
    """Series column by column; else the rows of the list that the answer is about."""
    answer = served.client.get(f"/v1/{path}").json()
    rows = rows_of(served.client.get(with_form(path, form)))
    if "times" in answer:
        assert [_ms(row["time"]) for row in rows] == answer["times"]
        names = [name for name, value in answer.items() if isinstance(value, list) and name != "times"]
        assert rows[0].keys() == {"time", *names}
        for name in names:
            assert [row[name] for row in rows] == answer[name], name
    else:
        (wanted,) = (answer[name] for name in ("clusters", "bands", "zones", "steps") if name in answer)
        if isinstance(wanted, dict):  # arrays, a column each
            wanted = [dict(zip(wanted, row, strict=True)) for row in zip(*wanted.values(), strict=True)]
        plain = [
            name
            for name in wanted[0]
            if not any(isinstance(one[name], list | dict) for one in wanted) and name != "born"
        ]
        assert [[row[name] for name in plain] for row in rows] == [[one[name] for name in plain] for one in wanted]
        if "born" in wanted[0]:
            assert [_ms(row["born"]) for row in rows] == [_ms(one["born"]) for one in wanted]
            assert [row["peak_notional"] for row in rows] == [one["peak"]["notional"] for one in wanted]
    assert rows


@pytest.mark.parametrize("form", FORMS)
def test_a_grids_table_has_its_cells(served: Served, form: str) -> None:
    path = "grids/BTC-USDT?interval=1h&last=5&rows=30"
    grid = served.client.get(f"/v1/{path}").json()
    rows = rows_of(served.client.get(with_form(path, form)))
    edges, times = grid["price_edges"], grid["times"]
    filled = np.argwhere(np.array(grid["long"]) + np.array(grid["short"]) > 0)
    assert len(rows) == len(filled)
    for row, (t, r) in zip(rows, filled, strict=True):
        assert (_ms(row["time"]), row["price_low"], row["price_high"]) == (times[t], edges[r], edges[r + 1])
        assert (row["long"], row["short"]) == pytest.approx((grid["long"][t][r], grid["short"][t][r]), rel=1e-6)


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def test_tables_of_pairs_and_status_have_a_row_for_every_instrument(served: Served) -> None:
    symbols = {"binance:BTC-USDT", "bybit:BTC-USDT", "binance:ETH-USDT", *(f"binance:{name}" for name in NAMES_ONLY)}
    for path in ("pairs", "status"):
        rows = rows_of(served.client.get(f"/v1/{path}.csv"))
        assert {row["symbol"] for row in rows} == symbols
    assert {row["symbol"] for row in rows_of(served.client.get("/v1/pairs/BTC-USDT.parquet"))} == {
        "binance:BTC-USDT", "bybit:BTC-USDT",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "column"), [("pairs", None), ("bars/BTC-USDT", "times"), (f"liquidations/{REALISED.pair}", "times")]
)
def test_pages_follow_by_next_and_by_link(served: Served, path: str, column: str | None) -> None:
    base = {"first": 2 if column is None or "liq" in path else 450, **({"interval": "15m"} if "bars" in path else {})}
    whole = served.client.get(f"/v1/{path}", params={**base, "first": 200 if column is None else 10_000}).json()
    found: list[Any] = []
    after, turns = None, 0
    while True:
        answer = served.client.get(f"/v1/{path}", params=base if after is None else {**base, "after": after})
        found += answer.json()[column or "items"]
        assert ("link" in answer.headers) == (answer.json()["next"] is not None)
        after, turns = answer.json()["next"], turns + 1
        if after is None:
            break
        following = answer.links["next"]["url"]
        page = served.client.get(f"/v1/{path}", params={**base, "after": after})
        assert served.client.get(following).content == page.content
    assert found == whole[column or "items"]
    assert turns > 2


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "application/json"),
        ("text/html,*/*;q=0.8", "application/json"),
        ("text/csv", "text/csv; charset=utf-8"),
        ("text/*", "text/csv; charset=utf-8"),
        ("application/json;q=0.1, application/vnd.apache.parquet", "application/vnd.apache.parquet"),
        ("application/x-ndjson;q=1.0,application/json;q=0", "application/x-ndjson"),
        ("application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.stream"),
    ],
)
def test_a_form_is_chosen_by_accept(served: Served, accept: str, kind: str) -> None:
    answer = served.client.get("/v1/bars/BTC-USDT?interval=1h&first=2", headers={"accept": accept})
    assert answer.headers["content-type"] == kind
    assert "accept" in answer.headers["vary"]


def test_what_is_unknown_is_empty_or_null(served: Served) -> None:
    path = f"long-short-ratios/{REALISED.pair}"
    assert served.client.get(f"/v1/{path}").json()["long"] == [0.6, None]
    assert served.client.get(f"/v1/{path}.csv").text.splitlines()[2].endswith(",2,,")
    assert [row["long"] for row in rows_of(served.client.get(f"/v1/{path}.parquet"))] == [0.6, None]


def test_an_arrow_file_says_what_it_is(served: Served) -> None:
    answer = served.client.get("/v1/grids/BTC-USDT.arrow?interval=1h&last=2&unit=base")
    schema = pa.ipc.open_stream(answer.content).schema
    assert schema.metadata == {b"pair": b"BTC-USDT", b"interval": b"1h", b"unit": b"BTC"}
    assert str(schema.field("time").type) == "timestamp[ms, tz=UTC]"
