"""Headers in which a client says what it likes, and how much."""

from __future__ import annotations

import re

_QUALITY = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")
_MOST_NAMES = 100


def weights(header: str) -> dict[str, float]:
    """Return what a header such as ``Accept`` or ``Accept-Encoding`` names, with how much each is wanted, 0 to 1."""
    wanted: dict[str, float] = {}
    for part in header.split(",")[:_MOST_NAMES]:
        name, *options = (text.strip().lower() for text in part.split(";"))
        quality = next((option[2:].strip() for option in options if option.startswith("q=")), "1")
        wanted[name] = float(quality) if _QUALITY.fullmatch(quality) else 0.0
    return wanted
