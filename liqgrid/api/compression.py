"""Content negotiation of zstd, brotli and gzip, by the codecs pyarrow brings; large bodies in a thread."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterable
from typing import Any, Literal

import pyarrow as pa
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from liqgrid.api.drain import Drain
from liqgrid.api.heads import sent
from liqgrid.api.negotiation import weights
from liqgrid.api.peer import is_local

# In the order of liking: zstd is both faster and smaller on our answers. Levels that keep a core at 20 MB/s or more.
CODECS: dict[str, tuple[Literal["zstd", "brotli", "gzip"], int]] = {
    "zstd": ("zstd", 3),
    "br": ("brotli", 3),
    "gzip": ("gzip", 4),
}
# What a body of unknown length is sent in: pyarrow has brotli for streams at its slowest only.
STREAMED = ("zstd", "gzip")
LEAST_BYTES = 1024
_GZIP_BITS = 31  # zlib's window, with gzip's head and foot
_IN_THREAD_BYTES = 64 * 1024
# What is compressed already, and what is waited for piece by piece.
_AS_IT_IS = ("image/", "application/vnd.apache.parquet", "multipart/", "text/event-stream")


def chosen_coding(accept_encoding: str | None, offered: Iterable[str] = tuple(CODECS)) -> str | None:
    """Return the coding a client likes best, of equals ours; None for none."""
    wanted = weights(accept_encoding or "")
    liked = {name: wanted.get(name, wanted.get("*", 0.0)) for name in offered}
    best = max(liked, key=lambda name: liked[name])
    return best if liked[best] > 0 and liked[best] >= wanted.get("identity", 0.0) else None


def tag_for(tag: str, coding: str) -> str:
    """Return the entity tag of a body in a coding: other bytes, so another strong tag."""
    return f'{tag[:-1]}.{coding}"'


class Compression:
    """Compress what the application sends, where the client takes it and it is worth it.

    Not ``to_this_machine``, where that is so: sending there takes less than compressing.
    """

    def __init__(self, app: ASGIApp, *, to_this_machine: bool = True) -> None:
        self._app = app
        self._to_this_machine = to_this_machine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        accepted = sent(scope, b"accept-encoding") if scope["type"] == "http" else ""
        wanted = bool(accepted) and (self._to_this_machine or not is_local(HTTPConnection(scope)))
        if wanted and chosen_coding(accepted) is not None:
            send = _Sender(send, accepted).send
        await self._app(scope, receive, send)


class _Sender:
    """One answer on its way: its head waits for its first piece, which shows whether it is compressed.

    One of a length that is told comes whole, in whatever pieces it is sent.
    """

    def __init__(self, send: Send, accepted: str) -> None:
        self._send = send
        self._accepted = accepted
        self._head: Message | None = None
        self._pieces: list[bytes] = []
        self._stream: _Stream | None = None

    async def send(self, message: Message) -> None:
        """Send one message of the application on."""
        if message["type"] == "http.response.start" and _compressible(message):
            self._head = message
        elif message["type"] != "http.response.body":
            await self._send(message)
        elif self._head is None:
            await self._go_on(message)
        else:
            self._pieces.append(message.get("body", b""))
            if not (message.get("more_body", False) and "content-length" in Headers(raw=self._head["headers"])):
                head, self._head = self._head, None
                await self._begin(head, {**message, "body": b"".join(self._pieces)})

    async def _begin(self, head: Message, message: Message) -> None:
        """Send the head and the first piece, which may be all."""
        body, more = message["body"], message.get("more_body", False)
        if "vary" not in (headers := MutableHeaders(scope=head)):
            headers["vary"] = "accept-encoding"
        coding = chosen_coding(self._accepted, STREAMED if more else CODECS)
        if coding is None or (not more and len(body) < LEAST_BYTES):
            await self._send(head)
            await self._send(message)
            return
        headers["content-encoding"] = coding
        if "etag" in headers:
            headers["etag"] = tag_for(headers["etag"], coding)
        del headers["content-length"]
        if more:
            self._stream = _Stream(coding)
        else:
            body = await _off_loop(len(body), _whole, coding, body)
            headers["content-length"] = str(len(body))
        await self._send(head)
        await self._go_on({**message, "body": body})

    async def _go_on(self, message: Message) -> None:
        if self._stream is not None:
            body = message.get("body", b"")
            body = await _off_loop(len(body), self._stream.add, body, not message.get("more_body", False))
            message = {**message, "body": body}
        await self._send(message)


def _compressible(head: Message) -> bool:
    headers = Headers(raw=head["headers"])
    kind = headers.get("content-type", "")
    return "content-encoding" not in headers and head["status"] == 200 and not kind.startswith(_AS_IT_IS)


async def _off_loop(size: int, function: Any, *arguments: Any) -> bytes:
    """Return what a function gives; from a thread if there is much to do, so that nobody else waits."""
    compressed: bytes = (
        await asyncio.to_thread(function, *arguments) if size >= _IN_THREAD_BYTES else function(*arguments)
    )
    return compressed


async def compressed(coding: str, body: bytes) -> bytes:
    """Return a whole body in a coding."""
    return await _off_loop(len(body), _whole, coding, body)


def _whole(coding: str, body: bytes) -> bytes:
    name, level = CODECS[coding]
    compressed: bytes = pa.Codec(name, compression_level=level).compress(body, asbytes=True)
    return compressed


class _Stream:
    """A body compressed piece by piece; what is ready is handed out, and nothing else is kept."""

    def __init__(self, coding: str) -> None:
        self._gzip = zlib.compressobj(CODECS["gzip"][1], wbits=_GZIP_BITS) if coding == "gzip" else None
        self._drain = Drain()
        self._zstd = None if self._gzip else pa.CompressedOutputStream(self._drain.file, "zstd")

    def add(self, piece: bytes, last: bool) -> bytes:
        """Return what is ready of the body up to this piece."""
        if self._gzip is not None:
            return self._gzip.compress(piece) + (self._gzip.flush() if last else b"")
        assert self._zstd is not None  # noqa: S101 - it is one or the other
        self._zstd.write(piece)
        if last:
            self._zstd.close()
        return self._drain.take()
