"""Progress: bars on a terminal, lines elsewhere; and the words of reports."""

from __future__ import annotations

import io
import sys

import pytest

from liqgrid.cli import progress as module
from liqgrid.cli.imports import describe_gaps
from liqgrid.cli.progress import progress
from liqgrid.cli.text import duration

HOUR_MS = 3_600_000


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_elsewhere_it_is_lines_of_keys_and_values(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "_SECONDS_BETWEEN_LINES", 0.0)
    with progress("building binance:BTC-USDT", "bars") as report:
        report(7, 10)
        report(10, 10)
    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert len(lines) == 3
    assert all('level=info event="building binance:BTC-USDT"' in line for line in lines)
    assert lines[0].endswith('state="under way" bars=7 total=10')
    assert "state=done bars=10 seconds=" in lines[2]


def test_failed_work_is_not_done(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), progress("working"):
        raise ZeroDivisionError
    assert "done" not in capsys.readouterr().err


@pytest.mark.parametrize("total", [None, 100])
def test_on_a_terminal_it_is_a_bar_that_goes_away(monkeypatch: pytest.MonkeyPatch, total: int | None) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with progress("importing BTCUSDT_1h.csv", "bars") as report:
        report(42, total)
    assert "importing BTCUSDT_1h.csv" in terminal.getvalue()
    assert "event=" not in terminal.getvalue()


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, "under a minute"), (300_000, "5 min"), (5 * HOUR_MS, "5 h"), (53 * HOUR_MS + 60_000, "2 d 5 h")],
)
def test_duration(ms: int, text: str) -> None:
    assert duration(ms) == text


def test_gaps_are_counted_and_the_longest_is_named() -> None:
    gaps = [(0, HOUR_MS), (5 * HOUR_MS, 8 * HOUR_MS)]
    assert describe_gaps(gaps) == (
        "2 gaps, 4 h missing, the longest 1970-01-01 05:00 … 1970-01-01 08:00 UTC; recorded, not filled in"
    )
