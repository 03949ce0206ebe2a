"""The view for people in psql: it shows the spans that a numpy reader decodes, number for number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from liqgrid.engine.build import build_instrument
from liqgrid.engine.collect.import_csv import import_csv
from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.axis import edges
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.store.database import Connection
from liqgrid.engine.store.raw import list_instruments
from tests.markets import market

SMALLEST = float(np.finfo(np.float32).smallest_subnormal)
LARGEST = float(np.finfo(np.float32).max)
NORMAL = float(np.finfo(np.float32).tiny)


def test_float32_at_reads_every_kind_of_number(connection: Connection) -> None:
    numbers = [0, SMALLEST, 3 * SMALLEST, NORMAL - SMALLEST, NORMAL, 0.1, 1 - 2**-24, 1, 1 + 2**-23, 2, 3, 1e-30]
    numbers += [255, 256, 65_535, 16_777_215, 16_777_216, 75_286.992, 1e30, LARGEST / 2, LARGEST]
    stored = np.array(numbers, dtype="<f4")
    found = [
        connection.execute("SELECT float32_at($1::bytea, $2::int4)", [stored.tobytes(), i], binary=True).fetchone()
        for i in range(len(stored))
    ]
    assert found == [(float(number),) for number in stored]


def test_float32_at_reads_any_bytes_of_a_column(connection: Connection) -> None:
    codes = np.random.default_rng(1).integers(0, 0x7F800000, 2000, dtype=np.uint32)  # below the code of infinity
    stored = codes.view("<f4")
    rows = connection.execute(
        "SELECT float32_at($1::bytea, i) FROM generate_series(0, 1999) i ORDER BY i", [stored.tobytes()], binary=True
    ).fetchall()
    assert np.array_equal(np.array(rows)[:, 0], stored.astype(np.float64))


@pytest.fixture
def built(connection: Connection, tmp_path: Path) -> Connection:
    import_csv(connection, market(120).csv(tmp_path / "bars.csv"))
    (stored,) = list_instruments(connection)
    assert build_instrument(connection, stored, ModelParameters()) is not None
    return connection


def test_shows_every_bin_of_a_column(built: Connection) -> None:
    columns = built.execute(
        'SELECT "interval", ts, long_first_bin, long, short_first_bin, short FROM grid_column '
        'ORDER BY md5(ts::text || "interval") LIMIT 12'
    ).fetchall()
    assert len({row[0] for row in columns}) > 1
    for interval, ts, *sides in columns:
        spans = [(first, np.frombuffer(span, "<f4")) for first, span in (sides[:2], sides[2:])]
        begin = min(first for first, _ in spans)
        end = max(first + len(base) for first, base in spans)
        wanted = np.zeros((2, end - begin))
        for side, (first, base) in enumerate(spans):
            wanted[side, first - begin : first - begin + len(base)] = base
        found: F64 = np.array(
            built.execute(
                "SELECT price_low, price_high, long_base, short_base FROM grid_cell "
                "WHERE instrument = 'binance:BTC-USDT' AND \"interval\" = $1 AND ts = $2 ORDER BY price_low",
                [interval, ts],
                binary=True,
            ).fetchall()
        ).T  # (4, P)
        assert found.shape == (4, end - begin)
        assert np.array_equal(found[2:], wanted)
        np.testing.assert_allclose(found[0], edges(begin, end - begin)[:-1], rtol=1e-11)
        np.testing.assert_allclose(found[1], edges(begin, end - begin)[1:], rtol=1e-11)


def test_an_empty_side_is_shown_as_nothing(built: Connection) -> None:
    built.execute("DELETE FROM grid_column WHERE ts < (SELECT max(ts) FROM grid_column)")
    built.execute("UPDATE grid_column SET short = '', short_first_bin = long_first_bin + length(long) / 4 + 2")
    bins = "SELECT sum(length(long) / 4 + 2) FROM grid_column"
    assert built.execute(f"SELECT sum(short_base), count(*) = ({bins}) FROM grid_cell").fetchone() == (0, True)
    built.execute("UPDATE grid_column SET long = '', long_first_bin = short_first_bin")
    assert built.execute("SELECT count(*) FROM grid_cell").fetchone() == (0,)
