"""Cascades and stop zones over HTTP, against sums over what is stored."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from liqgrid.api.what_if import MAX_LEGS
from liqgrid.engine.market.axis import bins_of, edges, mid_prices
from liqgrid.engine.market.instrument import Side
from liqgrid.engine.model.stops import locate_stop_zones
from liqgrid.engine.store.database import Connection, connected
from tests.api.conftest import Served
from tests.api.served import unpacked, until
from tests.api.stored import StoredColumn, stored_columns, text_of

BINANCE = 'pair: "BTC-USDT", interval: M15, venues: ["binance"]'
BOTH = 'pair: "BTC-USDT", interval: M15'
DAY = "dailyVolatility dailyVolume dailyColumns"
SIDES = "long { side notional base share unbinnedShare } short { side notional base share unbinnedShare }"
STEPS = "steps { leg side price base notional cumulative }"
LEGS = "legs { start target end side base notional overshoot atColumnEnd }"
COLUMNS_OF_A_DAY = 96  # of 15 minutes


@pytest.fixture(scope="module")
def columns(served: Served) -> list[StoredColumn]:
    """All columns of binance."""
    return stored_columns(served.dsn, "binance")


def ask(served: Served, arguments: str, fields: str = f"price endPrice triggered impact {DAY} {SIDES}") -> Any:
    return served.ask(f"{{ cascade({arguments}) {{ {fields} }} }}")["cascade"]


def passed(column: StoredColumn, side: str, last_bin: int, *, quote: bool = True) -> float:
    """What a stored column holds in the bins up to one, from the price."""
    first, base = column.span(side)
    bins = np.arange(first, first + len(base))
    entered = bins >= last_bin if side == "long" else bins <= last_bin
    return float((base * mid_prices(first, len(base)) if quote else base)[entered].sum())


def bin_at(price: float) -> int:
    return int(bins_of(np.array(price)))


@pytest.mark.parametrize(("side", "other", "factor"), [("long", "short", 0.95), ("short", "long", 1.04)])
def test_a_move_liquidates_what_the_column_holds_on_the_way(
    served: Served, columns: list[StoredColumn], side: str, other: str, factor: float
) -> None:
    column = columns[-1]
    to = column.price * factor
    done = ask(served, f"{BINANCE}, priceTo: {to!r}")
    whole = column.placed(side, quote=True) + column.elsewhere(side, quote=True)
    assert done["price"] == column.price
    assert done["endPrice"] == to
    assert (done["triggered"], done["impact"]) == (0, 0)
    wanted = passed(column, side, bin_at(to))
    assert 0 < wanted < whole
    assert done[side]["side"] == side.upper()
    assert done[side]["notional"] == pytest.approx(wanted, rel=1e-9)
    assert done[side]["base"] == pytest.approx(passed(column, side, bin_at(to), quote=False), rel=1e-9)
    assert done[side]["share"] == pytest.approx(wanted / whole, rel=1e-9)
    assert done[side]["unbinnedShare"] == pytest.approx(column.elsewhere(side, quote=True) / whole, abs=1e-9)
    assert done[side]["unbinnedShare"] > 0
    assert (done[other]["notional"], done[other]["base"], done[other]["share"]) == (0, 0, 0)


def test_steps_and_legs_are_in_order_of_travel(served: Served, columns: list[StoredColumn]) -> None:
    price = columns[-1].price
    path = [price * 0.98, price * 1.02, price * 1.02, price * 0.96]
    done = served.ask(
        f"query($path: [Float!]) {{ cascade({BINANCE}, path: $path) {{ endPrice {SIDES} {STEPS} {LEGS} }} }}", path=path
    )["cascade"]
    steps = {name: unpacked(packed) for name, packed in done["steps"].items()}
    legs = {name: unpacked(packed) for name, packed in done["legs"].items()}
    assert {name: values.dtype.str for name, values in steps.items()} == {
        "leg": "<i8", "side": "<i8", "price": "<f8", "base": "<f8", "notional": "<f8", "cumulative": "<f8",
    }  # fmt: skip
    assert legs["target"].tolist() == legs["end"].tolist() == path
    assert legs["start"].tolist() == [price, *path[:-1]]
    assert legs["side"].tolist() == [0, 1, -1, 0]
    assert legs["overshoot"].tolist() == legs["atColumnEnd"].tolist() == [0, 0, 0, 0]
    assert done["endPrice"] == path[-1]
    for leg in range(4):
        mine = steps["leg"] == leg
        assert (steps["side"][mine] == legs["side"][leg]).all()
        assert legs["notional"][leg] == pytest.approx(steps["notional"][mine].sum(), rel=1e-9)
        assert legs["base"][leg] == pytest.approx(steps["base"][mine].sum(), rel=1e-9)
        assert (np.diff(steps["price"][mine]) * (-1 if legs["side"][leg] == 0 else 1) > 0).all()
    assert legs["notional"].tolist()[2] == 0
    assert (legs["notional"][[0, 1, 3]] > 0).all()
    assert (np.diff(steps["leg"]) >= 0).all()
    assert steps["cumulative"].tolist() == pytest.approx(np.cumsum(steps["notional"]).tolist())
    assert steps["notional"] == pytest.approx(steps["base"] * steps["price"], rel=1e-9)
    assert steps["cumulative"][-1] == pytest.approx(done["long"]["notional"] + done["short"]["notional"])
    direct = ask(served, f"{BINANCE}, priceTo: {path[-1]!r}")
    assert done["long"] == direct["long"], "what the first fall took is not there for the second"


def day_of(columns: list[StoredColumn], close_ms: int) -> tuple[float, float, int]:
    """Volatility, volume and bars of the 24 hours up to a time, written from docs/model.md."""
    window = [one for one in columns if close_ms - 86_400_000 < one.close_ms <= close_ms]
    known = [one for one in window if one.volume_base is not None]
    days = len(known) / COLUMNS_OF_A_DAY
    squares = sum(math.log(one.row["close"] / one.row["open"]) ** 2 for one in known)
    volume = sum(one.volume_base * one.row["close"] for one in known)
    return math.sqrt(squares / days), volume / days, len(known)


@pytest.mark.parametrize("at", [-1, 500, 440])  # 440: some of its day is in the gap
def test_impact_moves_the_price_by_what_it_liquidates(served: Served, columns: list[StoredColumn], at: int) -> None:
    column = columns[at]
    volatility, volume, bars = day_of(columns, column.close_ms)
    assert (bars < COLUMNS_OF_A_DAY) == (at == 440)
    to = column.price * 0.99
    moment = f'{BINANCE}, at: "{text_of(column.close_ms)}"'
    done = ask(served, f"{moment}, priceTo: {to!r}, impact: 2")
    assert done["dailyVolatility"] == pytest.approx(volatility, rel=1e-9)
    assert done["dailyVolume"] == pytest.approx(volume, rel=1e-9)
    assert done["dailyColumns"] == bars
    liquidated = done["long"]["notional"]
    assert done["endPrice"] == pytest.approx(to * math.exp(-2 * volatility * math.sqrt(liquidated / volume)), rel=1e-9)
    assert liquidated == pytest.approx(passed(column, "long", bin_at(done["endPrice"])), rel=1e-9)
    assert done["triggered"] == pytest.approx(liquidated - passed(column, "long", bin_at(to)), rel=1e-9)
    assert done["triggered"] > 0
    plain = ask(served, f"{moment}, priceTo: {to!r}")
    assert plain["long"]["notional"] == pytest.approx(passed(column, "long", bin_at(to)), rel=1e-9)
    assert plain["dailyVolatility"] == done["dailyVolatility"]


def test_columns_of_unknown_volume_do_not_count(served: Served, columns: list[StoredColumn]) -> None:
    question = f'{BINANCE}, at: "{text_of(columns[200].close_ms)}", priceTo: 60000'
    hidden = [one.row["ts"] for one in columns[190:195]]
    known = ask(served, question)
    with connected(served.dsn) as connection:
        for ts in hidden:
            set_volume(connection, ts, None)
        try:
            some = until(lambda: (found := ask(served, question))["dailyColumns"] == COLUMNS_OF_A_DAY - 5 and found)
        finally:
            for one in columns[190:195]:
                set_volume(connection, one.row["ts"], one.volume_base)
    until(lambda: ask(served, question) == known)
    assert known["dailyColumns"] == COLUMNS_OF_A_DAY
    assert some["dailyVolume"] == pytest.approx(known["dailyVolume"], rel=0.1)
    assert some["dailyVolume"] != known["dailyVolume"]


def set_volume(connection: Connection, ts: datetime, volume_base: float | None) -> None:
    connection.execute(
        "UPDATE grid_column SET volume_base = $2 FROM instrument i WHERE i.instrument_id = grid_column.instrument_id "
        "AND i.venue = 'binance' AND i.pair = 'BTC-USDT' AND \"interval\" = '15m' AND ts = $1",
        [ts, volume_base],
    )
    connection.commit()


def test_venues_add_their_volume(served: Served, columns: list[StoredColumn]) -> None:
    others = stored_columns(served.dsn, "bybit")
    close_ms = others[-1].close_ms
    done = ask(served, f'{BOTH}, at: "{text_of(close_ms)}", priceTo: 60000')
    (_, volume, _), (volatility, other_volume, bars) = day_of(columns, close_ms), day_of(others, close_ms)
    assert done["price"] == others[-1].price
    assert done["dailyVolatility"] == pytest.approx(volatility, rel=1e-9)
    assert done["dailyVolume"] == pytest.approx(volume + other_volume, rel=1e-9)
    assert done["dailyColumns"] == bars
    newest = ask(served, f"{BOTH}, priceTo: 60000")
    assert newest["dailyVolume"] == pytest.approx(day_of(columns, columns[-1].close_ms)[1]), "bybit lacks that column"


def test_impact_needs_a_day_that_can_be_measured(served: Served, columns: list[StoredColumn]) -> None:
    early = f'{BINANCE}, at: "{text_of(columns[46].close_ms)}", priceTo: 60000'
    plain = ask(served, early)
    assert (plain["dailyVolatility"], plain["dailyVolume"], plain["dailyColumns"]) == (None, None, 0)
    assert plain["endPrice"] == 60000
    error = served.refuse(f"{{ cascade({early}, impact: 1) {{ endPrice }} }}")
    assert error["extensions"]["code"] == "NOT_BUILT"
    assert error["extensions"]["context"] == {"pair": "BTC-USDT", "interval": "15m"}
    assert "impact 0" in error["message"]
    enough = f'{BINANCE}, at: "{text_of(columns[47].close_ms)}", priceTo: 60000, impact: 1'
    assert ask(served, enough)["dailyColumns"] == COLUMNS_OF_A_DAY / 2


def test_impact_stops_where_columns_end(served: Served, columns: list[StoredColumn]) -> None:
    price = columns[-1].price
    done = ask(served, f"{BINANCE}, priceTo: {price / 2.1!r}, impact: 10", f"endPrice {LEGS} {SIDES}")
    assert done["endPrice"] == price / 2.1
    assert unpacked(done["legs"]["atColumnEnd"]).tolist() == [1]
    assert done["long"]["share"] + done["long"]["unbinnedShare"] == pytest.approx(1)


def test_a_long_path_is_answered_and_a_longer_one_refused(served: Served, columns: list[StoredColumn]) -> None:
    query = f"query($path: [Float!]) {{ cascade({BINANCE}, path: $path, impact: 1) {{ endPrice {LEGS} }} }}"
    path = [columns[-1].price * (1 + 0.02 * math.sin(step)) for step in range(10_000)]
    done = served.ask(query, path=path[:MAX_LEGS])["cascade"]
    assert unpacked(done["legs"]["end"]).shape == (MAX_LEGS,)
    error = served.refuse(query, path=path)
    assert error["extensions"]["code"] == "RANGE_TOO_LARGE"
    assert error["extensions"]["context"] == {"legs": 10_000}
    body = b'{"query": "query($to: Float) { cascade(%s, priceTo: $to) { price } }", "variables": {"to": NaN}}'
    response = served.client.post(
        "/graphql", content=body % BOTH.replace('"', '\\"').encode(), headers={"content-type": "application/json"}
    )
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "BAD_REQUEST"


ZONES = (
    "zones { side low high distance notional density before "
    "clusterBefore { low high peakPrice notional } clusterBeyond { low high peakPrice notional } }"
)


def ask_zones(served: Served, arguments: str) -> list[dict[str, Any]]:
    return list(served.ask(f"{{ stopZones({arguments}) {{ {ZONES} }} }}")["stopZones"]["zones"])


@pytest.mark.parametrize(("within", "width"), [(0.1, 0.002), (0.3, 0.0005), (1, 0.01)])
def test_zones_are_those_of_the_model_nearest_first(
    served: Served, columns: list[StoredColumn], within: float, width: float
) -> None:
    column = columns[-1]
    wanted = []
    for side in (Side.LONG, Side.SHORT):
        first, base = column.span(side.value)
        wanted += locate_stop_zones(side, first, base, column.price, within, width)
    wanted.sort(key=lambda zone: zone.distance_fraction)
    found = ask_zones(served, f"{BINANCE}, within: {within}, minWidth: {width}, limit: 200")
    assert len(found) == len(wanted) > 0
    for zone, model in zip(found, wanted, strict=True):
        assert zone["side"] == model.side.name
        numbers = [zone[name] for name in ("low", "high", "distance", "notional", "density", "before")]
        assert numbers == pytest.approx(
            [model.low, model.high, model.distance_fraction, model.notional_quote, model.density_ratio,
             model.before_quote], rel=1e-9, abs=1e-12,
        )  # fmt: skip
        for name, cluster in (("clusterBefore", model.before), ("clusterBeyond", model.beyond)):
            assert (zone[name] is None) == (cluster is None)
            if cluster is not None:
                assert zone[name]["peakPrice"] == pytest.approx(cluster.peak_price)
                assert zone[name]["notional"] == pytest.approx(cluster.notional_quote)
    assert ask_zones(served, f"{BINANCE}, within: {within}, minWidth: {width}, limit: 1") == found[:1]
    longs = ask_zones(served, f"{BINANCE}, within: {within}, minWidth: {width}, limit: 200, side: LONG")
    assert longs == [zone for zone in found if zone["side"] == "LONG"]


def test_what_lies_before_a_zone_is_what_a_cascade_to_it_liquidates(
    served: Served, columns: list[StoredColumn]
) -> None:
    zones = ask_zones(served, f"{BINANCE}, within: 0.3, minWidth: 0.0005, limit: 200")
    assert {zone["side"] for zone in zones} == {"LONG", "SHORT"}
    for zone in zones:
        near = zone["high"] if zone["side"] == "LONG" else zone["low"]
        # The middle of the last bin before the zone.
        last = bin_at(near) + (0 if zone["side"] == "LONG" else -1)
        done = ask(served, f"{BINANCE}, priceTo: {float(mid_prices(last, 1)[0])!r}")
        assert zone["before"] == pytest.approx(done[zone["side"].lower()]["notional"], rel=1e-9)
    assert float(edges(bin_at(columns[-1].price), 0)[0]) >= max(z["high"] for z in zones if z["side"] == "LONG")
