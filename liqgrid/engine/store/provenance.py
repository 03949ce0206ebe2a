"""Whether a database holds real market data or simulated: never both."""

from __future__ import annotations

from liqgrid.engine.market.errors import BadSetting
from liqgrid.engine.store.database import Connection
from liqgrid.sql import queries

_SQL = queries("provenance")


def claim(connection: Connection, *, simulated: bool) -> None:
    """Let the database be for simulated data, or for real; whoever stores rows says first which they are.

    Raises
    ------
    BadSetting
        If it already holds the other kind.
    """
    connection.execute(_SQL["claim"], [simulated])
    row = connection.execute(_SQL["load"]).fetchone()
    if row is None or row[0] is simulated:  # none: another session's row, after this statement's snapshot
        return
    if simulated:
        raise BadSetting(
            "these are SIMULATED data, and this database holds real ones; give a simulated exchange another "
            "LIQGRID_HOME or LIQGRID_DSN"
        )
    raise BadSetting(
        "this database holds SIMULATED data, and these are real; use another LIQGRID_HOME or LIQGRID_DSN for them"
    )
