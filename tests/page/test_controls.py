"""Every control changes what it says, and the address holds it all."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page

from tests.api.served import Api, unpacked
from tests.page.test_map import GRID, hover
from tests.page.viewer import Viewer

Act = Callable[[Page], object]


def choose(group: str, value: str) -> Act:
    return lambda page: page.locator(f'#{group} input[value="{value}"]').check(force=True)


def select(name: str, value: str) -> Act:
    return lambda page: page.locator(f"#{name}").select_option(value)


CONTROLS: list[tuple[str, Act, str, dict[str, str]]] = [
    ("range", choose("range", "1w"), "1w", {"interval": "H1", "columns": "168"}),
    ("range", choose("range", "12h"), "12h", {"interval": "M15", "columns": "48"}),
    ("interval", select("interval", "H4"), "H4", {"interval": "H4", "columns": "18"}),
    ("pair", select("pair", "BTC"), "BTC", {"unit": "USD", "columns": "288"}),
]


def test_what_is_loaded(api: Api, viewer: Viewer) -> None:
    viewer.open(api)
    for name, act, value, shown in CONTROLS:
        act(viewer.page)
        for one, expected in shown.items():
            viewer.until(one, expected)
        assert parse_qs(viewer.search())[name] == [value]
        if value == "BTC":
            assert viewer.page.locator("#legend-high").inner_text().endswith(" USD")  # a coin is counted in dollars
        viewer.page.go_back()
        viewer.until("columns", "288")
        assert parse_qs(viewer.search()).get(name) in (None, ["BTC-USDT"])


def test_venues_are_summed_as_chosen(api: Api, viewer: Viewer) -> None:
    viewer.open(api)
    both = hover(viewer, 0.5, 0.2)
    viewer.page.locator("#venues summary").click()
    with viewer.page.expect_response(lambda response: response.url.endswith("/graphql")):
        viewer.page.locator('#venue-list input[value="bybit"]').uncheck()
    assert parse_qs(viewer.search())["venues"] == ["binance"]
    viewer.page.wait_for_selector("#chart:not([aria-busy])")
    viewer.page.keyboard.press("Escape")
    viewer.page.mouse.move(5, 5)
    one = hover(viewer, 0.5, 0.2)
    grid = api.ask(GRID, interval="M15", last=288, rows=300, venues=["binance"])["grid"]
    t = int(np.flatnonzero(unpacked(grid["times"]) == one["time"])[0])
    row = int(viewer.page.locator("#readout").get_attribute("data-row") or -1)
    assert one["short"] == unpacked(grid["short"])[t, row]
    assert one["short"] != both["short"]


def lightness(viewer: Viewer) -> NDArray[np.float64]:
    """Return the map's part of the chart as (height, width), 0 to 1."""
    viewer.page.mouse.move(5, 5)
    pixels = viewer.pixels()
    map_part = pixels[: int(0.55 * len(pixels)), : int(0.8 * pixels.shape[1])]
    return np.asarray(map_part.mean(axis=2), dtype=np.float64)


def test_colours(api: Api, viewer: Viewer) -> None:
    viewer.open(api)
    before, legend = lightness(viewer), viewer.page.locator("#legend-low").inner_text()
    viewer.page.locator("#sensitivity").fill("95")
    assert parse_qs(viewer.search())["sensitivity"] == ["95"]
    revealed = lightness(viewer)
    assert revealed.mean() > before.mean() + 0.05  # smaller clusters come to light
    assert viewer.page.locator("#legend-low").inner_text() != legend
    choose("colour", "linear")(viewer.page)
    assert parse_qs(viewer.search())["colour"] == ["linear"]
    assert (np.abs(lightness(viewer) - revealed) > 0.02).mean() > 0.1


def test_sides_are_told_apart(api: Api, viewer: Viewer) -> None:
    viewer.open(api)
    choose("side", "long")(viewer.page)
    only_longs = lightness(viewer)
    assert parse_qs(viewer.search())["side"] == ["long"]
    choose("side", "short")(viewer.page)
    only_shorts = lightness(viewer)
    top, bottom = slice(0, 40), slice(-40, None)
    assert only_shorts[top].mean() > 2 * only_longs[top].mean()
    assert only_longs[bottom].mean() > 2 * only_shorts[bottom].mean()
    choose("side", "apart")(viewer.page)
    viewer.page.mouse.move(5, 5)
    apart = viewer.pixels()
    height = int(0.55 * len(apart))
    assert apart[:40, :600, 2].mean() > 1.5 * apart[:40, :600, 0].mean()  # shorts are blue
    assert apart[height - 40 : height, :600, 0].mean() > 1.2 * apart[height - 40 : height, :600, 2].mean()  # longs red
    viewer.keep("apart")


def test_the_address_restores_the_view(api: Api, viewer: Viewer) -> None:
    viewer.open(api, "?side=apart&colour=linear&sensitivity=80&venues=binance&interval=H1&range=1w")
    viewer.page.locator("#chart").focus()
    for key in ("Shift+ArrowUp", "Shift+ArrowLeft", "Shift+ArrowLeft"):
        viewer.page.keyboard.press(key)
    viewer.page.wait_for_url("**from=**")
    viewer.is_settled()
    viewer.page.locator("#chart").blur()
    hover(viewer, 0.5, 0.3)
    viewer.page.keyboard.down("Shift")
    viewer.page.mouse.wheel(0, -700)  # far closer, so that finer rows come
    viewer.page.keyboard.up("Shift")
    viewer.is_settled()
    shown, picture = viewer.view(), lightness(viewer)
    address = viewer.search()
    viewer.page.goto("about:blank")
    viewer.open(api, f"?{address}")
    again = viewer.view()
    for name in ("from", "to", "low", "high"):
        span = float(shown["to"]) - float(shown["from"]) if name in {"from", "to"} else float(shown["high"])
        assert abs(float(again[name]) - float(shown[name])) < span / 1000
    assert viewer.search() == address
    for group, value in (("side", "apart"), ("colour", "linear"), ("range", "1w")):
        assert viewer.page.locator(f'#{group} input[value="{value}"]').is_checked()
    assert viewer.page.locator("#sensitivity").input_value() == "80"
    viewer.is_settled()
    assert (np.abs(lightness(viewer) - picture) > 0.1).mean() < 0.01


def test_nonsense_in_the_address_is_not_believed(api: Api, viewer: Viewer) -> None:
    viewer.open(
        api, "?pair=<b>&interval=M2&range=9y&side=up&sensitivity=x&venues=mars&from=never&to=2024-07-01&low=-1&high=0"
    )
    assert viewer.view()["columns"] == "288"
    assert viewer.page.locator("#pair").input_value() == "BTC-USDT"
