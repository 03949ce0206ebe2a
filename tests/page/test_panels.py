"""What stands beside the map: the API's numbers, framed on the map when chosen."""

from __future__ import annotations

import numpy as np

from tests.api.served import Api
from tests.page.viewer import Viewer

MOMENT = """{
  topClusters(pair: "BTC-USDT", interval: M15) { clusters { notional composition { leverage { leverage share } } } }
  exposure(pair: "BTC-USDT", interval: M15) { bands { long short } }
  stopZones(pair: "BTC-USDT", interval: M15, limit: 8) { zones { notional } }
  skill(pair: "BTC-USDT") { mean }
  grid(pair: "BTC-USDT", interval: M15, last: 1, rows: 2) { coverage { modelledShare unplacedShare } }
}"""


def test_numbers_are_those_of_the_api(api: Api, viewer: Viewer) -> None:
    viewer.open(api)
    viewer.page.wait_for_selector("#clusters button")
    viewer.page.wait_for_selector("#skill .facts")
    told = api.ask(MOMENT)
    assert viewer.values("#clusters button") == [one["notional"] for one in told["topClusters"]["clusters"]]
    bands = [band[side] for band in told["exposure"]["bands"] for side in ("long", "short")]
    assert viewer.values("#exposure td") == bands
    assert viewer.values("#zones button") == [zone["notional"] for zone in told["stopZones"]["zones"]]
    assert viewer.values("#skill [data-value]") == [skill["mean"] for skill in told["skill"]]
    covered = told["grid"]["coverage"]
    assert viewer.values("#coverage [data-value]") == [covered["modelledShare"], covered["unplacedShare"]]
    assert viewer.page.locator("#signals li").count() >= 3
    assert "days old" in viewer.page.locator("#coverage").inner_text()  # this market ended long ago


def test_a_chosen_cluster_is_framed_and_says_what_it_is_made_of(api: Api, viewer: Viewer) -> None:
    viewer.open(api)
    viewer.is_settled()
    before = viewer.pixels()
    viewer.page.locator("#clusters button").first.click()
    viewer.page.wait_for_selector("#clusters .parts")
    parts = api.ask(MOMENT)["topClusters"]["clusters"][0]["composition"]["leverage"]
    shown = [f"{part['leverage']:g}x" for part in parts if part["share"] >= 0.005]
    assert viewer.page.locator("#clusters .parts").first.locator("li > span:first-child").all_inner_texts() == shown
    assert viewer.page.evaluate("document.activeElement.closest('#clusters') !== null")  # a keyboard goes on from here
    viewer.is_settled()
    framed = viewer.pixels()
    assert (np.abs(framed - before).max(axis=2) > 0.3).sum() > 500
    viewer.keep("cluster")
    viewer.page.locator("#clusters button").first.click()
    viewer.is_settled()
    assert (np.abs(viewer.pixels() - before).max(axis=2) > 0.3).sum() < 500
    viewer.page.locator("#zones button").first.click()
    assert viewer.page.locator("#zones button").first.get_attribute("aria-pressed") == "true"
    viewer.is_settled()
    assert (np.abs(viewer.pixels() - before).max(axis=2) > 0.3).sum() > 500
