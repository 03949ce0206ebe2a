"""Readable by everybody: phone, dark, light, and the rules of axe-core."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser

from tests.api.served import Api
from tests.page.conftest import SCREENSHOTS
from tests.page.viewer import Viewer

SCREENS: dict[str, dict[str, Any]] = {
    "desktop-dark": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark"},
    "desktop-light": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"},
    "phone-dark": {
        "viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "is_mobile": True, "has_touch": True,
        "device_scale_factor": 2,
    },
    "phone-light": {
        "viewport": {"width": 360, "height": 740}, "color_scheme": "light", "is_mobile": True, "has_touch": True,
    },
}  # fmt: skip


@pytest.fixture(params=SCREENS)
def somebody(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[tuple[str, Viewer]]:
    context = chromium.new_context(**SCREENS[request.param], bypass_csp=True)  # axe is run by evaluating it
    viewer = Viewer(context, SCREENSHOTS)
    yield request.param, viewer
    context.close()
    viewer.nothing_went_wrong()


def test_contrast_labels_and_width(api: Api, somebody: tuple[str, Viewer]) -> None:
    name, viewer = somebody
    viewer.open(api)
    viewer.is_settled()
    viewer.page.wait_for_selector("#clusters button")
    viewer.keep(name)
    if name.startswith("phone"):
        viewer.page.locator("#more").click()
        viewer.keep(f"{name}-controls")
    viewer.page.locator("#clusters button").first.click()
    viewer.page.wait_for_selector("#clusters .parts")
    found = Axe().run(viewer.page)
    assert found.violations_count == 0, found.generate_report()
    width = viewer.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]


def test_theme_can_be_chosen_and_is_kept(api: Api, viewer: Viewer) -> None:
    viewer.open(api)
    dark = viewer.page.evaluate("getComputedStyle(document.body).backgroundColor")
    viewer.page.locator("#theme").click()
    light = viewer.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert light != dark
    viewer.open(api)
    assert viewer.page.evaluate("getComputedStyle(document.body).backgroundColor") == light
    viewer.page.locator("#theme").click()
