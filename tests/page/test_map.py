"""The map: what is drawn where, the numbers under the crosshair, and looking closer."""

from __future__ import annotations

import numpy as np
import pytest

from tests.api.served import Api, unpacked
from tests.page.viewer import Viewer
from tests.waiting import wait_until

GRID = """query($last: Int, $start: DateTime, $end: DateTime, $interval: Interval!, $low: Float, $high: Float,
              $rows: Int!, $venues: [String!]) {
  grid(pair: "BTC-USDT", interval: $interval, last: $last, start: $start, end: $end, priceLow: $low, priceHigh: $high,
       rows: $rows, venues: $venues) { times priceEdges long short bars { price } }
}"""


def hover(viewer: Viewer, across: float, down: float) -> dict[str, float | None]:
    """Move the pointer to a part of the chart; return what is read there."""
    box = viewer.box()
    viewer.page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
    viewer.page.wait_for_selector("#readout[data-row]")
    return viewer.readout()


def test_map_is_drawn_and_shows_what_was_asked_for(api: Api, viewer: Viewer) -> None:
    viewer.open(api)
    shown = viewer.view()
    assert (shown["interval"], shown["columns"], shown["rows"]) == ("M15", "288", "300")
    grid = api.ask(GRID, interval="M15", last=288, rows=300)["grid"]
    assert float(shown["gridLow"]) == unpacked(grid["priceEdges"])[0]
    assert int(shown["last"]) == unpacked(grid["times"])[-1]
    assert float(shown["low"]) == pytest.approx(unpacked(grid["priceEdges"])[0], rel=1e-6)
    viewer.is_settled()
    assert not viewer.page.locator("#simulated").is_visible()
    colours = viewer.pixels()[:200, :600].reshape(-1, 3)
    assert (np.abs(colours - [1.0, 0.949, 0.239]).max(axis=1) < 0.1).any()  # yellow
    assert (np.abs(colours - [0.027, 0.043, 0.114]).max(axis=1) < 0.1).any()  # dark blue


def test_numbers_are_those_of_the_api_and_more_is_brighter(api: Api, viewer: Viewer) -> None:
    viewer.open(api)
    viewer.is_settled()
    pixels, box = viewer.pixels(), viewer.box()
    amounts, brightness = [], []
    grid = api.ask(GRID, interval="M15", last=288, rows=300)["grid"]
    times, edges, price = unpacked(grid["times"]), unpacked(grid["priceEdges"]), unpacked(grid["bars"]["price"])
    long, short = unpacked(grid["long"]), unpacked(grid["short"])
    for across, down in np.random.default_rng(1).uniform((0.02, 0.03), (0.8, 0.55), (30, 2)):
        read = hover(viewer, across, down)
        assert read["price"] is not None
        t = int(np.flatnonzero(times == read["time"])[0])
        row = int(np.searchsorted(edges, read["price"], side="right")) - 1
        assert (read["long"], read["short"]) == (long[t, row], short[t, row])
        assert read["distance"] == pytest.approx(read["price"] / price[t] - 1, abs=1e-12)
        x, y = (
            int(box["x"] + across * box["width"]) - int(box["x"]),
            int(box["y"] + down * box["height"]) - int(box["y"]),
        )
        red, green, blue = pixels[y, x]
        shade = 0.3 * red + 0.6 * green + 0.1 * blue
        if red < min(green, 0.9) and 0.06 < shade < 0.85:  # neither a candle, nor darkest, nor brightest
            amounts.append(long[t, row] + short[t, row])
            brightness.append(shade)
    assert len(amounts) > 12
    ranks = np.array([np.argsort(np.argsort(values)) for values in (amounts, brightness)], dtype=np.float64)
    assert np.asarray(np.corrcoef(ranks))[0, 1] > 0.95


def row_height(shown: dict[str, str]) -> float:
    return float(np.log(float(shown["gridHigh"]) / float(shown["gridLow"])) / int(shown["rows"]))


def test_looking_closer_brings_finer_columns_and_rows_without_a_jump(api: Api, viewer: Viewer) -> None:
    viewer.open(api, "?pair=BTC-USDT&range=1w")
    before = viewer.view()
    assert before["interval"] == "H1"
    box = viewer.box()
    viewer.page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.3 * box["height"])
    for _ in range(12):
        viewer.page.mouse.wheel(0, -100)
    viewer.until("interval", "M15")
    after = viewer.view()
    viewer.page.keyboard.down("Shift")
    for _ in range(6):
        viewer.page.mouse.wheel(0, -100)
    viewer.page.keyboard.up("Shift")
    viewer.page.wait_for_selector(f'#chart:not([data-grid-low="{after["gridLow"]}"])')
    viewer.is_settled()
    after = viewer.view()
    assert row_height(after) < 0.7 * row_height(before)
    asked = dict(part.split("=") for part in viewer.search().split("&"))
    assert float(after["low"]) == pytest.approx(float(asked["low"]), rel=1e-5)
    assert float(after["high"]) == pytest.approx(float(asked["high"]), rel=1e-5)
    span = float(after["to"]) - float(after["from"])
    from_ms = np.datetime64(asked["from"].rstrip("Z")).astype("datetime64[ms]").astype(int)
    assert abs(float(after["from"]) - from_ms) < span / 200
    viewer.keep("zoomed")
    start, end = (np.datetime_as_string(np.datetime64(int(after[name]), "ms")) + "Z" for name in ("first", "last"))
    grid = api.ask(
        GRID, interval="M15", start=start, end=end, low=float(after["gridLow"]), high=float(after["gridHigh"]),
        rows=int(after["rows"]),
    )["grid"]  # fmt: skip
    read = hover(viewer, 0.4, 0.25)
    row = int(viewer.page.locator("#readout").get_attribute("data-row") or -1)
    t = int(np.flatnonzero(unpacked(grid["times"]) == read["time"])[0])
    assert (read["long"], read["short"]) == (unpacked(grid["long"])[t, row], unpacked(grid["short"])[t, row])


def test_panning_into_the_past_brings_older_columns(api: Api, viewer: Viewer) -> None:
    viewer.open(api)
    before = viewer.view()
    box = viewer.box()
    x, y = box["x"] + 0.2 * box["width"], box["y"] + 0.3 * box["height"]
    viewer.page.mouse.move(x, y)
    viewer.page.mouse.down()
    viewer.page.mouse.move(x + 0.5 * box["width"], y, steps=50)
    viewer.page.mouse.up()
    viewer.page.wait_for_selector(f'#chart:not([data-first="{before["first"]}"])')
    after = viewer.view()
    assert int(after["first"]) < int(before["first"])
    moved = (float(before["from"]) - float(after["from"])) / (float(before["to"]) - float(before["from"]))
    assert moved == pytest.approx(0.5 * box["width"] / (box["width"] - 72), abs=0.05)  # less the price axis
    assert viewer.page.locator("#whole").is_visible()
    viewer.page.locator("#whole").click()
    viewer.until("first", before["first"])
    assert "from=" not in viewer.search()


def test_keys_move_the_crosshair_and_the_map(api: Api, viewer: Viewer) -> None:
    viewer.open(api)
    first = viewer.view()
    viewer.page.locator("#chart").focus()
    viewer.page.keyboard.press("ArrowLeft")
    one = viewer.readout()
    viewer.page.keyboard.press("ArrowLeft")
    viewer.page.keyboard.press("ArrowUp")
    two = viewer.readout()
    assert one["time"] is not None
    assert two["time"] == one["time"] - 15 * 60_000
    assert two["price"] is not None
    assert one["price"] is not None
    assert two["price"] > one["price"]
    assert "long" in viewer.page.locator("#spoken").inner_text()
    viewer.page.keyboard.press("Shift+ArrowLeft")
    viewer.page.keyboard.press("+")
    viewer.page.wait_for_url("**from=**")
    width_ms = float(first["to"]) - float(first["from"])
    wait_until(lambda: float((now := viewer.view())["to"]) - float(now["from"]) < 0.999 * width_ms, patience_s=10)
    viewer.page.keyboard.press("0")
    viewer.until("from", first["from"])
    viewer.page.keyboard.press("Escape")
    viewer.page.wait_for_selector("#readout:not([data-row])")
