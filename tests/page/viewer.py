"""Somebody who looks at the page, and notes what no page may do."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import matplotlib.image
import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request

from tests.api.served import Api

PATIENCE_MS = 20_000
DRAWN = "#chart[data-from]"


class Viewer:
    """One browser tab."""

    def __init__(self, context: BrowserContext, screenshots: Path) -> None:
        self._screenshots = screenshots
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.wrong: list[str] = []
        self.asked: list[Request] = []
        self.expected: tuple[str, ...] = ()  # what of it a test brings about itself
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.wrong.append(f"uncaught: {error.stack}"))
        self.page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.wrong.append(f"console {message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        self.asked.append(request)
        if urlsplit(request.url).hostname not in {"127.0.0.1", None}:
            self.wrong.append(f"off-host: {request.url}")

    def nothing_went_wrong(self) -> None:
        wrong = [line for line in self.wrong if not any(part in line for part in self.expected)]
        assert not wrong, "\n".join(wrong)

    def open(self, api: Api, search: str = "") -> None:
        """Load the page and wait until the map is drawn."""
        self.page.goto(str(api.client.base_url) + "/" + search)
        self.page.wait_for_selector(DRAWN)

    def view(self) -> dict[str, str]:
        """Return what the page says it shows."""
        return dict(json.loads(self.page.evaluate("JSON.stringify(document.getElementById('chart').dataset)")))

    def until(self, name: str, value: object) -> None:
        """Wait until the page says it shows this."""
        self.page.wait_for_selector(f'#chart[data-{name}="{value}"]')

    def search(self) -> str:
        """Return the query part of the address."""
        return urlsplit(self.page.url).query

    def readout(self) -> dict[str, float | None]:
        """Return the exact numbers under the crosshair by name."""
        texts: list[list[str]] = self.page.locator("#readout [data-value]").evaluate_all(
            "all => all.map((one) => [one.classList[one.classList.length - 1], one.dataset.value])"
        )
        return {name: float(value) if value else None for name, value in texts}

    def values(self, selector: str) -> list[float]:
        """Return the exact numbers behind what is written in these elements."""
        texts: list[str] = self.page.locator(selector).evaluate_all("all => all.map((one) => one.dataset.value)")
        return [float(text) for text in texts]

    def is_settled(self) -> None:
        """Wait until nothing is on its way to the map, and it is drawn."""
        self.page.wait_for_selector("#chart[data-marks]:not([aria-busy])")
        self.page.evaluate("new Promise((seen) => requestAnimationFrame(() => requestAnimationFrame(seen)))")

    def keep(self, name: str, *, whole: bool = False) -> None:
        """Keep a screenshot for people."""
        self.page.screenshot(path=self._screenshots / f"{name}.png", full_page=whole)

    def pixels(self) -> NDArray[np.float64]:
        """Return the chart as (height, width, 3), 0 to 1."""
        picture = self.page.locator("#chart").screenshot()
        return np.asarray(matplotlib.image.imread(io.BytesIO(picture), format="png")[..., :3], dtype=np.float64)

    def box(self) -> dict[str, Any]:
        """Return where the chart is."""
        found = self.page.locator("#chart").bounding_box()
        assert found is not None
        return dict(found)
