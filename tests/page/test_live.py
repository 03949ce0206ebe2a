"""Columns as they are built, lost connections, and who may look."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn

from liqgrid.api.access import AccessRules, Anonymous
from liqgrid.cli.serve import server_config
from liqgrid.engine.market.api_key import Scope
from liqgrid.engine.store.keys import create_key
from tests.api.served import Api, serving, unpacked
from tests.page.conftest import Venue
from tests.page.test_map import GRID
from tests.page.viewer import Viewer

BUSY = """() => { setTimeout(() => {
  const end = performance.now() + 1000;
  while (performance.now() < end);
}, 0); }"""
LOST = ("WebSocket connection to", "ERR_CONNECTION_REFUSED", "401 (Unauthorized)")


@contextmanager
def watching(venue: Venue, viewer: Viewer, rules: AccessRules | None = None) -> Iterator[Api]:
    """Serve a venue as long as somebody looks."""
    with serving(venue.dsn, rules) as api:
        try:
            yield api
        finally:
            viewer.page.close()


def test_columns_arrive_and_the_map_moves_with_them(venue: Venue, viewer: Viewer) -> None:
    with watching(venue, viewer) as api:
        viewer.open(api)
        viewer.page.wait_for_selector('#live[data-state="live"]')
        before = viewer.view()
        assert int(before["last"]) == venue.newest_ms
        for _ in range(3):
            venue.grow()
            viewer.until("last", venue.newest_ms)
        after = viewer.view()
        assert int(after["columns"]) == int(before["columns"]) + 3
        step = venue.rows.interval.ms
        assert float(after["to"]) - float(before["to"]) == pytest.approx(3 * step, rel=0.01)
        assert (after["low"], after["high"]) == (before["low"], before["high"])
        assert "from=" not in viewer.search()
        same_as_the_api(api, viewer)


def test_a_coin_is_followed_by_its_largest_pair(venue: Venue, viewer: Viewer) -> None:
    with watching(venue, viewer) as api:
        viewer.open(api, "?pair=BTC")
        viewer.page.wait_for_selector('#live[data-state="live"]')
        venue.grow(2)
        viewer.until("last", venue.newest_ms)


@pytest.mark.parametrize("pair", ["BTC", "BTC-USDT"])
def test_the_readout_is_of_what_comes_under_a_pointer_that_rests(venue: Venue, viewer: Viewer, pair: str) -> None:
    with watching(venue, viewer) as api:
        viewer.open(api, f"?pair={pair}")
        viewer.page.wait_for_selector('#live[data-state="live"]')
        box = viewer.page.locator("#chart").bounding_box()
        assert box is not None
        viewer.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 4)
        viewer.page.wait_for_selector("#readout .long")
        time = viewer.page.locator("#readout .time")
        before = time.get_attribute("data-value")
        for count in (1, 3):
            viewer.page.evaluate(BUSY)  # so that what comes meanwhile comes before the next frame
            venue.grow(count)
            viewer.until("last", venue.newest_ms)
        for _ in range(100):
            if time.get_attribute("data-value") != before:
                break
            viewer.page.wait_for_timeout(20)
        assert int(time.get_attribute("data-value") or 0) > int(before or 0)


def test_columns_made_anew_take_the_place_of_others(venue: Venue, viewer: Viewer) -> None:
    with watching(venue, viewer) as api:
        viewer.open(api)
        viewer.page.wait_for_selector('#live[data-state="live"]')
        venue.grow()
        viewer.until("last", venue.newest_ms)
        old = read_newest(viewer)
        venue.correct(venue.stored - 3)
        venue.grow()
        viewer.until("last", venue.newest_ms)
        same_as_the_api(api, viewer)
        viewer.page.keyboard.press("ArrowLeft")
        assert viewer.readout()["time"] == old["time"]
        assert viewer.readout() != old


def read_newest(viewer: Viewer) -> dict[str, float | None]:
    """Put the crosshair on the newest column, well above the price; return what is read there."""
    viewer.page.locator("#chart").focus()
    viewer.page.keyboard.press("Escape")
    for _ in range(30):
        viewer.page.keyboard.press("ArrowUp")
    return viewer.readout()


def same_as_the_api(api: Api, viewer: Viewer) -> None:
    """Assert that the newest column holds what the API says of it, in the rows of the page."""
    shown, read = viewer.view(), read_newest(viewer)
    edges = {"low": float(shown["gridLow"]), "high": float(shown["gridHigh"])}
    grid = api.ask(GRID, interval=shown["interval"], last=1, rows=int(shown["rows"]), **edges)["grid"]
    row = int(viewer.page.locator("#readout").get_attribute("data-row") or -1)
    assert read["time"] == unpacked(grid["times"])[0]
    assert read["short"] == unpacked(grid["short"])[0, row] > 0


@contextmanager
def serving_at(dsn: str, port: int) -> Iterator[int]:
    """Serve on a port, 0 for any; yield it."""
    config = server_config(dsn, AccessRules())
    config.port, config.log_level, config.timeout_graceful_shutdown = port, "critical", 1
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


def test_a_lost_connection_is_shown_and_resumed_where_it_was(venue: Venue, viewer: Viewer) -> None:
    viewer.expected = LOST
    with serving_at(venue.dsn, 0) as port:
        viewer.page.goto(f"http://127.0.0.1:{port}/")
        viewer.page.wait_for_selector('#live[data-state="live"]')
        venue.grow()
        viewer.until("last", venue.newest_ms)
    viewer.page.wait_for_selector('#live[data-state="lost"]')
    assert "lost" in viewer.page.locator("#live").inner_text()
    viewer.keep("lost")
    venue.grow(3)
    asked = len([request for request in viewer.asked if "Heatmap" in (request.post_data or "")])
    with serving_at(venue.dsn, port):
        viewer.page.wait_for_selector('#live[data-state="live"]')
        viewer.until("last", venue.newest_ms)
        again = [request for request in viewer.asked if "Heatmap" in (request.post_data or "")]
        assert len(again) == asked  # what was missed came by the cursor, not by loading all of it
        viewer.page.close()


def test_a_key_is_asked_for_and_never_in_an_address(venue: Venue, viewer: Viewer) -> None:
    viewer.expected = LOST
    key = create_key(venue.connection, "somebody", [Scope.READ, Scope.STREAM], 600, 60_000)
    with watching(venue, viewer, AccessRules(anonymous=Anonymous.NOBODY)) as api:
        viewer.page.goto(str(api.client.base_url))
        viewer.page.wait_for_selector("#key-dialog[open]")
        viewer.keep("key")
        viewer.page.locator("#key").fill(key)
        viewer.page.keyboard.press("Enter")
        viewer.page.wait_for_selector("#chart[data-from]")
        viewer.page.wait_for_selector('#live[data-state="live"]')
        venue.grow()
        viewer.until("last", venue.newest_ms)  # the key opened the WebSocket as well
        assert viewer.page.evaluate("sessionStorage.length + localStorage.length") == 1
        asked = [request for request in viewer.asked if request.url.endswith("/graphql")]
        assert asked[-1].headers["x-api-key"] == key
        assert not any(key in request.url for request in viewer.asked)


def test_a_market_that_is_not_real_says_so_in_large_letters(venue: Venue, viewer: Viewer) -> None:
    venue.connection.execute("UPDATE provenance SET simulated = true")
    with watching(venue, viewer) as api:
        viewer.open(api)
        sign = viewer.page.locator("#simulated strong")
        assert sign.inner_text() == "SIMULATED"
        assert sign.evaluate("(one) => parseFloat(getComputedStyle(one).fontSize)") >= 24
        viewer.is_settled()
        viewer.keep("simulated")
