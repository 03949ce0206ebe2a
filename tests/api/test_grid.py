"""The grid as a client gets it, against what is stored."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from liqgrid.engine.model.formulas import formula_version
from liqgrid.engine.model.parameters import MODEL_VERSION
from tests.api.conftest import BARS, GAP, LAGGING, Served
from tests.api.growing import PARAMETERS
from tests.api.served import unpacked
from tests.api.stored import StoredColumn, ms_of, stored_columns, text_of
from tests.markets import BITCOIN

API_PAGE = Path(__file__).parents[2] / "docs" / "api.md"
STEP_MS = 15 * 60_000
TYPES = {
    "interval": "Interval!", "start": "DateTime", "end": "DateTime", "last": "Int", "venues": "[String!]",
    "priceLow": "Float", "priceHigh": "Float", "rows": "Int", "unit": "Unit",
}  # fmt: skip
DENSE = "asOf unit times priceEdges long short longTotal shortTotal bars { open high low close volume price }"
WIDE = {"priceLow": 20_000.0, "priceHigh": 200_000.0}  # beyond every column


def ask_grid(served: Served, fields: str, **arguments: Any) -> dict[str, Any]:
    """Fields of a grid of BTC-USDT, of quarters of an hour unless another interval is given."""
    given = {"interval": "M15", **arguments}
    variables = ", ".join(f"${name}: {TYPES[name]}" for name in given)
    passed = ", ".join(f"{name}: ${name}" for name in given)
    answer = served.ask(f'query({variables}) {{ grid(pair: "BTC-USDT", {passed}) {{ {fields} }} }}', **given)
    return dict(answer["grid"])


def dense(served: Served, **arguments: Any) -> dict[str, Any]:
    """The packed arrays of a grid and its bars, decoded."""
    grid = ask_grid(served, DENSE, **arguments)
    bars = {f"bar_{name}": unpacked(array) for name, array in grid.pop("bars").items()}
    return {name: unpacked(array) for name, array in grid.items() if isinstance(array, dict)} | bars


@pytest.fixture(scope="module")
def binance(served: Served) -> list[StoredColumn]:
    return stored_columns(served.dsn, "binance")


@pytest.fixture(scope="module")
def bybit(served: Served) -> list[StoredColumn]:
    return stored_columns(served.dsn, "bybit")


def test_arrays_have_the_shapes_and_types_the_schema_names(served: Served) -> None:
    grid = ask_grid(served, DENSE, last=40, rows=25)
    wanted = {
        "times": ("<i8", [40]), "priceEdges": ("<f8", [26]), "long": ("<f4", [40, 25]), "short": ("<f4", [40, 25]),
        "longTotal": ("<f8", [40]), "shortTotal": ("<f8", [40]),
    }  # fmt: skip
    assert {name: (grid[name]["dtype"], grid[name]["shape"]) for name in wanted} == wanted
    assert {(bar["dtype"], tuple(bar["shape"])) for bar in grid["bars"].values()} == {("<f8", (40,))}
    times, edges = unpacked(grid["times"]), unpacked(grid["priceEdges"])
    assert (np.diff(times) == STEP_MS).all()
    assert ms_of(grid["asOf"]) == times[-1]
    assert np.allclose(np.diff(np.log(edges)), np.log(edges[-1] / edges[0]) / 25, rtol=1e-9)
    assert grid["unit"] == "USDT"
    assert ask_grid(served, "unit", unit="BASE")["unit"] == "BTC"


@pytest.mark.parametrize("venues", [["binance"], ["bybit"], None])
def test_in_base_units_both_sides_are_the_modelled_share_of_open_interest(
    served: Served, binance: list[StoredColumn], bybit: list[StoredColumn], venues: list[str] | None
) -> None:
    grid = dense(served, venues=venues, last=1300, unit="BASE")
    assert (grid["longTotal"] == grid["shortTotal"]).all()
    interest: dict[int, float] = {}
    for venue, columns in (("binance", binance), ("bybit", bybit)):
        for column in columns if venue in (venues or ["binance", "bybit"]) else []:
            interest[column.close_ms] = interest.get(column.close_ms, 0.0) + column.open_interest_base
    assert grid["times"].tolist() == sorted(interest)
    wanted = [PARAMETERS.modelled_share * interest[int(ms)] for ms in grid["times"]]
    assert np.allclose(grid["longTotal"], wanted, rtol=1e-12)


@pytest.mark.parametrize("rows", [100, 999])
def test_longs_lie_below_the_price_and_shorts_above(served: Served, rows: int) -> None:
    grid = dense(served, venues=["binance"], last=1300, rows=rows)
    price = grid["bar_price"].reshape(-1, 1)
    assert grid["long"].any(axis=1)[1:].all()
    assert grid["short"].any(axis=1)[1:].all()
    # A row may straddle the price, and so may the bin at its edge.
    assert not grid["long"][grid["priceEdges"][:-1] > price * 1.0005].any()
    assert not grid["short"][grid["priceEdges"][1:] < price / 1.0005].any()


@pytest.mark.parametrize("unit", ["BASE", "QUOTE"])
def test_the_rows_and_what_lies_elsewhere_are_the_totals(
    served: Served, binance: list[StoredColumn], unit: str
) -> None:
    grid = dense(served, venues=["binance"], last=1300, unit=unit, rows=900, **WIDE)
    assert len(grid["times"]) == len(binance) == BARS - (GAP.stop - GAP.start)
    for side in ("long", "short"):
        elsewhere = np.array([column.elsewhere(side, quote=unit == "QUOTE") for column in binance])
        placed = np.array([column.placed(side, quote=unit == "QUOTE") for column in binance])
        rows = grid[side].sum(axis=1, dtype=np.float64)
        assert np.allclose(rows, placed, rtol=1e-6)
        assert np.allclose(rows + elsewhere, grid[f"{side}Total"], rtol=1e-4)
    assert elsewhere[0] > 0.9 * grid["shortTotal"][0], "at first most entries are unknown"


def test_a_row_that_is_a_bin_is_the_stored_bin(served: Served, binance: list[StoredColumn]) -> None:
    first, base = binance[-1].span("long")
    edges = np.exp(np.array([first, first + len(base)]) * np.log(1.0005))
    lies = {"rows": len(base), "priceLow": float(edges[0]), "priceHigh": float(edges[1])}
    grid = dense(served, venues=["binance"], last=1, unit="BASE", **lies)
    assert np.allclose(grid["long"][0], base, rtol=1e-5, atol=1e-9 * base.sum())


@pytest.mark.parametrize(("low", "high"), [(1.0, 64_000.0), (64_000.0, 66_000.0), (66_000.0, 1e6)])
def test_a_range_has_its_part_of_the_stored_bins_and_the_totals_of_all(
    served: Served, binance: list[StoredColumn], low: float, high: float
) -> None:
    grid = dense(served, venues=["binance"], last=3, unit="BASE", rows=7, priceLow=low, priceHigh=high)
    coordinates = np.log(grid["priceEdges"]) / np.log(1.0005)  # in bins
    for side in ("long", "short"):
        for column, own in zip(binance[-3:], grid[side], strict=True):
            first, base = column.span(side)
            bins = np.arange(first, first + len(base))
            within = [np.clip(np.minimum(bins + 1, stop) - np.maximum(bins, start), 0, 1) @ base
                      for start, stop in pairwise(coordinates)]  # fmt: skip
            assert np.allclose(own, within, rtol=1e-5, atol=1e-9 * base.sum())
    for unit in ("BASE", "QUOTE"):
        ranged, whole = (
            dense(served, venues=["binance"], last=3, unit=unit, **prices)
            for prices in ({"priceLow": low, "priceHigh": high}, {})
        )
        for total in ("longTotal", "shortTotal"):
            assert (ranged[total] == whole[total]).all()


def test_an_hour_is_the_quarter_that_ends_with_it(served: Served) -> None:
    hours = dense(served, interval="H1", last=30, venues=["binance"], **WIDE)
    quarters = dense(served, last=30 * 4, venues=["binance"], **WIDE)
    same = np.isin(quarters["times"], hours["times"])
    assert same.sum() == 30
    for name in ("long", "short", "longTotal", "shortTotal", "bar_close"):
        assert (quarters[name][same] == hours[name]).all(), name
    ends = np.flatnonzero(same)[1:]
    for name, of_quarters in (("high", np.max), ("low", np.min), ("volume", np.sum)):
        wanted = [of_quarters(quarters[f"bar_{name}"][end - 3 : end + 1]) for end in ends]
        assert hours[f"bar_{name}"][1:] == pytest.approx(wanted), name


def test_venues_are_added(served: Served) -> None:
    both, one, other = (
        dense(served, last=100, venues=venues, **WIDE) for venues in (["binance", "bybit"], ["binance"], ["bybit"])
    )
    there = np.isin(both["times"], other["times"])
    assert (both["times"] == one["times"]).all()
    assert (both["times"][there] == other["times"][-there.sum() :]).all()
    assert not there[-LAGGING:].any()
    assert there[:-LAGGING].all()
    for name in ("long", "short", "longTotal", "shortTotal"):
        added = one[name].astype(np.float64)
        added[there] += other[name][-there.sum() :]
        assert np.allclose(both[name], added, rtol=1e-6, atol=1e-6 * added.max()), name
    unasked = dense(served, last=100, **WIDE)
    assert all((unasked[name] == both[name]).all() for name in ("long", "short", "longTotal"))


def test_coverage_names_every_venue_and_its_share(
    served: Served, binance: list[StoredColumn], bybit: list[StoredColumn]
) -> None:
    fields = (
        "asOf coverage { modelledShare unplacedShare staleSeconds venues { venue openInterestShare columns newest "
        "markColumns carriedOpenInterestColumns tiersAssumedBefore } }"
    )
    end = text_of(bybit[-1].close_ms + 1)
    coverage = ask_grid(served, fields, last=50, end=end)["coverage"]
    at_end = next(column for column in binance if column.close_ms == bybit[-1].close_ms)
    whole = at_end.open_interest_base + bybit[-1].open_interest_base
    shares = {one["venue"]: one["openInterestShare"] for one in coverage["venues"]}
    assert shares == pytest.approx(
        {"binance": at_end.open_interest_base / whole, "bybit": bybit[-1].open_interest_base / whole}
    )
    assert sum(shares.values()) == pytest.approx(1)
    assert [one["venue"] for one in coverage["venues"]] == ["bybit", "binance"], "the largest comes first"
    assert {one["columns"] for one in coverage["venues"]} == {50}
    assert {one["markColumns"] for one in coverage["venues"]} == {0}
    assert {one["carriedOpenInterestColumns"] for one in coverage["venues"]} == {0}
    assert {one["tiersAssumedBefore"] for one in coverage["venues"]} == {None}
    assert coverage["modelledShare"] == pytest.approx(PARAMETERS.modelled_share)
    unplaced = sum((one.long_unplaced_base + one.short_unplaced_base) / 2 for one in (at_end, bybit[-1]))
    assert coverage["unplacedShare"] == pytest.approx(unplaced / (whole * PARAMETERS.modelled_share))
    assert coverage["staleSeconds"] > 0

    newest = {one["venue"]: one for one in ask_grid(served, fields, last=50)["coverage"]["venues"]}
    assert newest["binance"]["openInterestShare"] == 1, "bybit has no column there"
    assert newest["bybit"]["openInterestShare"] == 0
    assert newest["bybit"]["columns"] == 50 - LAGGING
    assert ms_of(newest["bybit"]["newest"]) == bybit[-1].close_ms


def test_coverage_lists_the_gaps_in_the_answers_time(served: Served, binance: list[StoredColumn]) -> None:
    whole = served.binance.open_ms
    missing = int(np.flatnonzero(np.diff(whole) > STEP_MS)[0])
    starts, ends = int(whole[missing]) + STEP_MS, int(whole[missing + 1])
    fields = "times coverage { gaps { venue stream startsAt endsAt } }"
    grid = ask_grid(served, fields, last=1300)
    (gap,) = grid["coverage"]["gaps"]
    assert gap.pop("stream").startswith("bar:")
    assert gap == {"venue": "binance", "startsAt": text_of(starts), "endsAt": text_of(ends)}
    assert ask_grid(served, fields, last=100)["coverage"]["gaps"] == []
    assert ask_grid(served, fields, last=1300, venues=["bybit"])["coverage"]["gaps"] == []
    times = unpacked(ask_grid(served, fields, last=1300, venues=["binance"])["times"])
    assert not ((times > starts) & (times <= ends)).any(), "nothing is made up in the gap"


def test_the_answer_says_what_made_it(served: Served) -> None:
    model = ask_grid(served, "model { version parametersHash formulaVersions computedAt }")["model"]
    assert model.pop("computedAt")
    assert model == {
        "version": MODEL_VERSION,
        "parametersHash": PARAMETERS.digest(),
        "formulaVersions": [formula_version(BITCOIN)],
    }


def test_columns_are_chosen_by_when_they_close(served: Served, binance: list[StoredColumn]) -> None:
    closes = [column.close_ms for column in binance]
    newest = closes[-1]

    def times(**arguments: Any) -> list[int]:
        chosen: list[int] = unpacked(ask_grid(served, "times", **arguments)["times"]).tolist()
        return chosen

    assert times() == closes[-288:]
    assert times(last=1) == closes[-1:]
    assert times(start=text_of(closes[-5])) == closes[-5:], "start is in"
    assert times(start=text_of(closes[-5]), end=text_of(closes[-2])) == closes[-5:-2], "end is not"
    assert times(last=2, end=text_of(closes[-3])) == closes[-5:-3]
    assert times(start=text_of(closes[-5] + 1), end=text_of(closes[-3] + 1)) == closes[-4:-2]
    assert times(end=text_of(newest + 10**9), last=3) == closes[-3:]
    assert times(start=text_of(closes[-5]).replace("+00:00", "")) == closes[-5:], "a time without a zone is UTC"
    assert times(start=text_of(closes[-5]).replace("+00:00", "Z")) == closes[-5:]
    first_open, day = closes[0] - STEP_MS, 86_400_000
    assert times(interval="D1") == [ms for ms in closes if ms % day == 0 and ms - day >= first_open], "whole days"
    whole = {"start": "0001-01-01T00:00:00Z", "end": "9999-12-31T23:59:59Z", "venues": ["binance"]}
    assert times(**whole) == closes, "a wide range is as large as what is stored of it"


def test_rows_lie_where_they_were_asked_for(served: Served) -> None:
    edges = dense(served, last=5, rows=7, priceLow=60_000.0, priceHigh=70_000.0)["priceEdges"]
    assert (len(edges), edges[0], edges[-1]) == (8, pytest.approx(60_000), pytest.approx(70_000))
    grid = dense(served, last=50, venues=["binance"])
    assert grid["long"].shape == (50, 300)
    assert grid["priceEdges"][0] == pytest.approx(grid["bar_low"].min() * 0.9)
    assert grid["priceEdges"][-1] == pytest.approx(grid["bar_high"].max() * 1.1)
    narrow = dense(served, last=50, rows=10, priceLow=64_000.0, priceHigh=66_000.0)
    fine = dense(served, last=50, rows=200, priceLow=64_000.0, priceHigh=66_000.0)
    assert np.allclose(fine["long"].reshape(50, 10, 20).sum(axis=2), narrow["long"], rtol=1e-5, atol=1.0)
    far = dense(served, last=5, rows=3, priceLow=1e8)
    assert far["priceEdges"][0] == pytest.approx(1e8)
    assert not far["long"].any()
    assert not far["short"].any()
    everything = dense(served, last=1300, rows=1, priceLow=1e-9, priceHigh=1e9, venues=["binance"])
    widest = dense(served, last=1300, rows=1, venues=["binance"], **WIDE)
    assert np.allclose(everything["long"], widest["long"], rtol=1e-6)


def test_bars_are_those_of_the_columns(served: Served, binance: list[StoredColumn]) -> None:
    grid = dense(served, venues=["binance"], last=60)
    for name in ("open", "high", "low", "close", "price"):
        assert grid[f"bar_{name}"].tolist() == [getattr(column, name) for column in binance[-60:]], name
    assert grid["bar_volume"].tolist() == [column.volume_base for column in binance[-60:]]
    assert grid["bar_close"].tolist() == served.binance.columns["close"][-60:].tolist()
    # Of both venues, bybit has the larger open interest in the end, and so its bars are shown.
    end = text_of(int(served.bybit.open_ms[-1]) + STEP_MS + 1)
    assert dense(served, last=3, end=end)["bar_close"].tolist() == pytest.approx(
        served.bybit.columns["close"][-3:].tolist()
    )


@pytest.mark.parametrize("minimum", [None, 0.0, 2e5, 1e18, 1e39])
def test_cells_are_the_dense_arrays(served: Served, minimum: float | None) -> None:
    grid = dense(served, last=40, rows=60)
    cells = ask_grid(served, f"cells(minimum: {'null' if minimum is None else minimum})", last=40, rows=60)["cells"]
    both = grid["long"] + grid["short"]
    time, row = np.nonzero((both > 0) & (both >= np.float64(minimum or 0.0)))
    assert cells.keys() == {"time", "row", "long", "short"}
    assert (cells["time"], cells["row"]) == (time.tolist(), row.tolist())
    for side in ("long", "short"):
        assert np.array_equal(np.array(cells[side], dtype=np.float32), grid[side][time, row])
    if minimum == 2e5:
        assert 0 < len(time) < (both > 0).sum()


def test_maximum_and_percentiles_are_those_of_the_cells(served: Served) -> None:
    grid = dense(served, last=40, rows=60)
    extra = ask_grid(served, "maximum percentiles { percent value }", last=40, rows=60)
    both = grid["long"] + grid["short"]
    assert extra["maximum"] == both.max()
    assert [one["percent"] for one in extra["percentiles"]] == [50, 75, 90, 95, 99, 99.7]
    wanted = np.percentile(both[both > 0], [50, 75, 90, 95, 99, 99.7])
    assert [one["value"] for one in extra["percentiles"]] == pytest.approx(wanted.tolist(), rel=1e-6)


def test_the_documented_way_to_unpack_works_as_written(served: Served) -> None:
    text = API_PAGE.read_text("utf-8")
    (code,) = [block for block in text.split("```python\n")[1:] if "def unpack" in block.split("```")[0]]
    names: dict[str, Any] = {}
    exec(code.split("```")[0], names)
    grid = ask_grid(served, DENSE, last=4, rows=5)
    for name in ("times", "priceEdges", "long", "shortTotal"):
        array = names["unpack"](grid[name])
        assert array.dtype.str == grid[name]["dtype"]
        assert np.array_equal(array, unpacked(grid[name]))
