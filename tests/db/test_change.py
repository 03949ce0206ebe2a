"""Every table the API reads tells of its changes, however it is written; what does not tell is known not to."""

from __future__ import annotations

import re

import psycopg
import pytest

from liqgrid.api.live.changes import CHANNEL, TABLES
from liqgrid.engine.market.instrument import parse_instrument
from liqgrid.engine.store.database import connected
from liqgrid.engine.store.raw import ensure_instrument
from liqgrid.sql import queries

SILENT = {"_yoyo_migration", "api_key", "job_failure", "procrastinate_jobs", "venue_status"}


def told(listener: psycopg.Connection, seconds: float = 5.0) -> set[str]:
    """Which tables were told of, with a mark of our own at the end."""
    tables: set[str] = set()
    for notification in listener.notifies(timeout=seconds):
        if notification.payload == "mark":
            return tables
        tables.add(notification.payload)
    raise AssertionError("no mark came")


@pytest.fixture
def listener(migrated_dsn: str) -> psycopg.Connection:
    connection = psycopg.connect(migrated_dsn, autocommit=True)
    connection.execute(f"LISTEN {CHANNEL}")
    return connection


def test_every_table_the_api_may_read_tells_or_is_known_not_to() -> None:
    granted = re.findall(r"\w+", queries("access")["grant_reads"].partition(" ON ")[2].partition("\nTO")[0])
    assert set(granted) == {*TABLES, *SILENT}


@pytest.mark.parametrize("table", TABLES)
def test_a_statement_on_a_table_tells_of_it(migrated_dsn: str, listener: psycopg.Connection, table: str) -> None:
    with listener, psycopg.connect(migrated_dsn) as writer:
        writer.execute(f"DELETE FROM {table}")
        writer.execute(f"SELECT pg_notify('{CHANNEL}', 'mark')")
        writer.commit()
        assert told(listener) == {table}
        writer.execute(f"TRUNCATE {table} CASCADE")
        writer.execute(f"SELECT pg_notify('{CHANNEL}', 'mark')")
        writer.commit()
        assert table in told(listener)


def test_copied_and_changed_rows_are_told_of_and_idle_columns_are_not(
    migrated_dsn: str, listener: psycopg.Connection
) -> None:
    with listener, connected(migrated_dsn) as writer:

        def after(statement: str) -> set[str]:
            with writer.transaction():
                writer.execute(statement)
                writer.execute(f"SELECT pg_notify('{CHANNEL}', 'mark')")
            return told(listener)

        with writer.transaction():
            stored = ensure_instrument(writer, parse_instrument("binance:BTC-USDT"))
            with writer.cursor().copy(
                'COPY bar (instrument_id, "interval", price_type, ts, open, high, low, close, volume_base) FROM STDIN'
            ) as copy:
                copy.write_row((stored.instrument_id, "1h", "last", "2024-06-01T00:00:00Z", 1, 1, 1, 1, 1))
            writer.execute(f"SELECT pg_notify('{CHANNEL}', 'mark')")
        assert told(listener) == {"instrument", "bar"}
        assert after("UPDATE bar SET close = 1") == {"bar"}
        assert after("UPDATE instrument SET changed_from = NULL") == set()
        assert after("UPDATE instrument SET venue = venue") == {"instrument"}
        assert after("UPDATE collect_gap SET found_at = found_at") == {"collect_gap"}
