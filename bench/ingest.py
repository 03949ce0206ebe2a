"""What raw ingest costs, against the least it can cost: ``python -m bench.ingest [--rows N] [--rounds N]``.

Made-up 1m bars (open, high, low, close, volume) go into the table ``bar`` of a fresh embedded server with its default
settings, three ways in turn, each in one transaction and into the empty table with all its constraints:

- ``copy``: bare binary COPY of bytes that PostgreSQL itself wrote beforehand, the measure of the others
- ``save``: ``save_rows`` of arrays, which encodes them
- ``import``: ``import_csv`` of a CSV file, which also hashes, reads and checks it and looks for gaps

The ratio is the median over the rounds of each round's own ratio, so that a machine that is slow for a while is slow
for all. After every way the table is compared with the rows that went in.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path

from bench.ways import fresh_database, in_turn, median_rate, share_of_copy
from liqgrid.engine.collect.import_csv import import_csv
from liqgrid.engine.collect.own_csv import read_whole
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.store.database import Connection
from liqgrid.engine.store.raw import ensure_instrument, save_rows
from tests.markets import BITCOIN, Market, market

GOAL = 0.8  # of bare COPY, DESIGN.md §7
COLUMNS = "open", "high", "low", "close", "volume"
FIELDS = 'instrument_id, "interval", price_type, ts, open, high, low, close, volume_base'


def check(connection: Connection, rows: Market) -> None:
    """Assert that the table holds these rows and nothing else."""
    found = connection.execute(
        "SELECT count(*), sum(extract(epoch FROM ts)) * 1000, sum(high), sum(low), sum(close), sum(volume_base), "
        "max(high), min(low), count(taker_buy_volume_base) FROM bar"
    ).fetchone()
    assert found is not None
    columns = rows.columns
    sums = [math.fsum(columns[name]) for name in ("high", "low", "close", "volume")]
    assert (found[0], int(found[1])) == (len(rows), int(rows.open_ms.sum()))
    assert all(math.isclose(a, b, rel_tol=1e-9) for a, b in zip(found[2:6], sums, strict=True)), (found, sums)
    assert found[6:] == (columns["high"].max(), columns["low"].min(), 0)


def prepare(connection: Connection, rows: Market, path: Path) -> dict[str, Callable[[], object]]:
    """Return the ways in."""
    source = rows.csv(path)
    arrays = read_whole(source)
    instrument_id = ensure_instrument(connection, BITCOIN).instrument_id

    def save() -> None:
        with connection.transaction():
            save_rows(connection, instrument_id, arrays)

    def copy() -> None:
        with (
            connection.transaction(),
            connection.cursor() as cursor,
            cursor.copy(f"COPY bar ({FIELDS}) FROM STDIN (FORMAT binary)") as into,
        ):
            into.write(encoded)

    save()
    with connection.cursor() as cursor, cursor.copy(f"COPY bar ({FIELDS}) TO STDOUT (FORMAT binary)") as out:
        encoded = b"".join(bytes(block) for block in out)
    return {"copy": copy, "save": save, "import": lambda: import_csv(connection, source)}


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    rows = market(chosen.rows, Interval.M1).only(*COLUMNS)
    with fresh_database() as (connection, _, home):
        ways = prepare(connection, rows, home / "bars.csv")
        seconds = in_turn(connection, ways, chosen.rounds, lambda: check(connection, rows))
    print(f"{chosen.rows} bars, {chosen.rounds} rounds\n\nway      median rows/s  of bare COPY (goal {GOAL:g})")
    for name, took in seconds.items():
        print(f"{name:8} {median_rate(chosen.rows, took):13.0f}  {share_of_copy(seconds['copy'], took):.2f}")


if __name__ == "__main__":
    main()
