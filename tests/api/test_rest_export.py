"""Whole histories: all of it, once, in every form, in memory that does not grow with it, and never half as if whole."""

from __future__ import annotations

import asyncio
import itertools
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from pyarrow import parquet

from liqgrid.api.database import open_pool
from liqgrid.api.graphql import series
from liqgrid.api.graphql.context import Context
from liqgrid.api.rest import export
from liqgrid.api.rest.endpoint import Asked
from liqgrid.api.rest.formats import Format
from tests.api.conftest import REALISED, Served
from tests.api.rest import FORMS, rows_of
from tests.api.stored import stored_columns, text_of

SERIES = {
    "bars/BTC-USDT?interval=15m": 900,
    "open-interest/BTC-USDT?venue=binance": 1000,
    "long-short-ratios/BTC-USDT": 1000,
    "liquidation-bars/BTC-USDT?interval=15m": 900,
    f"liquidations/{REALISED.pair}": 5,
    f"funding-rates/{REALISED.pair}": 3,
}


@pytest.fixture
def in_small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read little at once: it must not show."""
    monkeypatch.setattr(export, "MAX_SERIES", 311)
    monkeypatch.setattr(export, "_COLUMNS_AT_ONCE", 3)


@pytest.mark.usefixtures("in_small_batches")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("path", SERIES)
def test_an_export_is_every_page(served: Served, path: str, form: str) -> None:
    head, mark, query = path.partition("?")
    whole = served.client.get(f"/v1/{head}?{query}&first=10000").json()
    rows = rows_of(served.client.get(f"/v1/export/{head}.{form}{mark}{query}"))
    assert len(rows) >= SERIES[path]
    assert [round(datetime.fromisoformat(row["time"]).timestamp() * 1000) for row in rows] == whole["times"]
    for name in rows[0].keys() - {"time"}:
        assert [row[name] for row in rows] == whole[name], name


@pytest.mark.usefixtures("in_small_batches")
def test_every_page_is_of_the_instrument_the_first_was_of(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when another one has come to lead in the meantime."""
    turns = itertools.count(1)
    monkeypatch.setattr(series, "leading", lambda instruments: instruments[next(turns) % len(instruments)])
    rows = rows_of(served.client.get("/v1/export/bars/BTC-USDT?interval=15m"))
    second = served.client.get("/v1/bars/BTC-USDT?interval=15m&venue=binance&first=10000").json()
    assert [row["close"] for row in rows] == second["close"]


@pytest.mark.usefixtures("in_small_batches")
@pytest.mark.parametrize("unit", ["quote", "base"])
@pytest.mark.parametrize("form", FORMS)
def test_a_grids_export_holds_every_bin_of_every_column(served: Served, form: str, unit: str) -> None:
    columns = [column for venue in ("binance", "bybit") for column in stored_columns(served.dsn, venue, "4h")]
    start = sorted({column.close_ms for column in columns})[-8]
    path = f"/v1/export/grids/BTC-USDT.{form}"
    rows = rows_of(served.client.get(path, params={"interval": "4h", "unit": unit, "start": text_of(start)}))
    wanted: dict[str, float] = {}
    for column in [column for column in columns if column.close_ms >= start]:
        for side in ("long", "short"):
            placed = column.placed(side, quote=unit == "quote")
            key = f"{_iso(column.close_ms)} {side}"
            wanted[key] = wanted.get(key, 0) + placed
    found: dict[str, float] = {}
    for row in rows:
        for side in ("long", "short"):
            key = f"{row['time']} {side}"
            found[key] = found.get(key, 0) + row[side]
    assert found == pytest.approx(wanted, rel=1e-6)
    keys = [(row["time"], row["price_low"]) for row in rows]
    assert keys == sorted(set(keys))
    assert all(row["long"] + row["short"] > 0 for row in rows)
    assert rows[0]["price_high"] / rows[0]["price_low"] == pytest.approx(1.0005)


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def test_a_stretch_of_one_venue_is_half_open(served: Served) -> None:
    columns = stored_columns(served.dsn, "bybit", "1h")
    start, end = text_of(columns[5].close_ms), text_of(columns[9].close_ms)
    given = {"interval": "1h", "start": start, "end": end, "venues": "bybit", "unit": "base"}
    rows = rows_of(served.client.get("/v1/export/grids/BTC-USDT", params=given, headers={"accept": "text/csv"}))
    assert sorted({row["time"] for row in rows}) == [_iso(column.close_ms) for column in columns[5:9]]


def test_an_export_is_a_file_with_a_name(served: Served) -> None:
    answer = served.client.get("/v1/export/bars/BTC-USDT.parquet?interval=1h")
    assert answer.headers["content-disposition"] == 'attachment; filename="bars-BTC-USDT.parquet"'
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers
    assert served.client.get("/v1/export/bars/BTC-USDT?interval=1h").headers["content-type"] == "application/x-ndjson"


def test_parquet_comes_in_row_groups(served: Served, tmp_path: Any) -> None:
    file = tmp_path / "grids.parquet"
    file.write_bytes(served.client.get("/v1/export/grids/BTC-USDT.parquet?interval=15m").content)
    assert parquet.ParquetFile(file).num_row_groups > 10


def test_nothing_in_the_stretch_is_a_table_without_rows(served: Served) -> None:
    for form in FORMS:
        path = f"/v1/export/grids/BTC-USDT.{form}?interval=1h&start=2030-01-01"
        assert rows_of(served.client.get(path)) == []


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_half_a_history_never_looks_whole(served: Served, monkeypatch: pytest.MonkeyPatch, coding: str) -> None:
    """Where a batch cannot be read, the connection ends within the body."""
    batches = export._batches

    async def broken(*arguments: Any) -> AsyncIterator[Any]:
        async for batch in batches(*arguments):
            yield batch
            raise RuntimeError("the database went away")

    monkeypatch.setattr(export, "_batches", broken)
    with pytest.raises(httpx.RemoteProtocolError):
        served.client.get(
            "/v1/export/grids/BTC-USDT.csv?interval=1h", headers={"accept-encoding": coding}
        )  # fmt: skip
    assert served.client.get("/health").status_code == 200


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.usefixtures("traced")
def test_memory_does_not_grow_with_the_history(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve times the columns in the same memory, that of arrays included."""
    monkeypatch.setattr(export, "_COLUMNS_AT_ONCE", 16)

    async def peak(start: str | None) -> tuple[int, int]:
        pool = await open_pool(served.dsn)
        try:
            values = {
                "pair": "BTC-USDT",
                "interval": "15m",
                "start": start,
                "end": None,
                "venues": None,
                "unit": "base",
            }
            values["start"] = None if start is None else datetime.fromisoformat(start)  # type: ignore[assignment]
            tracemalloc.reset_peak()
            answer = await export._grids(Asked(Context(pool=pool, request_id="test"), values, Format.PARQUET))
            size = 0
            async for piece in answer.body:  # type: ignore[union-attr]
                size += len(piece)
            return tracemalloc.get_traced_memory()[1], size
        finally:
            await pool.close()

    columns = stored_columns(served.dsn, "binance")
    asyncio.run(peak(text_of(columns[-20].close_ms)))  # what is loaded once
    short, few = asyncio.run(peak(text_of(columns[-100].close_ms)))
    long, many = asyncio.run(peak(None))
    assert many > 8 * few
    assert long < 1.3 * short
