"""Every path of REST. The routes, what they take, and the OpenAPI document are all made of this table."""

from __future__ import annotations

from liqgrid.api.rest.endpoint import Endpoint
from liqgrid.api.rest.export import grid_export, series_export
from liqgrid.api.rest.grids import grid_endpoint
from liqgrid.api.rest.pictures import Pictures
from liqgrid.api.rest.questions import question

# Series by their name in a path: GraphQL's question, and what its rows are.
SERIES = {
    "bars": ("bars", "Closed bars of one venue, stamped with their open."),
    "open-interest": ("openInterest", "Open interest samples of one venue, one side, in base currency."),
    "funding-rates": ("fundingRates", "Funding rates of one venue, fractions of notional; above 0 longs pay shorts."),
    "long-short-ratios": ("longShortRatios", "Accounts net long / accounts net short of one venue."),
    "liquidations": ("liquidations", "Single realised liquidations of one venue, in base currency: a floor."),
    "liquidation-bars": ("liquidationBars", "Realised liquidations of one venue, summed over intervals: a floor."),
}


def endpoints() -> tuple[Endpoint, ...]:
    """Return the paths of REST, for one application."""
    return (
        question("/v1/pairs", "pairs", "Pairs by name; as a table, their instruments.", rows="items.instruments"),
        question("/v1/pairs/{symbol}", "pair", "One stored pair.", rows="instruments"),
        grid_endpoint(Pictures()),
        question(
            "/v1/clusters/{pair}", "topClusters", "The densest price ranges of a column, largest notional first.",
            rows="clusters", of_build=True,
        ),
        question(
            "/v1/exposure/{pair}", "exposure", "Both sides of a column within distances of the price; as a table, the "
            "distances.", rows="bands", of_build=True,
        ),
        question(
            "/v1/cascade/{pair}", "cascade", "What a move to a price, or along a path, liquidates; as a table, bin by "
            "bin in order.", columns="steps", of_build=True,
        ),
        question(
            "/v1/stop-zones/{pair}", "stopZones", "Price ranges near the price that are clear of dense clusters.",
            rows="zones", of_build=True,
        ),
        *(question(f"/v1/{path}/{{pair}}", name, summary) for path, (name, summary) in SERIES.items()),
        question("/v1/skill/{pair}", "skill", "What the map knew beyond a price chart.", rows="items"),
        question("/v1/status", "status", "The server and what it holds.", rows="instruments"),
        grid_export("/v1/export/grids/{pair}"),
        *(
            series_export(f"/v1/export/{path}/{{pair}}", name, f"All of it: {summary}")
            for path, (name, summary) in SERIES.items()
        ),
    )  # fmt: skip
