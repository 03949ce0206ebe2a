"""What tests of the build are given."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from liqgrid.engine.collect.import_csv import import_csv
from liqgrid.engine.store.database import Connection, connected
from tests.conftest import Server, new_database_on
from tests.fault.grids import Bring
from tests.markets import Market


@pytest.fixture
def bring(tmp_path: Path) -> Bring:
    """Import a market by way of a file."""

    def through_file(connection: Connection, rows: Market) -> None:
        import_csv(connection, rows.csv(tmp_path / "bars.csv"))

    return through_file


@pytest.fixture
def other(postgresql_server: Server) -> Iterator[Connection]:
    """A connection to a second migrated database, always plain PostgreSQL, to compare with."""
    with new_database_on(postgresql_server.dsn, postgresql_server.template) as dsn, connected(dsn) as connection:
        yield connection
