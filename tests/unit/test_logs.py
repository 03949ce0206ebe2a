"""Lines of the log outside a terminal are logfmt, as structlog writes it."""

from __future__ import annotations

import pytest
import structlog

from liqgrid.cli.logs import logfmt

THEIRS = structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"])


@pytest.mark.parametrize(
    "value",
    [
        "",
        "plain",
        "two words",
        "a=b",
        'say "so"',
        "line\nbreak",
        "back\\slash",
        'both\\ "',
        "\\\n",
        None,
        True,
        False,
        0,
        1.5,
    ],
)
def test_a_line_is_as_structlog_writes_it(value: object) -> None:
    for event in ({"event": value}, {"level": "info", "event": "request", "path": value, "timestamp": "now"}):
        assert logfmt(None, "info", dict(event)) == THEIRS(None, "info", dict(event))
