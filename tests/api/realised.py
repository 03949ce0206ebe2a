"""Rows that no CSV brings, written as a collector would: funding rates and single liquidations."""

from __future__ import annotations

from liqgrid.engine.store.database import Connection

MINUTE_MS = 60_000
START_MS = 1_719_273_600_000  # 2024-06-25T00:00:00Z
# (time, key, side, price, base): two share a time and even a key's beginning; the last hour but one has none
LIQUIDATIONS = [
    (START_MS + 1_000, "b", "long", 0.5, 100.0),
    (START_MS + 1_000, "a", "short", 0.51, 10.0),
    (START_MS + 1_000, "ab'; --", "long", 0.5, 1.0),
    (START_MS + 61 * MINUTE_MS, "c", "short", 0.52, 20.0),
    (START_MS + 200 * MINUTE_MS + 7, "d", "long", 0.48, 30.0),
]
FUNDING = [(START_MS + hours * 3_600_000, rate) for hours, rate in ((0, 1e-4), (8, -2.5e-5), (16, 0.0))]
RATIOS = [(START_MS, 1.5, 0.6, 0.4), (START_MS + 5 * MINUTE_MS, 2.0, None, None)]


def put_realised(connection: Connection, instrument_id: int) -> None:
    """Write the rows of this module for one instrument."""
    at = "to_timestamp($2::bigint / 1000.0)"
    for ts_ms, key, side, price, base in LIQUIDATIONS:
        connection.execute(
            "INSERT INTO liquidation (instrument_id, ts, liquidation_key, side, price, amount_base, raw) "
            f"VALUES ($1, {at}, $3, $4, $5, $6, '{{}}')",
            [instrument_id, ts_ms, key, side, price, base],
        )
    for ts_ms, rate in FUNDING:
        connection.execute(
            f"INSERT INTO funding_rate (instrument_id, ts, rate_fraction) VALUES ($1, {at}, $3)",
            [instrument_id, ts_ms, rate],
        )
    for ts_ms, *ratio in RATIOS:
        connection.execute(
            "INSERT INTO long_short_ratio (instrument_id, ts, ratio, long_fraction, short_fraction) "
            f"VALUES ($1, {at}, $3, $4, $5)",
            [instrument_id, ts_ms, *ratio],
        )
