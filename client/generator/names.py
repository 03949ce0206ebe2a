"""Names of the schema as Python writes them."""

from __future__ import annotations

import re


def snake(name: str) -> str:
    """Return ``priceEdges`` as ``price_edges``."""
    return re.sub(r"(?<=[a-z0-9])[A-Z]", lambda match: f"_{match[0]}", name).lower()


def word(value: str) -> str:
    """Return a value of an enumeration: ``15m`` for ``M15``, ``long`` for ``LONG``; the client does so as it runs."""
    match = re.fullmatch(r"([A-Z])(\d+)", value)
    return f"{match[2]}{match[1].lower()}" if match else value.lower()


def words(text: str) -> str:
    """Return a description with names of the schema as Python writes them, and None for null."""
    text = re.sub(r"`([a-z]+[A-Z]\w*)`", lambda match: f"`{snake(match[1])}`", text)
    text = re.sub(r"\b(closeTime|longTotal)\b", lambda match: snake(match[1]), text)
    return re.sub(r"\bnull\b", "None", text)
