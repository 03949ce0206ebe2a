"""Raw rows: written once, whichever way they come, and read back as they were."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString

import numpy as np
import psycopg
import pytest

from liqgrid.engine.market.instrument import PriceType, parse_instrument
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.tiers import published_tiers
from liqgrid.engine.store.database import Connection, connected
from liqgrid.engine.store.raw import (
    ensure_instrument,
    list_instruments,
    load_bars,
    load_open_interest,
    load_tiers,
    lock_instrument,
    save_rows,
    save_tiers,
)
from tests.markets import BITCOIN, Market, market

TABLES: dict[str, LiteralString] = {
    "bar": 'SELECT "interval", price_type, ts, open, high, low, close, volume_base, taker_buy_volume_base, trades, '
    "taker_buy_trades FROM bar WHERE instrument_id = $1 ORDER BY 1, 2, 3",
    "open_interest": "SELECT ts, open_interest_base FROM open_interest WHERE instrument_id = $1 ORDER BY ts",
    "long_short_ratio": "SELECT ts, ratio, long_fraction, short_fraction FROM long_short_ratio "
    "WHERE instrument_id = $1 ORDER BY ts",
    "liquidation_bar": 'SELECT "interval", ts, long_base, short_base FROM liquidation_bar '
    "WHERE instrument_id = $1 ORDER BY 1, 2",
}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def stored(connection: Connection, instrument_id: int) -> dict[str, list[tuple[Any, ...]]]:
    return {table: connection.execute(query, [instrument_id]).fetchall() for table, query in TABLES.items()}


def save(connection: Connection, instrument_id: int, rows: Market, folder: Path) -> int:
    with connection.transaction():
        lock_instrument(connection, instrument_id)
        return save_rows(connection, instrument_id, rows.market_rows(folder / "rows.csv"))


def changed_from(connection: Connection, instrument_id: int) -> int | None:
    row = connection.execute("SELECT changed_from FROM instrument WHERE instrument_id = $1", [instrument_id]).fetchone()
    assert row is not None
    return None if row[0] is None else (row[0] - EPOCH) // timedelta(milliseconds=1)


def forget_changes(connection: Connection) -> None:
    connection.execute("UPDATE instrument SET changed_from = NULL")


@pytest.fixture
def bitcoin(connection: Connection) -> int:
    return ensure_instrument(connection, BITCOIN).instrument_id


def test_rows_come_back_as_they_were(connection: Connection, bitcoin: int, tmp_path: Path) -> None:
    rows = market(50).changed("volume", 3, np.nan).changed("trades", slice(5, 9), np.nan)
    rows = rows.changed("oi_close", slice(10, 20), np.nan)
    assert save(connection, bitcoin, rows, tmp_path) == 50 + 40 + 50 + 50
    wanted = rows.market_rows(tmp_path / "again.csv")
    (bars,) = load_bars(connection, bitcoin, PriceType.LAST, 0)
    assert bars.interval is Interval.H1
    for name in ("open_ms", "open", "high", "low", "close", "volume_base"):
        assert np.array_equal(getattr(bars, name), getattr(wanted.bars.bars, name), equal_nan=True), name
    interest = load_open_interest(connection, bitcoin, 0)
    assert np.array_equal(interest.ts_ms, wanted.open_interest.ts_ms)
    assert np.array_equal(interest.open_interest_base, wanted.open_interest.open_interest_base)
    assert load_bars(connection, bitcoin, PriceType.MARK, 0) == []
    row = connection.execute("SELECT * FROM bar ORDER BY ts OFFSET 5 LIMIT 1").fetchone()
    assert row is not None
    assert row[2:4] == ("last", EPOCH + timedelta(milliseconds=int(rows.open_ms[5])))
    assert (row[9], row[10], row[11]) == (rows.columns["buy_volume"][5], None, rows.columns["buy_trades"][5])
    fractions = connection.execute("SELECT long_fraction FROM long_short_ratio ORDER BY ts LIMIT 1").fetchone()
    assert fractions == (rows.columns["long_pct"][0] / 100,)
    # a sample of a bar was true at its close
    assert int(interest.ts_ms[0]) == int(rows.open_ms[0]) + Interval.H1.ms


def test_bars_are_read_from_a_time_on_and_by_interval(connection: Connection, bitcoin: int, tmp_path: Path) -> None:
    fine = market(48, Interval.M5, start="2024-07-01T00:00:00Z")
    save(connection, bitcoin, fine.aggregated(Interval.H1), tmp_path)
    save(connection, bitcoin, fine, tmp_path)
    from_ms = int(fine.open_ms[12])
    found = load_bars(connection, bitcoin, PriceType.LAST, from_ms)
    assert [(bars.interval, len(bars), int(bars.open_ms[0])) for bars in found] == [
        (Interval.M5, 36, from_ms),
        (Interval.H1, 3, from_ms),
    ]
    later = load_bars(connection, bitcoin, PriceType.LAST, from_ms * 2)
    assert [len(bars) for bars in later] == [0, 0]


def test_the_same_rows_again_write_nothing(connection: Connection, bitcoin: int, tmp_path: Path) -> None:
    rows = market(60).changed("volume", slice(10, 20), np.nan)
    save(connection, bitcoin, rows, tmp_path)
    assert changed_from(connection, bitcoin) == int(rows.open_ms[0])
    before = stored(connection, bitcoin), connection.execute("SELECT * FROM bar ORDER BY ts").fetchall()
    forget_changes(connection)
    for again in (rows, rows.rows(slice(20, 40)), rows.rows(slice(59, None)), rows.rows([0, 30, 59])):
        assert save(connection, bitcoin, again, tmp_path) == 0
    assert (stored(connection, bitcoin), connection.execute("SELECT * FROM bar ORDER BY ts").fetchall()) == before
    assert changed_from(connection, bitcoin) is None


@pytest.mark.parametrize(
    ("column", "since_open_ms"),
    [
        ("close", 0),
        ("volume", 0),
        ("trades", 0),
        ("oi_close", Interval.H1.ms - 1),  # the book at the close already knows it
        ("ls_ratio", None),  # neither the model nor its score reads these
        ("short_pct", None),
        ("long_liq_base", 0),
    ],
)
def test_a_changed_value_is_one_row_and_marks_from_when(
    connection: Connection, bitcoin: int, tmp_path: Path, column: str, since_open_ms: int | None
) -> None:
    rows = market(30)
    save(connection, bitcoin, rows, tmp_path)
    forget_changes(connection)
    corrected = rows.changed(column, 17, np.floor(rows.columns[column][17] * 0.9999))
    if column == "close":
        corrected = corrected.changed("low", 17, rows.columns["low"][17] - 1000)
    assert save(connection, bitcoin, corrected, tmp_path) == 1
    wanted = None if since_open_ms is None else int(rows.open_ms[17]) + since_open_ms
    assert changed_from(connection, bitcoin) == wanted
    expected = Market(BITCOIN, Interval.H1, corrected.open_ms, corrected.columns)
    other = ensure_instrument(connection, parse_instrument("bybit:BTC-USDT")).instrument_id
    save(connection, other, expected, tmp_path)
    assert stored(connection, bitcoin) == stored(connection, other)


def test_what_becomes_known_is_written_and_what_is_unknown_erases_nothing(
    connection: Connection, bitcoin: int, tmp_path: Path
) -> None:
    rows = market(10)
    optional = ("volume", "buy_volume", "trades", "buy_trades", "long_pct", "short_pct")
    unknown = rows
    for name in optional:
        unknown = unknown.changed(name, 4, np.nan)
    save(connection, bitcoin, unknown, tmp_path)
    assert save(connection, bitcoin, rows, tmp_path) == 2  # the bar and the ratio
    before = stored(connection, bitcoin)
    assert save(connection, bitcoin, unknown, tmp_path) == 0
    assert save(connection, bitcoin, rows.only("open", "high", "low", "close"), tmp_path) == 0
    assert stored(connection, bitcoin) == before
    corrected = unknown.changed("high", 4, 1e6)
    assert save(connection, bitcoin, corrected, tmp_path) == 1
    (bars,) = load_bars(connection, bitcoin, PriceType.LAST, 0)
    assert (bars.high[4], bars.volume_base[4]) == (1e6, rows.columns["volume"][4])


def test_open_interest_is_read_from_the_sample_in_force_on(
    connection: Connection, bitcoin: int, tmp_path: Path
) -> None:
    rows = market(20).changed("oi_close", slice(5, 15), np.nan)
    save(connection, bitcoin, rows, tmp_path)
    closes = [int(ms) for ms in rows.open_ms + Interval.H1.ms]
    for from_ms, first in ((0, 0), (closes[0], 0), (closes[3] + 1, 3), (closes[12], 4), (closes[15], 15)):
        assert int(load_open_interest(connection, bitcoin, from_ms).ts_ms[0]) == closes[first]


def test_the_earliest_change_is_kept_until_a_build(connection: Connection, bitcoin: int, tmp_path: Path) -> None:
    rows = market(30)
    save(connection, bitcoin, rows.rows(slice(10, 20)), tmp_path)
    assert changed_from(connection, bitcoin) == int(rows.open_ms[10])
    save(connection, bitcoin, rows.rows(slice(20, 30)), tmp_path)
    assert changed_from(connection, bitcoin) == int(rows.open_ms[10])
    save(connection, bitcoin, rows.rows(slice(0, 10)), tmp_path)
    assert changed_from(connection, bitcoin) == int(rows.open_ms[0])


def test_every_order_of_arrival_gives_the_same_tables(connection: Connection, tmp_path: Path) -> None:
    rows = market(90, Interval.M15)
    orders = {
        "appended at once": [slice(0, 90)],
        "appended in pieces": [slice(0, 1), slice(1, 40), slice(40, 90)],
        "newest first": [slice(60, 90), slice(30, 60), slice(0, 30)],
        "over what is there": [slice(45, 70), slice(0, 90)],
        "every other, then all": [slice(0, 90, 2), slice(0, 90)],
        "overlapping": [slice(0, 50), slice(40, 90), slice(20, 60)],
    }
    tables = {}
    for number, (order, pieces) in enumerate(orders.items()):
        venue = f"venue{number}"
        instrument_id = ensure_instrument(connection, parse_instrument(f"{venue}:BTC-USDT")).instrument_id
        written = sum(save(connection, instrument_id, rows.rows(piece), tmp_path) for piece in pieces)
        assert written == 4 * 90, order
        tables[order] = stored(connection, instrument_id)
    first = tables["appended at once"]
    assert all(len(table) == 90 for table in first.values())
    for order, found in tables.items():
        assert found == first, order


def test_two_writers_of_one_instrument_wait_for_each_other(
    connection: Connection, migrated_dsn: str, bitcoin: int, tmp_path: Path
) -> None:
    rows = market(40)

    def write(part: slice, name: str) -> int:
        folder = tmp_path / name
        folder.mkdir()
        with connected(migrated_dsn) as own:
            return save(own, bitcoin, rows.rows(part), folder)

    with connected(migrated_dsn) as other, ThreadPoolExecutor(2) as pool:
        with other.transaction():
            lock_instrument(other, bitcoin)
            waiting = [pool.submit(write, slice(0, 30), "a"), pool.submit(write, slice(10, 40), "b")]
            with pytest.raises(TimeoutError):
                waiting[0].result(0.2)
        assert sum(future.result(30) for future in waiting) == 4 * 40
    assert len(stored(connection, bitcoin)["bar"]) == 40


def test_instruments_are_added_once(connection: Connection, migrated_dsn: str) -> None:
    def add(_: int) -> int:
        with connected(migrated_dsn) as own:
            return ensure_instrument(own, BITCOIN).instrument_id

    with ThreadPoolExecutor(4) as pool:
        ids = set(pool.map(add, range(4)))
    assert len(ids) == 1
    ensure_instrument(connection, parse_instrument("binance:ETH-USDC"))
    assert [str(one.instrument) for one in list_instruments(connection)] == ["binance:BTC-USDT", "binance:ETH-USDC"]
    assert connection.execute("SELECT coin, quote FROM instrument ORDER BY pair").fetchall() == [
        ("BTC", "USDT"),
        ("ETH", "USDC"),
    ]


def test_margin_tiers_come_back_as_they_were(connection: Connection, bitcoin: int) -> None:
    wanted = published_tiers()[BITCOIN]
    for _ in range(2):
        save_tiers(connection, bitcoin, wanted)
    assert load_tiers(connection, bitcoin) == wanted


def test_what_the_tables_refuse(connection: Connection) -> None:
    insert = 'INSERT INTO bar (instrument_id, "interval", price_type, ts, open, high, low, close) VALUES '
    for values in ("(1, '2m', 'last', now(), 1, 1, 1, 1)", "(1, '1h', 'index', now(), 1, 1, 1, 1)"):
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(f"{insert}{values}")
