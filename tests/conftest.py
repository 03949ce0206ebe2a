"""What all tests share: two real database servers, the recorded market data, and an environment without settings."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from liqgrid.engine.store.database import Connection, connected
from liqgrid.engine.store.embedded import embedded_server
from liqgrid.engine.store.migrate import migrate
from liqgrid.engine.store.programs import wheel_binaries

WITHOUT_TIMESCALE = "LIQGRID_TEST_WITHOUT_TIMESCALE"
MARKET_DATA = "LIQGRID_MARKET_DATA"
SERVERS = ["postgresql"] if os.environ.get(WITHOUT_TIMESCALE) else ["postgresql", "timescaledb"]
_UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

NewDatabase = Callable[[], AbstractContextManager[str]]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="rewrite the golden files; say in CHANGELOG.md why the new numbers are more right",
    )


def pytest_configure() -> None:
    """Remove the settings of the program, so that no test depends on who runs it; compile with bounds checked."""
    os.environ["NUMBA_BOUNDSCHECK"] = "1"
    os.environ["NUMBA_CACHE_DIR"] = str(Path(sys.prefix) / "numba-checked")
    kept = ("LIQGRID_TEST_", "LIQGRID_TIMESCALE_", MARKET_DATA)
    for name in [name for name in os.environ if name.startswith("LIQGRID_") and not name.startswith(kept)]:
        del os.environ[name]


@pytest.fixture(scope="session")
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(scope="session")
def market_data() -> Path:
    """The folder of recorded market data."""
    folder = os.environ.get(MARKET_DATA)
    if not folder:
        pytest.skip(f"needs recorded market data: {MARKET_DATA} is not set")
    return Path(folder).resolve(strict=True)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The embedded PostgreSQL; in a folder its user can reach, unlike pytest's own as root."""
    memory = Path("/dev/shm")  # a new database writes 7 MB, so the disk would be half of the time
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 4 << 30
    home = Path(tempfile.mkdtemp(prefix="liqgrid-tests-", dir=memory if roomy else "/tmp"))
    try:
        with embedded_server(home / "postgres", wheel_binaries(home / "bin"), _UNSAFE) as dsn:
            yield dsn
    finally:
        shutil.rmtree(home)


@pytest.fixture(scope="session")
def timescaledb_server() -> str:
    """A real TimescaleDB: the given one, or one of our own that ends with this process."""
    from tests.servers.timescale import timescale_dsn  # noqa: PLC0415 - ./test --without-timescale needs none of it

    return timescale_dsn()


@contextmanager
def new_database_on(server_dsn: str) -> Iterator[str]:
    """Yield the DSN of an empty database on a server, and drop it afterwards, whoever still uses it."""
    name = f"liqgrid_test_{secrets.token_hex(8)}"
    with psycopg.connect(server_dsn, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield urlsplit(server_dsn)._replace(path=f"/{name}").geturl()
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session", params=SERVERS)
def database_server(request: pytest.FixtureRequest) -> str:
    """Each kind of server in turn; where one cannot be had the tests fail."""
    dsn: str = request.getfixturevalue(f"{request.param}_server")
    return dsn


@pytest.fixture(scope="session")
def new_database(database_server: str) -> NewDatabase:
    """Make further databases, for tests that compare several: ``with new_database() as dsn``."""
    return partial(new_database_on, database_server)


@pytest.fixture
def database_dsn(new_database: NewDatabase) -> Iterator[str]:
    """An empty database of its own."""
    with new_database() as dsn:
        yield dsn


@pytest.fixture
def migrated_dsn(database_dsn: str) -> str:
    """A database of its own, at this liqgrid's schema."""
    migrate(database_dsn)
    return database_dsn


@pytest.fixture
def connection(migrated_dsn: str) -> Iterator[Connection]:
    """A connection to a migrated database of its own."""
    with connected(migrated_dsn) as connection:
        yield connection
