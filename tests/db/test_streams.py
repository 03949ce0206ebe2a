"""Writers of single streams, cursors and gaps: what is written once, and what is remembered of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, LiteralString

import numpy as np
import pytest

from liqgrid.engine.market.bars import Bars
from liqgrid.engine.market.instrument import PriceType, Side, parse_instrument
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.rows import FundingRateRows, Liquidation, OpenInterestRows, mark_bar_rows
from liqgrid.engine.market.stream import Stream
from liqgrid.engine.store.database import Connection
from liqgrid.engine.store.progress import (
    Gap,
    Span,
    extend_cursor,
    load_cursors,
    load_gaps,
    load_venue_status,
    note_attempts,
    record_gap,
    save_contract,
    save_sample_gaps,
    save_venue_status,
)
from liqgrid.engine.store.raw import ensure_instrument, load_bars
from liqgrid.engine.store.streams import save_bars, save_funding_rates, save_liquidations, save_open_interest

MINUTE_MS = 60_000
START_MS = 1_700_000_040_000
CHANGED: LiteralString = "SELECT (extract(epoch FROM changed_from) * 1000)::bigint FROM instrument"


@pytest.fixture
def bitcoin(connection: Connection) -> int:
    return ensure_instrument(connection, parse_instrument("binance:BTC-USDT")).instrument_id


def minutes(count: int) -> Bars:
    open_ms = START_MS + np.arange(count, dtype=np.int64) * MINUTE_MS
    close = np.linspace(100, 99 + count, count)
    return Bars(Interval.M1, open_ms, close - 1, close + 2, close - 2, close, np.ones(count))


def one(connection: Connection, query: LiteralString) -> Any:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def forced(ts_ms: int, key: str, side: Side = Side.LONG) -> Liquidation:
    return Liquidation(ts_ms, key, side, 100.5, 0.25, '{"o": {"q": "0.25"}}')


def test_mark_bars_stand_beside_last_bars_and_mark_the_change(connection: Connection, bitcoin: int) -> None:
    rows = mark_bar_rows(minutes(5))
    with connection.transaction():
        assert save_bars(connection, bitcoin, rows) == 5
    assert load_bars(connection, bitcoin, PriceType.LAST, 0) == []
    (bars,) = load_bars(connection, bitcoin, PriceType.MARK, 0)
    assert np.array_equal(bars.high, rows.bars.high)
    assert np.isnan(bars.volume_base).all()
    assert one(connection, CHANGED) == START_MS
    connection.execute("UPDATE instrument SET changed_from = NULL")
    late = replace(rows, bars=replace(rows.bars, low=rows.bars.low - np.array([0, 0, 1, 0, 1])))
    with connection.transaction():
        assert save_bars(connection, bitcoin, late) == 2
    assert one(connection, CHANGED) == START_MS + 2 * MINUTE_MS


def test_funding_rates_are_written_once_and_change_no_column(connection: Connection, bitcoin: int) -> None:
    ts_ms = START_MS + np.arange(4, dtype=np.int64) * 8 * Interval.H1.ms
    rows = FundingRateRows(ts_ms, np.array([0.0001, -0.0002, 0.0, 0.0003]))
    with connection.transaction():
        assert save_funding_rates(connection, bitcoin, rows) == 4
        assert save_funding_rates(connection, bitcoin, rows) == 0
        corrected = FundingRateRows(ts_ms, np.array([0.0001, -0.0002, 0.0005, 0.0003]))
        assert save_funding_rates(connection, bitcoin, corrected) == 1
    stored = connection.execute("SELECT rate_fraction FROM funding_rate ORDER BY ts").fetchall()
    assert [row[0] for row in stored] == [0.0001, -0.0002, 0.0005, 0.0003]
    assert one(connection, CHANGED) is None


def test_liquidations_are_told_apart_by_time_and_key(connection: Connection, bitcoin: int) -> None:
    first = [forced(START_MS, "a"), forced(START_MS, "b", Side.SHORT), forced(START_MS + 1, "a"), forced(START_MS, "a")]
    with connection.transaction():
        assert save_liquidations(connection, bitcoin, first) == 3
        assert save_liquidations(connection, bitcoin, [*reversed(first), forced(START_MS - 5, "c")]) == 1
        assert save_liquidations(connection, bitcoin, []) == 0
    rows = connection.execute(
        "SELECT liquidation_key, side, price, amount_base, raw -> 'o' ->> 'q' FROM liquidation ORDER BY ts, 1"
    ).fetchall()
    assert [(row[0], row[1]) for row in rows] == [("c", "long"), ("a", "long"), ("b", "short"), ("a", "long")]
    assert {row[2:] for row in rows} == {(100.5, 0.25, "0.25")}
    assert one(connection, "SELECT min(extract(epoch FROM ts) * 1000)::bigint FROM liquidation") == START_MS - 5


def test_a_cursor_moves_with_its_rows_or_not_at_all(connection: Connection, bitcoin: int) -> None:
    with connection.transaction():
        extend_cursor(connection, bitcoin, Stream.BAR_LAST, Span(1000, 2000))
    with connection.transaction(force_rollback=True):
        save_bars(connection, bitcoin, mark_bar_rows(minutes(2)))
        extend_cursor(connection, bitcoin, Stream.BAR_LAST, Span(1000, 9000))
    assert load_cursors(connection, bitcoin) == {Stream.BAR_LAST: Span(1000, 2000)}
    assert load_bars(connection, bitcoin, PriceType.MARK, 0) == []


def test_gaps_that_touch_are_one_and_attempts_are_counted(connection: Connection, bitcoin: int) -> None:
    for span in (Span(1000, 2000), Span(3000, 4000), Span(1500, 3000)):
        record_gap(connection, bitcoin, Stream.BAR_MARK, span)
    note_attempts(connection, bitcoin, Stream.BAR_MARK, Span(1000, 1001), 3)
    note_attempts(connection, bitcoin, Stream.BAR_MARK, Span(4000, 5000), 7)
    (gap,) = load_gaps(connection, bitcoin, Stream.BAR_MARK)
    assert gap == Gap(Span(1000, 4000), 3, gap.waited_ms)
    assert 0 <= gap.waited_ms < MINUTE_MS


def test_a_venue_is_remembered_with_its_reason(connection: Connection) -> None:
    save_venue_status(connection, "binance", "HTTP 451: not available here")
    save_venue_status(connection, "okx", None)
    before = {status.venue: status for status in load_venue_status(connection)}
    assert (before["binance"].reachable, before["binance"].reason) == (False, "HTTP 451: not available here")
    save_venue_status(connection, "binance", "HTTP 403")
    save_venue_status(connection, "okx", "offline")
    after = {status.venue: status for status in load_venue_status(connection)}
    assert after["binance"].since_ms == before["binance"].since_ms
    assert after["binance"].reason == "HTTP 403"
    assert after["okx"].since_ms > before["okx"].since_ms


def test_a_contract_is_kept_with_its_instrument(connection: Connection, bitcoin: int) -> None:
    save_contract(connection, bitcoin, "BTCUSDT", 1.0, linear=True)
    row = connection.execute("SELECT symbol, linear, contract_size FROM instrument").fetchone()
    assert row == ("BTCUSDT", True, 1.0)


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]])
def test_gaps_between_samples_do_not_depend_on_the_order_they_came_in(
    connection: Connection, bitcoin: int, order: list[int]
) -> None:
    step_ms = Interval.M5.ms
    parts = [range(3), range(5, 6), range(6, 9), range(12, 14)]  # missing: 3, 4, 9, 10, 11
    for number in order:
        ts_ms = START_MS + np.array(parts[number], dtype=np.int64) * step_ms
        with connection.transaction():
            save_open_interest(connection, bitcoin, OpenInterestRows(ts_ms, np.full(len(ts_ms), 5.0)))
            within = Span(int(ts_ms[0]), int(ts_ms[-1]) + step_ms)
            save_sample_gaps(connection, bitcoin, Stream.OPEN_INTEREST, within, step_ms)
    spans = [gap.span for gap in load_gaps(connection, bitcoin, Stream.OPEN_INTEREST)]
    assert spans == [
        Span(START_MS + 3 * step_ms, START_MS + 5 * step_ms), Span(START_MS + 9 * step_ms, START_MS + 12 * step_ms)
    ]  # fmt: skip


def test_a_cursor_only_grows(connection: Connection, bitcoin: int) -> None:
    for span in (Span(1000, 2000), Span(2000, 5000), Span(500, 1000), Span(1500, 1600)):
        extend_cursor(connection, bitcoin, Stream.FUNDING_RATE, span)
    assert load_cursors(connection, bitcoin) == {Stream.FUNDING_RATE: Span(500, 5000)}
