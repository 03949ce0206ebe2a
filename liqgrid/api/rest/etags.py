"""Entity tags: of what an answer is made of, so that it can be told unchanged before it is made again."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from liqgrid import __version__
from liqgrid.api.compression import CODECS, tag_for
from liqgrid.api.database import Pool
from liqgrid.api.rest.formats import Format
from liqgrid.sql import queries

_SQL = queries("api_rest")
_BYTES = 16
_NOT_MODIFIED = 304


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


def not_modified(request: Request, tag: str, headers: Mapping[str, str]) -> Response | None:
    """Return that a client holds the answer a tag stands for already, in whatever coding it was sent; None if not.

    It names the tag as the client does: by it a cache finds what it may go on using (RFC 9111, 4.3.4).
    """
    known = {tag, *(tag_for(tag, coding) for coding in CODECS)}
    for sent in request.headers.get("if-none-match", "").split(","):
        held = sent.strip()
        if held.removeprefix("W/") in known:
            return Response(None, _NOT_MODIFIED, {**headers, "etag": held})
    return None
