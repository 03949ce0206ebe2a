"""``liqgrid score`` on made-up bars."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest

from liqgrid.engine.model.parameters import MODEL_VERSION, ModelParameters
from tests.cli.conftest import Inside, Liqgrid
from tests.cli.market import market_rows, write_market

BARS = 400


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_market(tmp_path, market_rows(BARS))


def test_json_is_one_object_with_known_keys(liqgrid: Liqgrid, file: Path) -> None:
    result = liqgrid.run("score", file, "--json")
    assert (result.returncode, result.stderr) == (0, "")
    scored = json.loads(result.stdout)
    assert -1 <= scored["skill_long"] <= 1
    assert -1 <= scored["skill_short"] <= 1
    assert scored["skill"] == pytest.approx((scored["skill_long"] + scored["skill_short"]) / 2)
    assert min(scored.pop("bars_long"), scored.pop("bars_short")) > 100
    for name in ("skill", "skill_long", "skill_short"):
        del scored[name]
    assert scored == {
        "symbol": "binance:BTC-USDT",
        "interval": "1h",
        "model_version": MODEL_VERSION,
        "parameters_hash": ModelParameters().digest(),
    }
    assert not liqgrid.home.exists()  # no database is needed


def test_table_says_the_same_and_what_it_means(inside: Inside, file: Path) -> None:
    scored = json.loads(inside.run("score", file, "--json").output)
    result = inside.run("score", file)
    assert (result.code, result.errors) == (0, "")
    cells = {line.split()[0]: line.split()[1:] for line in result.output.splitlines() if line}
    assert cells["long"] == [f"{scored['skill_long']:.3f}", str(scored["bars_long"])]
    assert cells["short"] == [f"{scored['skill_short']:.3f}", str(scored["bars_short"])]
    assert cells["mean"] == [f"{scored['skill']:.3f}"]
    assert f"{BARS} bars, 2024-06-20 00:00 … 2024-07-06 16:00 UTC" in result.output
    assert ModelParameters().digest() in result.output
    assert "Skill: rank correlation" in result.output


def test_predictions_are_one_row_per_bar(inside: Inside, file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    out.write_text("of an earlier run")
    result = inside.run("score", file, "--predictions", out)
    assert result.code == 0, result.errors
    with out.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert list(rows[0]) == ["open_time_utc", "predicted_long_base", "predicted_short_base"]
    assert [row["open_time_utc"] for row in rows] == [line.split(",")[0] for line in market_rows(BARS)]
    amounts = [
        float(row[side]) for row in rows for side in ("predicted_long_base", "predicted_short_base") if row[side]
    ]
    assert len(amounts) > BARS
    assert all(math.isfinite(amount) and amount >= 0 for amount in amounts)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["BTCUSDT_1h.csv", "out.csv"]


def test_symbol_and_interval_may_be_given(inside: Inside, file: Path, tmp_path: Path) -> None:
    renamed = file.rename(tmp_path / "bars of mine.csv")
    result = inside.run("score", renamed, "--symbol", "binance:ETH-USDT", "--interval", "1h", "--json")
    assert json.loads(result.output)["symbol"] == "binance:ETH-USDT"


def test_gap_is_warned_of(inside: Inside, tmp_path: Path) -> None:
    rows = market_rows(BARS)
    result = inside.run("score", write_market(tmp_path, rows[:300] + rows[305:]), "--json")
    assert result.code == 0
    assert json.loads(result.output)
    assert "warning: BTCUSDT_1h.csv: 1 gap, 5 h missing: 2024-07-02 12:00 … 2024-07-02 17:00 UTC" in result.errors


def test_tiers_that_nobody_published_are_assumed_and_it_says_so(inside: Inside, file: Path) -> None:
    result = inside.run("score", file, "--symbol", "bybit:NEW-USDT", "--json")
    assert result.code == 0
    assert json.loads(result.output)["symbol"] == "bybit:NEW-USDT"
    assert "warning: bybit:NEW-USDT: no margin tiers are known; up to 20x at every size is assumed" in result.errors


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--symbol", "kraken:BTC-USDT"], 1, "error BAD_DATA: kraken:BTC-USDT: no liquidation formula"),
        (["--interval", "4h"], 1, "is not the start of a 4h bar"),
        (["--predictions", "/no such folder/out.csv"], 2, "there is no folder /no such folder"),
        (["--predictions", "/"], 2, "which is a folder"),
    ],
)
def test_what_cannot_be_scored(inside: Inside, file: Path, options: list[str], code: int, says: str) -> None:
    result = inside.run("score", file, *options)
    assert (result.code, result.output) == (code, "")
    assert says in result.errors
    assert "Traceback" not in result.errors


def test_predictions_are_written_also_where_skill_cannot_be_measured(inside: Inside, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    result = inside.run("score", write_market(tmp_path, market_rows(100)), "--predictions", out)
    assert (result.code, result.output) == (1, "")
    assert "needs at least 30 bars" in result.errors
    assert len(out.read_text("utf-8").splitlines()) == 101
