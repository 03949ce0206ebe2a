"""A day of columns in a tab that stays open, and the page of `liqgrid up --demo` to somebody who just started it."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, BrowserContext, CDPSession

from liqgrid.engine.market.interval import Interval
from liqgrid.engine.store.database import connected
from liqgrid.engine.store.embedded import stop_server
from tests.api.served import serving
from tests.cli.conftest import Liqgrid
from tests.cli.processes import wait_until
from tests.conftest import NewDatabase
from tests.markets import market
from tests.page.conftest import SCREENSHOTS, START, Venue
from tests.page.viewer import Viewer

MINUTES_A_DAY = 1440
BEFORE = 1000  # columns there are when the tab is opened, more than it shows
WARM = 240  # columns after which memory is taken as what the page needs
AT_ONCE = 4
GROWTH = 1.2
NEWCOMER_S = 15

pytestmark = pytest.mark.soak


def heap_bytes(session: CDPSession) -> float:
    """Return what the page's script holds on to."""
    for _ in range(2):
        session.send("HeapProfiler.collectGarbage")
    metrics = session.send("Performance.getMetrics")["metrics"]
    return float(next(one["value"] for one in metrics if one["name"] == "JSHeapUsedSize"))


def renderer_bytes() -> int:
    """Return the memory of the processes that draw pages, this test's being the only page."""
    found = 0
    for process in psutil.Process().children(recursive=True):
        if "--type=renderer" in process.cmdline():
            found += process.memory_info().rss
    return found


def test_a_day_of_columns_leaves_no_memory_behind(
    plain_database: NewDatabase, tmp_path: Path, desktop: BrowserContext
) -> None:
    rows = market(BEFORE + MINUTES_A_DAY, Interval.M1, seed=11, start=START)
    with plain_database() as dsn, connected(dsn) as connection:
        venue = Venue(dsn, connection, tmp_path, rows)
        venue.grow(BEFORE)
        with serving(dsn) as api:
            viewer = Viewer(desktop, SCREENSHOTS)
            viewer.open(api, "?interval=M1&range=12h")
            session = desktop.new_cdp_session(viewer.page)
            session.send("Performance.enable")
            warm = (0.0, 0)
            for grown in range(AT_ONCE, MINUTES_A_DAY + 1, AT_ONCE):
                venue.grow(AT_ONCE)
                viewer.until("last", venue.newest_ms)
                if grown == WARM:
                    warm = heap_bytes(session), renderer_bytes()
            viewer.is_settled()
            end = heap_bytes(session), renderer_bytes()
            shown = viewer.view()
            viewer.keep("after-a-day")
            viewer.page.close()
    sys.stdout.write(
        f"script {warm[0] / 1e6:.1f} → {end[0] / 1e6:.1f} MB, process {warm[1] / 1e6:.0f} → {end[1] / 1e6:.0f} MB\n"
    )
    assert int(shown["columns"]) <= 1.3 * 720
    assert end[0] <= GROWTH * warm[0]
    assert end[1] <= GROWTH * warm[1]
    viewer.nothing_went_wrong()


def test_a_newcomer_sees_a_map_soon(chromium: Browser) -> None:
    started = time.monotonic()
    liqgrid = Liqgrid(Path(tempfile.mkdtemp(prefix="liqgrid demo ", dir="/tmp")))
    try:
        address = liqgrid.start("up", "--demo", "--port", "0").wait_until_served()
        context = chromium.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark")
        viewer = Viewer(context, SCREENSHOTS)
        viewer.page.goto(address)
        viewer.page.wait_for_selector("#chart[data-from]")
        seen_s = time.monotonic() - started
        viewer.is_settled()
        viewer.page.wait_for_selector("#clusters button")
        assert viewer.page.locator("#simulated strong").inner_text() == "SIMULATED"
        viewer.keep("demo")
        context.close()
    finally:
        liqgrid.end_all()
        wait_until(lambda: stop_server(liqgrid.home / "demo" / "postgres"))
        shutil.rmtree(liqgrid.home)
    sys.stdout.write(f"a map {seen_s:.1f} s after `liqgrid up --demo`\n")
    assert seen_s <= NEWCOMER_S
    viewer.nothing_went_wrong()
