"""Heads of requests and answers as they travel: pairs of bytes, looked at once, without an object around them.

Every request passes here several times; starlette's ``Headers`` cost a tenth of a repeated answer.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import Message, Scope


def sent(scope: Scope, name: bytes) -> str:
    """Return the first header of a request by its name in lower case, empty if there is none."""
    for key, value in scope["headers"]:
        if key == name:
            text: str = value.decode("latin-1")
            return text
    return ""


def sends_any(scope: Scope, names: frozenset[bytes]) -> bool:
    """Whether a request has any of some headers, their names in lower case."""
    return any(key in names for key, _ in scope["headers"])


def add(head: Message, headers: Mapping[str, str]) -> None:
    """Add headers to the head of an answer, their names in lower case, instead of those it has of these names."""
    added = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    names = {name for name, _ in added}
    head["headers"] = [pair for pair in head.get("headers", ()) if pair[0] not in names] + added


def value_of(head: Message, name: bytes) -> str | None:
    """Return a header of an answer, None if it has none of the name."""
    for key, value in head["headers"]:
        if key == name:
            text: str = value.decode("latin-1")
            return text
    return None
