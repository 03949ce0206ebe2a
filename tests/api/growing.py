"""A database whose grid grows as a test says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from liqgrid.engine.build import build_instrument
from liqgrid.engine.collect.import_csv import import_csv
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.store.database import Connection, connected
from liqgrid.engine.store.raw import list_instruments
from tests.conftest import NewDatabase
from tests.markets import BITCOIN, Market, market

PARAMETERS = ModelParameters(modelled_share=0.8)
STEP_MS = Interval.M15.ms
FIRST = 40  # bars there are when a test begins


@dataclass
class Venue:
    """A database whose grid grows as a test says; ``stored`` bars so far."""

    dsn: str
    connection: Connection
    folder: Path
    rows: Market = field(repr=False)
    stored: int = 0

    def put(self, rows: Market) -> None:
        import_csv(self.connection, rows.csv(self.folder / "rows.csv"))
        for stored in list_instruments(self.connection):
            if stored.instrument == BITCOIN:
                build_instrument(self.connection, stored, PARAMETERS)

    def grow(self, bars: int = 1) -> list[int]:
        """Store and build the next bars; return the closes of their columns."""
        rows = self.rows.rows(slice(self.stored, self.stored + bars))
        self.put(rows)
        self.stored += bars
        return [int(ms) + STEP_MS for ms in rows.open_ms]

    def correct(self, bar: int) -> list[int]:
        """Correct one bar's volume; return the closes of the columns that change."""
        self.rows = self.rows.changed("volume", bar, float(self.rows.columns["volume"][bar]) * 3 + 1)
        self.put(self.rows.rows([bar]))
        return [int(ms) + STEP_MS for ms in self.rows.open_ms[bar : self.stored]]

    @property
    def newest_ms(self) -> int:
        return int(self.rows.open_ms[self.stored - 1]) + STEP_MS


@contextmanager
def growing(new_database: NewDatabase, folder: Path) -> Iterator[Venue]:
    """Yield a database of its own with the first bars stored and built."""
    with new_database() as dsn, connected(dsn) as connection:
        venue = Venue(dsn, connection, folder, market(1000, Interval.M15, seed=5))
        venue.grow(FIRST)
        yield venue
