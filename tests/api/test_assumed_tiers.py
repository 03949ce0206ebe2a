"""Coverage of an instrument whose margin tiers nobody published."""

from __future__ import annotations

from pathlib import Path

from liqgrid.engine.market.instrument import parse_instrument
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.store.database import connected
from tests.api.conftest import put
from tests.api.served import serving
from tests.conftest import NewDatabase
from tests.markets import market

QUESTION = '{ grid(pair: "NEW-USDT", interval: M15) { asOf coverage { venues { newest tiersAssumedBefore } } } }'


def test_coverage_says_that_the_tiers_of_every_column_were_assumed(new_database: NewDatabase, tmp_path: Path) -> None:
    instrument = parse_instrument("okx:NEW-USDT")
    rows = market(40, Interval.M15, instrument=instrument)
    with new_database() as dsn:
        with connected(dsn) as connection:
            put(connection, rows, tmp_path, instrument)
        with serving(dsn) as api:
            grid = api.ask(QUESTION)["grid"]
    (venue,) = grid["coverage"]["venues"]
    assert venue["tiersAssumedBefore"] == venue["newest"] == grid["asOf"]
