"""A database of before, with rows in it, is brought up by the migrations that came since."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from urllib.parse import urlencode

from psycopg.conninfo import conninfo_to_dict
from yoyo import get_backend, read_migrations

from liqgrid.engine.build import build_instrument
from liqgrid.engine.collect.import_csv import import_csv
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.store.database import Connection, connected, detect_kind
from liqgrid.engine.store.migrate import migrate
from liqgrid.engine.store.raw import list_instruments
from tests.markets import market

FIRST_RELEASE = ("0001_raw", "0002_grid", "0003_grid_cell", "0001_hypertables")


def apply_first_release(dsn: str) -> bool:
    """Apply what the first release had; return whether its tables are hypertables."""
    with connected(dsn) as connection:
        is_timescale = detect_kind(connection).timescale_version is not None
        if is_timescale:
            connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
    backend = get_backend(f"postgresql+psycopg://?{urlencode(conninfo_to_dict(dsn))}")
    for folder in ["migrations", *(["timescale"] if is_timescale else [])]:
        with as_file(files("liqgrid.sql").joinpath(folder)) as path:
            old = read_migrations(str(path)).filter(lambda migration: migration.id in FIRST_RELEASE)
            backend.apply_migrations(backend.to_apply(old))
    backend.connection.close()
    return is_timescale


def test_a_database_of_the_first_release_is_brought_up(database_dsn: str, tmp_path: Path) -> None:
    is_timescale = apply_first_release(database_dsn)
    with connected(database_dsn) as connection:
        connection.execute(
            "INSERT INTO instrument (venue, pair, coin, quote) VALUES ('binance', 'BTC-USDT', 'BTC', 'USDT')"
        )
        connection.execute(
            'INSERT INTO bar (instrument_id, "interval", price_type, ts, open, high, low, close) '
            "SELECT 1, '1h', 'last', '2024-06-20Z'::timestamptz + n * interval '1 hour', 1, 1, 1, 1 "
            "FROM generate_series(0, 999) AS n"
        )
        connection.execute(
            "INSERT INTO imported_file VALUES (1, '1h', 'abc', 'BTCUSDT_1h.csv', 1000, '2024-06-20Z', '2024-08-01Z')"
        )
    migrate(database_dsn)
    with connected(database_dsn) as connection:
        assert connection.execute("SELECT count(*) FROM bar").fetchone() == (1000,)
        assert connection.execute("SELECT stream FROM imported_file").fetchone() == ("bar:last:1h",)
        keys = connection.execute(
            "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conrelid = 'bar'::regclass"
        ).fetchone()
        assert keys == (0,)
        if is_timescale:
            chunks = connection.execute(
                "SELECT count(*) FROM pg_constraint JOIN timescaledb_information.chunks "
                "ON conrelid = format('%I.%I', chunk_schema, chunk_name)::regclass "
                "WHERE contype = 'f' AND hypertable_name = 'bar'"
            ).fetchone()
            assert chunks == (0,)


def test_a_grid_without_notional_is_made_anew(migrated_dsn: str, tmp_path: Path) -> None:
    with connected(migrated_dsn) as connection:
        import_csv(connection, market(30).csv(tmp_path / "bars.csv"))
        (stored,) = list_instruments(connection)
        assert build_instrument(connection, stored, ModelParameters()) is not None
        before = _columns(connection)
        connection.execute("ALTER TABLE grid_column DROP COLUMN long_quote, DROP COLUMN short_quote")
        connection.execute("DELETE FROM _yoyo_migration WHERE migration_id = '0060_column_quote'")
        connection.commit()
    migrate(migrated_dsn)
    with connected(migrated_dsn) as connection:
        assert _columns(connection) == []
        assert build_instrument(connection, stored, ModelParameters()) is not None
        assert _columns(connection) == before


def _columns(connection: Connection) -> list[tuple[object, ...]]:
    return connection.execute(
        'SELECT "interval", ts, long, short, shares, long_quote, short_quote FROM grid_column ORDER BY "interval", ts'
    ).fetchall()
