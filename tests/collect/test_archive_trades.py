"""Trades put together to bars: exactly, in whatever order and however often they stand in the file."""

from __future__ import annotations

import math
from decimal import Decimal
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from liqgrid.engine.collect.archive import trades as trades_module
from liqgrid.engine.collect.archive.names import Overrides, archive_of
from liqgrid.engine.collect.archive.read import ArchiveRows, read_archive
from liqgrid.engine.collect.archive.table import read_blocks
from liqgrid.engine.market.errors import BadData
from tests.collect.archives import AGG_TRADES, trade_lines, write

MINUTE = 60_000
BEGIN = 1_718_841_600_000


def read(path: Path) -> ArchiveRows:
    return read_archive(archive_of(path, Overrides()))


def some_trades(count: int, seed: int = 1) -> list[str]:
    """Lines of trades over about ``count`` / 50 minutes, some of which have none."""
    random = np.random.default_rng(seed)
    ts_ms = BEGIN + np.cumsum(random.integers(0, 2400, count) + (random.random(count) < 0.002) * 3 * MINUTE)
    price = np.round(65_000 * np.exp(np.cumsum(random.normal(0, 1e-4, count))), 1)
    quantity = np.round(random.exponential(0.3, count) + 0.001, 3)
    return trade_lines(1000 + np.arange(count), ts_ms, price, quantity, list(random.random(count) < 0.5))


def put_together_slowly(lines: list[str]) -> dict[int, tuple[float, ...]]:
    """The same bars by plain loops and decimals: open, high, low, close, volume, bought, trades, trades bought."""
    seen: dict[int, list[str]] = {int(line.split(",")[0]): line.split(",") for line in lines}
    bars: dict[int, list[list[str]]] = {}
    for one in sorted(seen):
        bars.setdefault(int(seen[one][5]) // MINUTE * MINUTE, []).append(seen[one])
    made: dict[int, tuple[float, ...]] = {}
    for open_ms, cells in sorted(bars.items()):
        prices = [float(one[1]) for one in cells]
        taken = [one for one in cells if one[6] == "false"]
        made[open_ms] = (
            prices[0], max(prices), min(prices), prices[-1],
            float(sum(Decimal(one[2]) for one in cells)), float(sum(Decimal(one[2]) for one in taken)),
            sum(int(one[4]) - int(one[3]) + 1 for one in cells), sum(int(one[4]) - int(one[3]) + 1 for one in taken),
        )  # fmt: skip
    return made


def bars_of(rows: ArchiveRows) -> dict[int, tuple[float, ...]]:
    assert rows.bars is not None
    bars = rows.bars.bars
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume_base, rows.bars.taker_buy_volume_base,
               rows.bars.trades, rows.bars.taker_buy_trades)  # fmt: skip
    return dict(zip(bars.open_ms.tolist(), zip(*(values.tolist() for values in columns), strict=True), strict=True))


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trades_module, "read_blocks", partial(read_blocks, block_bytes=5_000))


@pytest.mark.parametrize("name", ["BTCUSDT-aggTrades-2024-06-20.zip", "BTCUSDT-aggTrades-2024-06-20.csv"])
def test_bars_equal_those_of_plain_loops(tmp_path: Path, small_blocks: None, name: str) -> None:
    lines = some_trades(5_000)
    rows = read(write(tmp_path / name, lines, AGG_TRADES))
    assert (rows.lines, rows.repeated, rows.missing_trades) == (5_000, 0, 0)
    slow, found = put_together_slowly(lines), bars_of(rows)
    quiet = found.keys() - slow.keys()
    assert len(slow) > 80
    assert {open_ms: bar for open_ms, bar in found.items() if open_ms not in quiet} == slow
    assert len(quiet) > 5
    assert sorted(found) == list(range(min(found), max(found) + MINUTE, MINUTE)), "no gap, as no trade id is missing"
    for open_ms in quiet:
        close = found[open_ms - MINUTE][3]
        assert found[open_ms] == (close, close, close, close, 0, 0, 0, 0)


def test_order_and_repeats_change_nothing(tmp_path: Path, small_blocks: None) -> None:
    lines = some_trades(3_000)
    sorted_rows = read(write(tmp_path / "BTCUSDT-aggTrades-2024-06-20.csv", lines))
    random = np.random.default_rng(2)
    shuffled = [lines[t] for t in random.permutation(3_000)] + [lines[t] for t in random.integers(0, 3_000, 500)]
    rows = read(write(tmp_path / "BTCUSDT-aggTrades-2024-06-21.csv", shuffled, AGG_TRADES))
    assert (rows.lines, rows.repeated, rows.missing_trades) == (3_500, 500, 0)
    assert bars_of(rows) == bars_of(sorted_rows)


def test_a_time_of_missing_trades_stays_a_gap(tmp_path: Path) -> None:
    ids = np.array([10, 11, 14])
    ts_ms = BEGIN + np.array([0, 2 * MINUTE, 5 * MINUTE])
    lines = trade_lines(ids, ts_ms, np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0, 1.0]), [True, False, True])
    rows = read(write(tmp_path / "BTCUSDT-aggTrades-2024-06-20.csv", lines))
    assert rows.missing_trades == 2
    assert sorted(bars_of(rows)) == [BEGIN + t * MINUTE for t in (0, 1, 2, 5)]


def test_coin_margined_trades_are_counted_in_the_coin(tmp_path: Path) -> None:
    price, contracts = np.array([50_000.0, 40_000.0]), np.array([10, 8])
    lines = trade_lines(np.array([1, 2]), np.full(2, BEGIN), price, contracts, [True, False])
    bitcoin = bars_of(read(write(tmp_path / "BTCUSD_PERP-aggTrades-2024-06-20.csv", lines)))[BEGIN]
    assert math.isclose(bitcoin[4], 10 * 100 / 50_000 + 8 * 100 / 40_000)
    assert bitcoin[5] == 8 * 100 / 40_000
    ether = bars_of(read(write(tmp_path / "ETHUSD_PERP-aggTrades-2024-06-20.csv", lines)))[BEGIN]
    assert math.isclose(ether[4], bitcoin[4] / 10)


@pytest.mark.parametrize(
    ("at", "value", "says"),
    [
        (1, "0", "column price: was '0', which must be within"),
        (2, "-0.5", "column quantity: was '-0.5', which must be greater than 0"),
        (2, "", "column quantity: was '', which must be greater than 0"),
        (4, "1", "column last_trade_id: was '1', which is before first_trade_id"),
        (5, "5", "column transact_time: was '5', which is no time"),
        (6, "maybe", "column is_buyer_maker: was 'maybe', which is not true or false"),
        (6, "", "column is_buyer_maker: was '', which is empty"),
    ],
)
def test_a_fault_far_into_the_file_is_named(tmp_path: Path, small_blocks: None, at: int, value: str, says: str) -> None:
    lines = some_trades(1_000)
    cells = lines[900].split(",")
    cells[at] = value
    lines[900] = ",".join(cells)
    with pytest.raises(BadData, match=rf"line 902, {says}"):
        read(write(tmp_path / "BTCUSDT-aggTrades-2024-06-20.zip", lines, AGG_TRADES))
