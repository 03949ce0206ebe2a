"""Words and values as the wire spells them, and as Python does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import numpy as np

Time = datetime | np.datetime64 | str
"""A moment: an aware or naive (UTC) datetime, numpy's datetime64 (UTC), or ISO 8601."""

_ENUMERATED = frozenset({"interval", "side", "unit"})
_INTERVAL = re.compile(r"([A-Z])(\d+)")
_LENGTH = re.compile(r"(\d+)([a-z])")


def word(value: str) -> str:
    """Return a value of an enumeration as Python writes it: ``15m`` for ``M15``, ``long`` for ``LONG``."""
    match = _INTERVAL.fullmatch(value)
    return f"{match[2]}{match[1].lower()}" if match else value.lower()


def enumerated(value: str) -> str:
    """Return a word as GraphQL writes it: ``M15`` for ``15m``, ``LONG`` for ``long``."""
    match = _LENGTH.fullmatch(value)
    return f"{match[2].upper()}{match[1]}" if match else value.upper()


def iso(time: Time) -> str:
    """Return a moment as ISO 8601 with a zone; text is left as it is."""
    if isinstance(time, str):
        return time
    if isinstance(time, np.datetime64):
        time = time.astype("datetime64[ms]").item()
        if not isinstance(time, datetime):
            raise ValueError("a moment is needed; this one is NaT")  # noqa: TRY004 - of the right type, without a value
    aware = time if time.tzinfo is not None else time.replace(tzinfo=UTC)
    return aware.isoformat()


def variables(arguments: Mapping[str, object]) -> dict[str, object]:
    """Return arguments of Python as variables of GraphQL; those that are None are left out."""
    return {
        camel(name): enumerated(value) if name in _ENUMERATED and isinstance(value, str) else _plain(value)
        for name, value in arguments.items()
        if value is not None
    }


def parameters(**arguments: object) -> dict[str, str]:
    """Return arguments of Python as parameters of REST; those that are None are left out."""
    plain = {name: _plain(value) for name, value in arguments.items() if value is not None}
    return {name: ",".join(map(str, value)) if isinstance(value, list) else str(value) for name, value in plain.items()}


def camel(name: str) -> str:
    """Return ``price_low`` as ``priceLow``."""
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


def _plain(value: object) -> object:
    match value:
        case datetime() | np.datetime64():
            return iso(value)
        case np.generic():
            return value.item()
        case str() | bool() | int() | float():
            return value
        case Iterable():
            return [_plain(one) for one in value]
    raise TypeError(f"{value!r} cannot be sent")


def listed(names: str | Iterable[str] | None) -> list[str] | None:
    """Return one name or several as a list."""
    return [names] if isinstance(names, str) else None if names is None else list(names)
