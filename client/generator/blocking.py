"""The sync half from the async one: the same text without what waits."""

from __future__ import annotations

import re

_HEAD = "# Made from liqgrid_client/asynchronous by `python -m generator`; change that.\n"
_RULES = [
    (r"\basync (def|for|with)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\bAwaitable, ", ""),
    (r"\bAwaitable\[(\w+)\]", r"\1"),
    (r"\bAsyncGenerator\[(\w+), None\]", r"Generator[\1, None, None]"),
    (r", for asyncio\.", "."),
    (r"\bAsync(Client|Pages|Series|Transport|Iterator|Generator|Retrying)\b", r"\1"),
    (r"\b__a(enter|exit|iter)__\b", r"__\1__"),
    (r"\baiter_(bytes)\b", r"iter_\1"),
    (r"\ba(close|closing|read)\b", r"\1"),
    (r"\basynchronous\b", "synchronous"),
]


def blocking(text: str) -> str:
    """Return the sync counterpart of a module's text."""
    for pattern, instead in _RULES:
        text = re.sub(pattern, instead, text)
    return _HEAD + text
