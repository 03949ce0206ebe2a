"""Answers as dataclasses of arrays: the server's numbers, by either half, and the same as tables."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest

from liqgrid.api.access import AccessRules, Anonymous
from liqgrid.engine.market.api_key import Scope
from liqgrid.engine.store.database import connected
from liqgrid.engine.store.keys import create_key
from liqgrid_client import AsyncClient, Client, LiqgridError, NotBuilt, UnknownPair
from liqgrid_client.types import BarSeries, Clusters, Grid
from tests.api.realised import FUNDING, LIQUIDATIONS, RATIOS
from tests.api.served import Api, serving, unpacked
from tests.client.both import Half
from tests.client.conftest import BARS

BTC, XRP = "BTC-USDT", "XRP-USDT"


def table_of(api: Api, path: str) -> pa.Table:
    """Return what REST answers as a table."""
    response = api.client.get(path)
    assert response.status_code == 200, response.text
    return pa.ipc.open_stream(response.content).read_all()


def same(columns: dict[str, np.ndarray], table: pa.Table) -> None:
    """Assert that columns hold what REST's table does, of those both have."""
    assert columns
    for name, values in columns.items():
        wanted = table[name]
        if values.dtype.kind == "M":
            assert values.astype("datetime64[ms]").tolist() == [
                one and one.replace(tzinfo=None) for one in wanted.to_pylist()
            ]
        elif values.dtype.kind == "f":
            np.testing.assert_array_equal(values, wanted.to_numpy().astype(values.dtype))
        else:
            given = [one.lower() if name == "side" and isinstance(one, str) else one for one in wanted.to_pylist()]
            assert values.tolist() == given


def test_a_grid_is_arrays_with_axes(api: Api, url: str, half: Half) -> None:
    grid: Grid = half.ask(url, "grid", BTC, "1h", last=24, rows=80, unit="base")
    raw = api.ask(
        'query { grid(pair: "BTC-USDT", interval: H1, last: 24, rows: 80, unit: BASE) '
        "{ asOf times priceEdges long short longTotal shortTotal maximum bars { close } } }"
    )["grid"]
    assert (grid.pair, grid.interval, grid.unit) == (BTC, "1h", "BTC")
    assert grid.times.dtype == "datetime64[ms]"
    assert grid.times.astype(int).tolist() == unpacked(raw["times"]).tolist()
    for name, values in (("priceEdges", grid.price_edges), ("long", grid.long), ("short", grid.short)):
        assert (values == unpacked(raw[name])).all()
        assert values.dtype == unpacked(raw[name]).dtype
        assert not values.flags.writeable
    assert grid.long.shape == (len(grid.times), len(grid.prices)) == (24, 80)
    assert (grid.price_edges[:-1] < grid.prices).all()
    assert (grid.prices < grid.price_edges[1:]).all()
    np.testing.assert_allclose(grid.long_total, grid.short_total)
    assert (grid.bars.close == unpacked(raw["bars"]["close"])).all()
    assert grid.as_of == datetime.fromisoformat(raw["asOf"])
    assert np.datetime64(grid.as_of.replace(tzinfo=None)) == grid.times[-1]
    assert grid.maximum == raw["maximum"]
    assert grid.model.parameters["modelled_share"] == 0.8
    assert grid.coverage.venues[0].symbol == "binance:BTC-USDT"
    assert grid.simulated is grid.coverage.simulated is False


@pytest.mark.parametrize("form", ["numpy", "aware", "naive", "text"])
def test_times_are_given_in_any_form(url: str, half: Half, form: str) -> None:
    times = half.ask(url, "grid", BTC, "1h", last=5, rows=5).times
    aware = times[2].item().replace(tzinfo=UTC)
    given = {"numpy": times[2], "aware": aware.astimezone(), "naive": times[2].item(), "text": aware.isoformat()}[form]
    asked = half.ask(url, "grid", BTC, "1h", start=given, rows=5)
    assert asked.times.tolist() == times[2:].tolist()
    assert half.ask(url, "exposure", BTC, "1h", at=given).as_of == aware


def test_a_missing_time_is_refused_here(url: str, half: Half) -> None:
    with pytest.raises(ValueError, match="NaT"):
        half.ask(url, "grid", BTC, "1h", start=np.datetime64("NaT"))


def test_a_grid_as_a_table_is_rests_table(api: Api, url: str, half: Half) -> None:
    grid: Grid = half.ask(url, "grid", BTC, "1h", last=6, rows=50, venues="binance")
    same(grid.columns(), table_of(api, f"/v1/grids/{BTC}.arrow?interval=1h&last=6&rows=50"))
    frame = grid.to_pandas()
    assert list(frame.columns) == ["time", "price_low", "price_high", "long", "short"]
    assert frame["long"].sum() == pytest.approx(float(grid.long.sum()))
    assert grid.to_polars().equals(
        pl.from_pandas(frame).select(frame.columns.tolist()).cast({"time": pl.Datetime("ms")})
    )


def test_clusters_say_more_on_request(api: Api, url: str, half: Half) -> None:
    plain: Clusters = half.ask(url, "top_clusters", BTC, "1h", within=0.2, limit=3)
    first = plain.clusters[0]
    assert (first.composition, first.id, first.born, first.peak, first.swept) == (None,) * 5
    assert first.side in ("long", "short")
    same(plain.columns(), table_of(api, f"/v1/clusters/{BTC}.arrow?interval=1h&within=0.2&limit=3"))
    made = half.ask(url, "top_clusters", BTC, "1h", within=0.2, limit=3, composition=True)
    assert sum(part.share for part in made.clusters[0].composition.age) == pytest.approx(1)
    assert made.clusters[0].composition.age[0].older_than is None
    assert made.clusters[0].id is None
    told = half.ask(url, "top_clusters", BTC, "1h", within=0.2, limit=3, composition=True, lineage=True)
    assert [one.notional for one in told.clusters] == [one.notional for one in plain.clusters]
    assert told.clusters[0].peak.notional >= told.clusters[0].notional
    included = "include=composition,lineage"
    same(told.columns(), table_of(api, f"/v1/clusters/{BTC}.arrow?interval=1h&within=0.2&limit=3&{included}"))
    assert {"born", "peak_at", "swept"} <= set(told.to_pandas().columns)


def test_what_a_moment_says(api: Api, url: str, half: Half) -> None:
    exposure = half.ask(url, "exposure", BTC, "1h", bands=[0.02, np.float64(0.1)])
    assert [band.within for band in exposure.bands] == [0.02, 0.1]
    same(exposure.columns(), table_of(api, f"/v1/exposure/{BTC}.arrow?interval=1h&bands=0.02,0.1"))
    assert (np.diff(exposure.long.curve.notional) >= 0).all()
    signals = half.ask(url, "signals", BTC, "1h", composition=True)
    same(signals.columns(), table_of(api, f"/v1/signals/{BTC}.arrow?interval=1h"))
    assert all(magnet.composition.leverage for magnet in signals.magnets)
    down = exposure.price * 0.9
    cascade = half.ask(url, "cascade", BTC, "1h", price_to=down)
    same(cascade.columns(), table_of(api, f"/v1/cascade/{BTC}.arrow?interval=1h&price_to={down!r}"))
    assert cascade.steps.cumulative[-1] == pytest.approx(cascade.long.notional)
    path = half.ask(url, "cascade", BTC, "1h", path=np.array([down, exposure.price]))
    assert path.legs.target.tolist() == [down, exposure.price]
    zones = half.ask(url, "stop_zones", BTC, "1h", side="long", limit=4)
    same(zones.columns(), table_of(api, f"/v1/stop-zones/{BTC}.arrow?interval=1h&side=long&limit=4"))
    assert {zone.side for zone in zones.zones} == {"long"}


def test_the_catalogue(url: str, half: Half) -> None:
    status = half.ask(url, "status")
    assert {one.symbol for one in status.instruments} == {"binance:BTC-USDT", "binance:XRP-USDT"}
    pairs = half.ask(url, "pairs")
    assert [pair.symbol for pair in pairs] == [BTC, XRP]
    assert {built.interval for built in pairs[0].instruments[0].grids} == {"15m", "1h", "4h", "1d"}
    assert [pair.symbol for pair in half.ask(url, "pairs", coin="XRP")] == [XRP]
    assert half.ask(url, "pair", BTC) == pairs[0]
    assert half.ask(url, "pair", "NONE-USDT") is None
    (skill,) = half.ask(url, "skill", BTC)
    assert skill.symbol == "binance:BTC-USDT"
    assert -1 <= skill.mean <= 1
    assert half.ask(url, "ask", "query($p: String!) { pair(symbol: $p) { coin } }", p=BTC) == {"pair": {"coin": "BTC"}}


def test_series_page_until_they_end(api: Api, url: str, half: Half) -> None:
    pages = half.ask(url, "bars", BTC, "15m", first=250)
    assert [len(page) for page in pages] == [250, 250, 100]
    whole: BarSeries = half.all(url, "bars", BTC, "15m", first=250)
    assert len(whole) == BARS
    assert (np.diff(whole.times) == np.timedelta64(15, "m")).all()
    assert not whole.close.flags.writeable
    same(whole.columns(), table_of(api, f"/v1/bars/{BTC}.arrow?interval=15m&first=10000"))
    since = half.all(url, "bars", BTC, "15m", after=pages[1].page_info.end_cursor)
    assert since.times.tolist() == pages[2].times.tolist()
    part = half.all(url, "bars", BTC, "15m", start=whole.times[10], end=whole.times[20], venue="binance")
    assert part.times.tolist() == whole.times[10:20].tolist()
    assert len(half.all(url, "open_interest", BTC, first=100)) == BARS


def test_series_of_what_venues_publish(url: str, half: Half) -> None:
    rates = half.all(url, "funding_rates", XRP, first=2)
    assert list(zip(rates.times.astype(int).tolist(), rates.rate.tolist(), strict=True)) == FUNDING
    ratios = half.all(url, "long_short_ratios", XRP)
    assert ratios.ratio.tolist() == [row[1] for row in RATIOS]
    assert np.isnan(ratios.long[1])
    forced = half.all(url, "liquidations", XRP, first=2)
    assert sorted(forced.long + forced.short) == sorted(row[4] for row in LIQUIDATIONS)
    assert forced.to_polars()["time"].to_list() == forced.times.tolist()
    summed = half.all(url, "liquidation_bars", XRP, "1h")
    assert summed.long.sum() == sum(row[4] for row in LIQUIDATIONS if row[2] == "long")
    none = half.all(url, "funding_rates", BTC)
    assert len(none) == 0
    assert none.to_pandas().empty


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "csv", "ndjson"])
def test_whole_histories_go_to_a_file(api: Api, url: str, half: Half, tmp_path: Path, suffix: str) -> None:
    path = half.ask(url, "export", "bars", BTC, tmp_path / f"bars.{suffix}", interval="15m")
    assert path == tmp_path / f"bars.{suffix}"
    assert path.read_bytes() == api.client.get(f"/v1/export/bars/{BTC}.{suffix}?interval=15m").content
    assert list(tmp_path.iterdir()) == [path]
    if suffix == "parquet":
        same(half.all(url, "bars", BTC, "15m").columns(), pyarrow.parquet.read_table(path))


def test_a_grid_is_exported_in_its_own_bins(url: str, half: Half, tmp_path: Path) -> None:
    newest = half.ask(url, "grid", BTC, "4h", last=1, rows=1).as_of
    path = half.ask(
        url, "export", "grids", BTC, str(tmp_path / "grid.parquet"), interval="4h", unit="base", venues=["binance"],
        start=newest - timedelta(hours=8),
    )  # fmt: skip
    table = pyarrow.parquet.read_table(path)
    assert len(set(table["time"].to_pylist())) == 3


def test_a_refused_export_leaves_no_file(url: str, half: Half, tmp_path: Path) -> None:
    with pytest.raises(UnknownPair):
        half.ask(url, "export", "bars", "NONE-USDT", tmp_path / "bars.csv", interval="1h")
    with pytest.raises(LiqgridError, match="BAD_REQUEST"):
        half.ask(url, "export", "bars", BTC, tmp_path / "bars.txt", interval="1h")
    assert list(tmp_path.iterdir()) == []


def test_errors_have_the_servers_code(url: str, half: Half) -> None:
    with pytest.raises(UnknownPair) as unknown:
        half.ask(url, "grid", "NONE-USDT", "1h")
    assert (unknown.value.code, bool(unknown.value.request_id)) == ("UNKNOWN_PAIR", True)
    assert unknown.value.context
    with pytest.raises(NotBuilt, match="NOT_BUILT"):
        half.ask(url, "grid", BTC, "1m")
    with pytest.raises(LiqgridError) as bad:
        half.ask(url, "grid", BTC, "1h", rows=0)
    assert type(bad.value) is LiqgridError
    assert (bad.value.code, bad.value.context) == ("BAD_REQUEST", {"rows": 0})
    assert str(bad.value.request_id) in str(bad.value)
    with pytest.raises(LiqgridError, match="BAD_REQUEST"):
        half.ask(url, "ask", "{ nothing }")


@pytest.fixture(scope="module")
def keyed(api: Api) -> Iterator[tuple[str, str]]:
    with connected(api.dsn) as connection:
        key = create_key(connection, "quants", (Scope.READ,), 100, 100)
    with serving(api.dsn, AccessRules(Anonymous.NOBODY)) as closed:
        yield str(closed.client.base_url), key


def test_a_key_opens(keyed: tuple[str, str], half: Half, monkeypatch: pytest.MonkeyPatch) -> None:
    url, key = keyed
    with pytest.raises(LiqgridError, match="UNAUTHORISED"):
        half.ask(url, "status")
    assert half.run(url, lambda client: client.status(), key=key).version
    monkeypatch.setenv("LIQGRID_API_KEY", key)
    assert half.ask(url, "status").version
    monkeypatch.setenv("LIQGRID_URL", url)
    assert half.run(None, lambda client: client.status()).version  # type: ignore[arg-type]
    with pytest.raises(LiqgridError, match="FORBIDDEN"):
        half.follow(url, lambda client: client.grid_columns(BTC, "1h"), lambda *_: None, 1)
    for client in (Client(url, key=key), AsyncClient(url, key=key)):
        assert key not in repr(client) + repr(client._transport.settings)
        asyncio.run(client.close()) if isinstance(client, AsyncClient) else client.close()


def test_what_is_simulated_says_so(api: Api, half: Half) -> None:
    with connected(api.dsn) as connection:
        connection.execute("UPDATE provenance SET simulated = true")
    try:
        with serving(api.dsn) as other:
            url = str(other.client.base_url)
            for method, arguments in (("grid", ("1h",)), ("exposure", ("1h",)), ("signals", ("1h",))):
                assert half.ask(url, method, BTC, *arguments).simulated
            assert half.all(url, "bars", BTC, "1h").simulated
            assert half.ask(url, "skill", BTC)[0].simulated
            (event,) = half.follow(url, lambda client: client.grid_columns(BTC, "1h"), lambda *_: None, 1)
            assert event.simulated
    finally:
        with connected(api.dsn) as connection:
            connection.execute("UPDATE provenance SET simulated = false")


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://host", "http://"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="http://"):
        Client(url)
