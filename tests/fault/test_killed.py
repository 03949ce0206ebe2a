"""Readers beside a build, two builds at once, and whoever is killed: nobody sees half a build."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from liqgrid.engine.build import BuildReport, build_instrument
from liqgrid.engine.collect.import_csv import import_csv
from liqgrid.engine.market.errors import StoreUnavailable
from liqgrid.engine.model import inputs as inputs_module
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.store.database import Connection, connected
from liqgrid.engine.store.raw import list_instruments, lock_instrument
from tests.fault.grids import (
    Bring,
    awkward,
    build,
    everything,
    grid_of,
)
from tests.markets import market


def test_readers_see_the_old_grid_until_the_build_is_done(
    connection: Connection, migrated_dsn: str, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs_module, "_CHUNK_BARS", 30)
    rows = market(150)
    bring(connection, rows.rows(slice(0, 100)))
    build(connection)
    bring(connection, rows.shifted(slice(10, 150), 1.1))
    with connected(migrated_dsn) as reader:
        before = everything(reader)
        steps: list[tuple[int, int]] = []

        def look(done: int, total: int) -> None:
            steps.append((done, total))
            assert everything(reader) == before

        (stored,) = list_instruments(connection)
        report = build_instrument(connection, stored, ModelParameters(), look)
        assert report is not None
        assert [done for done, _ in steps] == [30, 60, 90, 120, 150]
        assert everything(reader) == everything(connection) != before


def test_two_builds_of_one_instrument_are_one(connection: Connection, migrated_dsn: str, bring: Bring) -> None:
    bring(connection, market(80))
    (stored,) = list_instruments(connection)

    def one() -> BuildReport | None:
        with connected(migrated_dsn) as own:
            return build_instrument(own, stored, ModelParameters())

    with ThreadPoolExecutor(2) as pool:
        with connection.transaction():
            lock_instrument(connection, stored.instrument_id)
            waiting = [pool.submit(one) for _ in range(2)]
            with pytest.raises(TimeoutError):
                waiting[0].result(0.3)
        reports = [future.result(30) for future in waiting]
    assert [report is None for report in reports].count(True) == 1
    assert connection.execute("SELECT count(*) FROM build").fetchone() == (1,)


def test_a_build_whose_server_ends_leaves_nothing(
    connection: Connection, migrated_dsn: str, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs_module, "_CHUNK_BARS", 30)
    bring(connection, market(100))
    (stored,) = list_instruments(connection)
    before = everything(connection)

    def ended_build() -> None:
        with connected(migrated_dsn) as builder:
            session = builder.info.backend_pid  # a closed connection knows it no more

            def end_it(done: int, total: int) -> None:
                connection.execute("SELECT pg_terminate_backend($1)", [session])

            build_instrument(builder, stored, ModelParameters(), end_it)

    with pytest.raises(StoreUnavailable):
        ended_build()
    assert everything(connection) == before
    assert build(connection) is not None


VICTIM = """
import sys
from functools import partial
from pathlib import Path
from liqgrid.engine.build import build_instrument
from liqgrid.engine.collect import import_csv
from liqgrid.engine.collect.own_csv import csv_source, read_csv
from liqgrid.engine.model import inputs
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.store.database import connected
from liqgrid.engine.store.raw import list_instruments

def step(*_):
    print("step", flush=True)
    sys.stdin.readline()

import_csv.read_csv = partial(read_csv, block_bytes=6_000)
inputs._CHUNK_BARS = 40
with connected(sys.argv[1]) as connection:
    for action in sys.stdin:
        if action.strip() == "build":
            build_instrument(connection, list_instruments(connection)[0], ModelParameters(), step)
        else:
            import_csv.import_csv(connection, csv_source(Path(action.strip())), step)
        print("done", flush=True)
"""


def kill_after(dsn: str, action: str, steps: int) -> bool:
    """Let another process do something and kill it after some steps; tell whether it was done before that."""
    process = subprocess.Popen(
        [sys.executable, "-c", VICTIM, dsn], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(f"{action}\n")
        for _ in range(steps):
            said = process.stdout.readline()
            assert said in {"step\n", "done\n"}
            if said == "done\n":
                return True
            process.stdin.write("\n")
        return False  # it goes on in the very moment it is killed
    finally:
        process.kill()
        process.communicate()


def test_a_killed_import_leaves_the_tables_as_they_were(
    connection: Connection, migrated_dsn: str, tmp_path: Path
) -> None:
    rows = market(300)
    import_csv(connection, rows.rows(slice(100, 150)).csv(tmp_path / "before.csv"))
    source = rows.csv(tmp_path / "BTCUSDT_1h.csv")
    tables = ("instrument", "bar", "open_interest", "long_short_ratio", "liquidation_bar", "imported_file")

    def stored() -> list[list[tuple[Any, ...]]]:
        connection.execute("SELECT pg_advisory_lock(7116, 1), pg_advisory_unlock(7116, 1)")  # the killed one is gone
        return [connection.execute(f"TABLE {table} ORDER BY 1, 2, 3, 4").fetchall() for table in tables]

    before = stored()
    for steps in (1, 4):
        assert not kill_after(migrated_dsn, str(source.path), steps)
        assert stored() == before
    assert import_csv(connection, source).written == 4 * 250
    assert import_csv(connection, source).already_imported


def test_a_killed_build_leaves_the_grid_as_it_was(
    connection: Connection, other: Connection, migrated_dsn: str, bring: Bring
) -> None:
    rows = awkward()
    bring(connection, rows.rows(slice(0, 100)))
    build(connection)
    bring(connection, rows.shifted(slice(10, 20), 1.001))
    bring(connection, rows)
    before = everything(connection)
    for steps in (1, 5):
        assert not kill_after(migrated_dsn, "build", steps)
        connection.execute("SELECT pg_advisory_lock(7116, 1), pg_advisory_unlock(7116, 1)")
        assert everything(connection) == before
    build(connection)
    bring(other, rows)
    build(other)
    assert grid_of(connection) == grid_of(other)
