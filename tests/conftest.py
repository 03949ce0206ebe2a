"""What all tests share: two real database servers, the recorded market data, and an environment without settings."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from liqgrid.cli.logs import configure_logs
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
    """Remove the settings of the program, so that no test depends on who runs it; compile with bounds checked.

    Logs are those of the program: structlog's own way with a traceback can take minutes over one.
    """
    configure_logs()
    os.environ["NUMBA_BOUNDSCHECK"] = "1"
    os.environ["NUMBA_CACHE_DIR"] = str(Path(sys.prefix) / "numba-checked")
    kept = ("LIQGRID_TEST_", "LIQGRID_TIMESCALE_", MARKET_DATA)
    for name in [name for name in os.environ if name.startswith("LIQGRID_") and not name.startswith(kept)]:
        del os.environ[name]


class FilesByServer(LoadScopeScheduling):  # type: ignore[misc] # xdist is untyped
    """Tests of one file and server stay together in one process, for they share what is served; servers in turn."""

    def _split_scope(self, nodeid: str) -> str:
        path, _, name = nodeid.partition("::")
        return f"{path} {'timescaledb' in name.partition('[')[2]}"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FilesByServer:
    """Say how tests are spread over processes."""
    return FilesByServer(config, log)


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


@dataclass(frozen=True)
class Server:
    """A database server, and the name of its migrated database that tests get copies of.

    A copy takes a tenth of the time of migrating, which nearly every test would do.
    """

    dsn: str
    template: str


@contextmanager
def prepared(dsn: str) -> Iterator[Server]:
    """Yield a server with its template, which nobody may enter: TimescaleDB's scheduler would."""
    with new_database_on(dsn) as made:
        migrate(made)
        template = urlsplit(made).path[1:]
        with psycopg.connect(dsn, autocommit=True) as server:
            server.execute(f"ALTER DATABASE {template} ALLOW_CONNECTIONS false")
            server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [template])
        yield Server(dsn, template)


@contextmanager
def new_database_on(server_dsn: str, template: str = "template0") -> Iterator[str]:
    """Yield the DSN of a new copy of a server's database; drop it afterwards, whoever still uses it."""
    name = f"liqgrid_test_{secrets.token_hex(8)}"
    with psycopg.connect(server_dsn, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        try:
            yield urlsplit(server_dsn)._replace(path=f"/{name}").geturl()
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    """The embedded PostgreSQL; in a folder its user can reach, unlike pytest's own as root."""
    memory = Path("/dev/shm")  # a new database writes 7 MB, so the disk would be half of the time
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 4 << 30
    home = Path(tempfile.mkdtemp(prefix="liqgrid-tests-", dir=memory if roomy else "/tmp"))
    try:
        with (
            embedded_server(home / "postgres", wheel_binaries(home / "bin"), _UNSAFE) as dsn,
            prepared(dsn) as server,
        ):
            yield server
    finally:
        shutil.rmtree(home)


@pytest.fixture(scope="session")
def timescaledb_server() -> Iterator[Server]:
    """A real TimescaleDB: the given one, or one of our own that ends with this process."""
    from tests.servers.timescale import timescale_dsn  # noqa: PLC0415 - ./test --without-timescale needs none of it

    with prepared(timescale_dsn()) as server:
        yield server


@pytest.fixture(scope="session", params=SERVERS)
def database_server(request: pytest.FixtureRequest) -> Server:
    """Each kind of server in turn; where one cannot be had the tests fail."""
    server: Server = request.getfixturevalue(f"{request.param}_server")
    return server


@pytest.fixture(scope="session")
def new_database(database_server: Server) -> NewDatabase:
    """Make further migrated databases, for tests that compare several: ``with new_database() as dsn``."""
    return partial(new_database_on, database_server.dsn, database_server.template)


@pytest.fixture
def database_dsn(database_server: Server) -> Iterator[str]:
    """An empty database of its own."""
    with new_database_on(database_server.dsn) as dsn:
        yield dsn


@pytest.fixture
def migrated_dsn(new_database: NewDatabase) -> Iterator[str]:
    """A database of its own, at this liqgrid's schema."""
    with new_database() as dsn:
        yield dsn


@pytest.fixture
def connection(migrated_dsn: str) -> Iterator[Connection]:
    """A connection to a migrated database of its own."""
    with connected(migrated_dsn) as connection:
        yield connection
