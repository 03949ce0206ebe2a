"""The database a verb works on: the one LIQGRID_DSN names, else liqgrid's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from liqgrid.cli.progress import progress
from liqgrid.cli.settings import Settings
from liqgrid.engine.market.errors import BadSetting
from liqgrid.engine.store.database import Connection, address, connected
from liqgrid.engine.store.embedded import embedded_server
from liqgrid.engine.store.migrate import check_schema
from liqgrid.engine.store.programs import wheel_binaries


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """Yield the DSN of the database; liqgrid's own is started if need be, and stopped with its last user.

    Raises
    ------
    BadSetting
        If liqgrid's own cannot live in the home.
    StoreUnavailable
        If it cannot be started.
    """
    if settings.dsn is not None:
        yield settings.dsn
        return
    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadSetting(
            f"LIQGRID_HOME was {settings.home}, which cannot be made a folder: {error.strerror}"
        ) from error
    with ExitStack() as leaving:
        with progress("starting the database"):
            binaries = wheel_binaries(settings.home / "bin")
            dsn = leaving.enter_context(embedded_server(settings.home / "postgres", binaries))
        yield dsn


@contextmanager
def migrated(settings: Settings) -> Iterator[Connection]:
    """Yield a connection to the database, whose schema has been checked.

    Raises
    ------
    SchemaTooOld, SchemaTooNew
        If it is not migrated to what this liqgrid needs.
    """
    with database(settings) as dsn, connected(dsn) as connection:
        check_schema(connection)
        yield connection


@contextmanager
def migrated_dsn(settings: Settings) -> Iterator[str]:
    """Yield the DSN of the database, whose schema has been checked; raises as ``migrated``."""
    with database(settings) as dsn:
        with connected(dsn) as connection:
            check_schema(connection)
        yield dsn


def describe(settings: Settings) -> str:
    """Return which database it is, for people, without a password."""
    return f"liqgrid's own in {settings.home}" if settings.dsn is None else address(settings.dsn)
