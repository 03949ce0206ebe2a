"""Entity tags: of what an answer is made of, so that it can be told unchanged before it is made again."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import orjson

from liqgrid import __version__
from liqgrid.api.compression import CODECS
from liqgrid.api.database import Pool
from liqgrid.api.rest.formats import Format
from liqgrid.sql import queries

_SQL = queries("api_rest")
_BYTES = 16


async def tag_of_build(pool: Pool, path: str, values: Mapping[str, Any], form: Format) -> str | None:
    """Return the tag of an answer about a pair: its builds and other inputs, the question, and its form.

    None for a pair that is not stored.
    """
    rows = await pool.fetch(_SQL["versions"], values["pair"], values.get("interval"))
    if not rows:
        return None
    question = [__version__, path, form, sorted(values.items()), [tuple(row) for row in rows]]
    return _tag(orjson.dumps(question, default=str))


def tag_of_body(body: bytes) -> str:
    """Return the tag of bytes."""
    return _tag(body)


def _tag(content: bytes) -> str:
    return f'"{blake2b(content, digest_size=_BYTES).hexdigest()}"'


def matches(if_none_match: str | None, tag: str) -> bool:
    """Whether a client holds the answer a tag stands for, in whatever coding it was sent."""
    for sent in (if_none_match or "").split(","):
        held = sent.strip().removeprefix("W/")
        plain, dot, coding = held.strip('"').partition(".")
        if f'"{plain}"' == tag and (not dot or coding in CODECS):
            return True
    return False
