"""Files that cannot be used: exit code 1, a line that names file, line and column, and nothing started or stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Inside, Liqgrid
from tests.cli.market import HEADER, market_rows, with_cell, write_market

ROWS = market_rows(48)
FAULTS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing file": (lambda folder: folder / "BTCUSDT_1h.csv", "no such file"),
    "folder": (lambda folder: folder, "no such file"),
    "empty file": (lambda folder: _text(folder, ""), "is empty; the first line must name the columns"),
    "header alone": (lambda folder: _text(folder, f"{HEADER}\n"), "holds a header and no rows"),
    "wrong header": (
        lambda folder: _text(folder, "time,open,high,low,close\n1,2,3,4,5\n"),
        "line 1: the header lacks column open_time_utc",
    ),
    "no header": (lambda folder: _text(folder, "\n".join(ROWS)), "line 1: the header lacks column"),
    "not text": (lambda folder: _bytes(folder, b"\xff\xfe\x00PK\x03\x04"), "is not UTF-8 text"),
    "unsorted": (
        lambda folder: write_market(folder, [ROWS[1], ROWS[0], *ROWS[2:]]),
        "line 3, column open_time_utc: was '2024-06-20T00:00:00Z', which is earlier",
    ),
    "duplicate": (
        lambda folder: write_market(folder, [*ROWS[:5], *ROWS[4:]]),
        "line 7, column open_time_utc: was '2024-06-20T04:00:00Z', which repeats",
    ),
    "NaN": (
        lambda folder: write_market(folder, with_cell(ROWS, 3, "close", "NaN")),
        "line 5, column close: was 'NaN', which is not a finite number",
    ),
    "infinity": (
        lambda folder: write_market(folder, with_cell(ROWS, 3, "high", "inf")),
        "line 5, column high: was 'inf'",
    ),
    "word": (
        lambda folder: write_market(folder, with_cell(ROWS, 4, "volume", "many")),
        "line 6, column volume: was 'many', which is not a number",
    ),
    "negative price": (
        lambda folder: write_market(folder, with_cell(ROWS, 0, "low", "-1")),
        "line 2, column low: was '-1', which must be greater than 0",
    ),
    "no price": (lambda folder: write_market(folder, with_cell(ROWS, 0, "open", "")), "line 2, column open: was ''"),
    "high below low": (
        lambda folder: write_market(folder, with_cell(ROWS, 2, "high", "1")),
        "line 4, column high: was '1', which is below low",
    ),
    "time off the raster": (
        lambda folder: write_market(folder, with_cell(ROWS, 1, "open_time_utc", "2024-06-20T01:30:00Z")),
        "line 3, column open_time_utc: was '2024-06-20T01:30:00Z', which is not the start of a 1h bar",
    ),
    "short row": (lambda folder: write_market(folder, [*ROWS[:2], "2024-06-20T02:00:00Z,1"]), "line 4: has 2 columns"),
    "name that says nothing": (
        lambda folder: write_market(folder, ROWS, "bars of mine.csv"),
        "the name must be like BTCUSDT_1h.csv",
    ),
}


def _text(folder: Path, text: str) -> Path:
    return _bytes(folder, text.encode())


def _bytes(folder: Path, content: bytes) -> Path:
    path = folder / "BTCUSDT_1h.csv"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("verb", ["score", "up", "import"])
def test_fault_is_named_and_nothing_is_started(inside: Inside, tmp_path: Path, verb: str, fault: str) -> None:
    make, says = FAULTS[fault]
    folder = tmp_path / "files"
    folder.mkdir()
    path = make(folder)
    result = inside.run(verb, path)
    assert (result.code, result.output) == (1, "")
    assert result.errors.startswith(f"error BAD_DATA: {path}"), result.errors
    assert says in result.errors
    assert "Traceback" not in result.errors
    assert not inside.home.exists()


def test_second_of_two_files_is_looked_at_before_the_first_is_imported(inside: Inside, tmp_path: Path) -> None:
    result = inside.run("up", write_market(tmp_path, ROWS), tmp_path / "ETHUSDT_1h.csv")
    assert (result.code, result.output) == (1, "")
    assert "ETHUSDT_1h.csv: no such file" in result.errors
    assert not inside.home.exists()


@pytest.mark.parametrize("verb", ["score", "up", "import"])
def test_fault_ends_the_process(liqgrid: Liqgrid, tmp_path: Path, verb: str) -> None:
    path = write_market(tmp_path, with_cell(ROWS, 3, "close", "NaN"))
    result = liqgrid.run(verb, path)
    says = f"error BAD_DATA: {path}, line 5, column close: was 'NaN', which is not a finite number\n"
    assert (result.returncode, result.stdout, result.stderr) == (1, "", says)
