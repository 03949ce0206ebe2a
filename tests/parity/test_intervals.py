"""One replay of minutes makes the columns of every interval: the same as six replays, each for one of them."""

from __future__ import annotations

import numpy as np

from liqgrid.engine.market.bars import Bars, finest_series
from liqgrid.engine.market.grid import GridColumns
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.rows import OpenInterestRows
from liqgrid.engine.market.tiers import published_tiers
from liqgrid.engine.model.book import empty_book
from liqgrid.engine.model.columns import WantedColumns, closes_of, grid_columns, wanted_columns
from liqgrid.engine.model.inputs import Inputs, chunks, replay_inputs
from liqgrid.engine.model.levels import level_table
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.model.replay import replay
from tests.markets import BITCOIN, market

PARAMETERS = ModelParameters()
LEVELS = level_table(BITCOIN, published_tiers()[BITCOIN][0], PARAMETERS)


def made(inputs: Inputs, wanted: list[WantedColumns]) -> dict[Interval, list[GridColumns]]:
    """Replay from the start, in the chunks a build takes, for these columns."""
    found: dict[Interval, list[GridColumns]] = {columns.interval: [] for columns in wanted}
    book, closes = empty_book(len(PARAMETERS.leverages)), closes_of(wanted, inputs)
    for start, stop in chunks(inputs, [], closes):
        done = replay(book, inputs.replay.rows(start, stop), LEVELS, PARAMETERS, closes[start:stop])
        book = done.book
        for columns in grid_columns(done.snapshots, start, wanted, inputs):
            found[columns.interval].append(columns)
    return found


def bytes_of(parts: list[GridColumns]) -> dict[str, bytes]:
    names = [name for name in GridColumns.__slots__ if name != "interval"]
    arrays = {name: [getattr(part, name) for part in parts] for name in names}
    return {name: np.concatenate(each, axis=int(each[0].ndim > 1)).tobytes() for name, each in arrays.items()}


def test_one_replay_gives_what_six_would() -> None:
    minutes = market(3 * 1440, Interval.M1, seed=4, start="2024-06-21T00:00:00Z")
    prices = [minutes.columns[name] for name in ("open", "high", "low", "close", "volume")]
    series = finest_series([Bars(Interval.M1, minutes.open_ms, *prices)])
    interest = OpenInterestRows(series.close_ms, minutes.columns["oi_close"])
    inputs = replay_inputs(series, [], interest, empty_book(1))
    wanted = wanted_columns(inputs, -1, {})
    together = made(inputs, wanted)
    assert {str(interval): sum(map(len, parts)) for interval, parts in together.items()} == {
        "1m": 4320, "5m": 864, "15m": 288, "1h": 72, "4h": 18, "1d": 3,
    }  # fmt: skip
    for columns in wanted:
        alone = made(inputs, [columns])[columns.interval]
        assert bytes_of(alone) == bytes_of(together[columns.interval]), columns.interval
