"""What tests of the build and of the embedded server are given."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from liqgrid.engine.collect.import_csv import import_csv
from liqgrid.engine.store.database import Connection, connected
from liqgrid.engine.store.embedded import stop_server
from liqgrid.engine.store.programs import ServerBinaries, wheel_binaries
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


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that the server's user can reach, unlike pytest's own as root."""
    folder = Path(tempfile.mkdtemp(prefix="liqgrid home ", dir="/tmp"))
    yield folder
    for data in (path.with_suffix("") for path in folder.glob("**/*.major")):
        stop_server(data)
    shutil.rmtree(folder)


@pytest.fixture
def binaries(home: Path) -> ServerBinaries:
    return wheel_binaries(home / "bin")
