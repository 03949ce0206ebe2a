"""The view for people in psql: it shows the spans that a numpy reader decodes, number for number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from liqgrid.engine.build import build_instrument
from liqgrid.engine.collect.import_csv import import_csv
from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.axis import edges
from liqgrid.engine.market.span import decode_span
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.store.database import Connection
from liqgrid.engine.store.raw import list_instruments
from tests.markets import market


def test_span_base_reads_every_code(connection: Connection) -> None:
    codes = np.arange(65_536, dtype="<u2").tobytes()
    for exponent in (-40, 0, 17):
        rows = connection.execute(
            "SELECT span_base($1::bytea, $2::smallint, i) FROM generate_series(0, 65535) i ORDER BY i",
            [codes, exponent],
            binary=True,
        ).fetchall()
        assert np.array_equal(np.array(rows)[:, 0], decode_span(codes, exponent).astype(np.float64))


@pytest.fixture
def built(connection: Connection, tmp_path: Path) -> Connection:
    import_csv(connection, market(120).csv(tmp_path / "bars.csv"))
    (stored,) = list_instruments(connection)
    assert build_instrument(connection, stored, ModelParameters()) is not None
    return connection


def test_shows_every_bin_of_a_column(built: Connection) -> None:
    columns = built.execute(
        'SELECT "interval", ts, long_first_bin, long_exponent, long, short_first_bin, short_exponent, short '
        'FROM grid_column ORDER BY md5(ts::text || "interval") LIMIT 12'
    ).fetchall()
    assert len({row[0] for row in columns}) > 1
    for interval, ts, *sides in columns:
        spans = [(first, decode_span(span, exponent)) for first, exponent, span in (sides[:3], sides[3:])]
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
    built.execute("UPDATE grid_column SET short = '', short_first_bin = long_first_bin + length(long) / 2 + 2")
    bins = "SELECT sum(length(long) / 2 + 2) FROM grid_column"
    assert built.execute(f"SELECT sum(short_base), count(*) = ({bins}) FROM grid_cell").fetchone() == (0, True)
    built.execute("UPDATE grid_column SET long = '', long_first_bin = short_first_bin")
    assert built.execute("SELECT count(*) FROM grid_cell").fetchone() == (0,)
