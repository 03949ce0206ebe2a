"""What the tables hold, read apart from the API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from psycopg.rows import dict_row

from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.axis import mid_prices
from liqgrid.engine.market.span import decode_span
from liqgrid.engine.store.database import connected


@dataclass(frozen=True)
class StoredColumn:
    """One row of grid_column; ``side[0]`` longs, ``side[1]`` shorts."""

    row: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        return self.row[name]

    @property
    def close_ms(self) -> int:
        return int(self.row["ts"].timestamp() * 1000)

    def span(self, side: str) -> tuple[int, F64]:
        return self.row[f"{side}_first_bin"], decode_span(self.row[side], self.row[f"{side}_exponent"]).astype(
            np.float64
        )

    def placed(self, side: str, *, quote: bool) -> float:
        """What lies in the bins of a side."""
        first, base = self.span(side)
        return float(base @ mid_prices(first, len(base))) if quote else float(base.sum())

    def elsewhere(self, side: str, *, quote: bool) -> float:
        """What lies beyond the bins, or has no known entry."""
        if quote:
            return float(self.row[f"{side}_outside_quote"] + self.row[f"{side}_unplaced_base"] * self.row["price"])
        return float(self.row[f"{side}_outside_base"] + self.row[f"{side}_unplaced_base"])


def stored_columns(dsn: str, venue: str, interval: str = "15m", pair: str = "BTC-USDT") -> list[StoredColumn]:
    """Return the columns of one instrument, ascending."""
    with connected(dsn) as connection, connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            "SELECT g.* FROM grid_column g JOIN instrument USING (instrument_id) WHERE venue = $1 AND pair = $2 "
            'AND "interval" = $3 ORDER BY ts',
            [venue, pair, interval],
        )
        return [StoredColumn(dict(row)) for row in cursor.fetchall()]


def text_of(ms: int) -> str:
    """Return epoch milliseconds as a client writes a time."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()


def ms_of(text: str) -> int:
    """Return a time of an answer as epoch milliseconds."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)
