"""The API as a client meets it: a server on a loopback port, asked over HTTP."""

from __future__ import annotations

import base64
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import uvicorn
from numpy.typing import NDArray

from liqgrid.api.access import AccessRules
from liqgrid.api.app import Kept
from liqgrid.cli.serve import server_config
from tests.waiting import wait_until

_PATIENCE_S = 60


def unpacked(array: dict[str, Any]) -> NDArray[Any]:
    """Decode a PackedArray, as docs/api.md tells it."""
    return np.frombuffer(base64.b64decode(array["data"]), array["dtype"]).reshape(array["shape"])


def _inflated(codec: str, body: bytes) -> bytes:
    content: bytes = pa.CompressedInputStream(pa.BufferReader(body), codec).read()  # type: ignore[arg-type]
    return content


DECODED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda body: zlib.decompress(body, 31),
    "zstd": partial(_inflated, "zstd"),
    "br": partial(_inflated, "brotli"),
}


# What the database tells is heard of soon after, not at once.
until = partial(wait_until, patience_s=10)


@dataclass(frozen=True)
class Api:
    """A served API over one database."""

    dsn: str
    client: httpx.Client

    def post(self, query: str, **variables: Any) -> httpx.Response:
        return self.client.post("/graphql", json={"query": query, "variables": variables})

    def ask(self, query: str, **variables: Any) -> Any:
        """Return the answer's data; there must be no error."""
        response = self.post(query, **variables)
        answer = response.json()
        assert "errors" not in answer, answer["errors"]
        assert response.status_code == 200
        return answer["data"]

    def refuse(self, query: str, **variables: Any) -> dict[str, Any]:
        """Return the one error of an answer, after a look at its shape."""
        response = self.post(query, **variables)
        answer = response.json()
        assert response.status_code == 200
        assert {"data", "errors"} <= answer.keys() <= {"data", "errors", "extensions"}
        assert not any((answer["data"] or {}).values())
        (error,) = answer["errors"]
        assert error["extensions"].keys() == {"code", "context", "request_id"}
        assert error["extensions"]["request_id"] == response.headers["x-request-id"]
        assert error["message"]
        return dict(error)

    def code(self, query: str, **variables: Any) -> str:
        """Return the code of the one error of an answer."""
        return str(self.refuse(query, **variables)["extensions"]["code"])


@contextmanager
def serving(dsn: str, rules: AccessRules | None = None, kept: Kept | None = None) -> Iterator[Api]:
    """Serve a migrated database from a thread of this process, as ``liqgrid serve`` does."""
    config = server_config(dsn, rules or AccessRules(), kept)
    config.port, config.log_level = 0, "critical"
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        deadline = time.monotonic() + _PATIENCE_S
        while not server.started:
            assert thread.is_alive(), "the server ended before it served"
            assert time.monotonic() < deadline, "the server does not start"
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=_PATIENCE_S, trust_env=False) as client:
            yield Api(dsn, client)
    finally:
        server.should_exit = True
        thread.join(_PATIENCE_S)
        assert not thread.is_alive(), "the server does not end"
