"""Intervals of bars and grids."""

from __future__ import annotations

from enum import StrEnum

from liqgrid.engine.market.errors import BadRequest

_MINUTE_MS = 60_000
_MINUTES = {"1m": 1, "5m": 5, "15m": 15, "1h": 60, "4h": 240, "1d": 1440}


class Interval(StrEnum):
    """Length of a bar; every interval starts on a multiple of itself since 1970-01-01 UTC."""

    M1 = "1m"
    M5 = "5m"
    M15 = "15m"
    H1 = "1h"
    H4 = "4h"
    D1 = "1d"

    @property
    def ms(self) -> int:
        """Length in milliseconds."""
        return _MINUTES[self.value] * _MINUTE_MS

    @property
    def seconds(self) -> int:
        """Length in seconds."""
        return _MINUTES[self.value] * 60


def parse_interval(text: str) -> Interval:
    """Return the interval spelled ``text``.

    Raises
    ------
    BadRequest
        If there is no such interval.
    """
    try:
        return Interval(text)
    except ValueError:
        known = ", ".join(interval.value for interval in Interval)
        raise BadRequest(f"interval was {text!r}; use one of {known}", interval=text) from None
