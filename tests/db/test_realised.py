"""Realised liquidations as skill is measured by them: what venues summed, and what they told one by one, by hours."""

from __future__ import annotations

import numpy as np
import pytest

from liqgrid.engine.market.instrument import Side
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.rows import Liquidation
from liqgrid.engine.market.stream import Stream
from liqgrid.engine.store.database import Connection
from liqgrid.engine.store.grid import load_realised
from liqgrid.engine.store.progress import Span, extend_cursor, record_gap
from liqgrid.engine.store.raw import ensure_instrument
from liqgrid.engine.store.retention import delete_raw_before
from liqgrid.engine.store.streams import save_liquidations
from tests.markets import BITCOIN

HOUR_MS = Interval.H1.ms
START_MS = 1_718_841_600_000  # midnight


def hour(count: float) -> int:
    return START_MS + round(count * HOUR_MS)


@pytest.fixture
def bitcoin(connection: Connection) -> int:
    """An instrument listened to from 00:30 to 06:10, and two of its liquidations told."""
    instrument_id = ensure_instrument(connection, BITCOIN).instrument_id
    extend_cursor(connection, instrument_id, Stream.LIQUIDATION, Span(hour(0.5), hour(6 + 1 / 6)))
    told = [(0.6, Side.LONG, 1.0), (1.0, Side.LONG, 2.0), (1.9, Side.LONG, 3.0), (3.2, Side.SHORT, 4.0)]
    rows = [Liquidation(hour(at), str(at), side, 60_000.0, amount, "{}") for at, side, amount in told]
    with connection.transaction():
        save_liquidations(connection, instrument_id, rows)
    return instrument_id


def realised(connection: Connection, instrument_id: int) -> dict[Interval, list[tuple[float, float, float]]]:
    return {
        interval: [
            ((int(ms) - START_MS) / HOUR_MS, float(long), float(short))
            for ms, long, short in zip(rows.open_ms, rows.long_base, rows.short_base, strict=True)
        ]
        for interval, rows in load_realised(connection, instrument_id).items()
    }


def test_only_hours_listened_to_as_a_whole_count(connection: Connection, bitcoin: int) -> None:
    assert realised(connection, bitcoin) == {
        Interval.H1: [(1, 5, 0), (2, 0, 0), (3, 0, 4), (4, 0, 0), (5, 0, 0)],
    }


def test_an_hour_with_a_loss_is_unknown(connection: Connection, bitcoin: int) -> None:
    record_gap(connection, bitcoin, Stream.LIQUIDATION, Span(hour(2.5), hour(4)))
    record_gap(connection, bitcoin, Stream.BAR_LAST, Span(hour(0), hour(6)))
    assert [at for at, _, _ in realised(connection, bitcoin)[Interval.H1]] == [1, 4, 5]


def test_what_a_venue_summed_goes_before(connection: Connection, bitcoin: int) -> None:
    for interval, at, long in (("1h", 0, 7.0), ("1h", 3, 8.0), ("5m", 3, 9.0)):
        connection.execute(
            'INSERT INTO liquidation_bar (instrument_id, "interval", ts, long_base, short_base) '
            "VALUES ($1, $2, to_timestamp($3::double precision / 1000), $4, 0)",
            [bitcoin, interval, hour(at), long],
        )
    assert realised(connection, bitcoin) == {
        Interval.M5: [(3, 9, 0)],
        Interval.H1: [(0, 7, 0), (1, 5, 0), (2, 0, 0), (3, 8, 0), (4, 0, 0), (5, 0, 0)],
    }


def test_hours_whose_rows_were_deleted_are_unknown(connection: Connection, bitcoin: int) -> None:
    delete_raw_before(connection, hour(2.5))
    assert [at for at, _, _ in realised(connection, bitcoin)[Interval.H1]] == [3, 4, 5]
    delete_raw_before(connection, hour(48))
    assert realised(connection, bitcoin) == {}


def test_a_stream_just_begun_has_no_hour_yet(connection: Connection) -> None:
    instrument_id = ensure_instrument(connection, BITCOIN).instrument_id
    assert load_realised(connection, instrument_id) == {}
    extend_cursor(connection, instrument_id, Stream.LIQUIDATION, Span(hour(0.5), hour(1.9)))
    assert load_realised(connection, instrument_id) == {}
    extend_cursor(connection, instrument_id, Stream.LIQUIDATION, Span(hour(0.5), hour(2)))
    (rows,) = load_realised(connection, instrument_id).values()
    assert np.array_equal(rows.open_ms, [hour(1)])
