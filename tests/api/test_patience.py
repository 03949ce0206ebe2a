"""Clients that take their time, and those that send without end: told off, and nobody else waits."""

from __future__ import annotations

import resource
import socket
import time

import pytest

from liqgrid.api import app, patience
from tests.api.served import Api, serving

HEAD = b"GET /health HTTP/1.1\r\n"
POST = b"POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"


def connect(api: Api) -> socket.socket:
    port = api.client.base_url.port
    assert port is not None
    end = socket.create_connection(("127.0.0.1", port))
    end.settimeout(30)
    return end


def rest_of(end: socket.socket) -> bytes:
    """All that still comes until the server ends the connection."""
    came = b""
    try:
        while piece := end.recv(65_536):
            came += piece
    except ConnectionError:
        pass
    return came


@pytest.mark.parametrize(
    "sent", [b"", b"GET /health HTTP/1.1\r\n", b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\nx-a: "]
)
def test_a_head_that_does_not_come_is_not_waited_for(
    migrated_dsn: str, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(patience, "HEADERS_S", 0.5)
    with serving(migrated_dsn) as api:
        ends = [connect(api) for _ in range(50)]
        for end in ends:
            end.sendall(sent)
        assert api.client.get("/health").status_code == 200, "nobody else waits"
        for end in ends:
            assert rest_of(end).startswith(b"HTTP/1.1 408 ")
            end.close()
        assert api.client.get("/health").status_code == 200


def test_a_byte_now_and_then_gains_no_time(migrated_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "HEADERS_S", 0.5)
    with serving(migrated_dsn) as api, connect(api) as end:
        end.sendall(b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
        assert end.recv(65_536).startswith(b"HTTP/1.1 200 ")
        deadline = time.monotonic() + 20
        with pytest.raises(ConnectionError):  # noqa: PT012 - it ends at some byte
            for byte in b"GET /health HTTP/1.1\r\nx: " + b"a" * 10_000:
                end.sendall(bytes([byte]))
                assert time.monotonic() < deadline
                time.sleep(0.02)


def test_a_body_that_does_not_come_is_not_waited_for(migrated_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "BODY_S", 0.3)
    with serving(migrated_dsn) as api, connect(api) as end:
        end.sendall(POST + b"content-length: 100\r\n\r\n{")
        answer = rest_of(end)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"code":"BAD_REQUEST"' in answer
        assert api.client.get("/health").status_code == 200


def test_a_body_of_50_mb_is_refused_unread(migrated_dsn: str) -> None:
    with serving(migrated_dsn) as api:
        with connect(api) as end:
            end.sendall(POST + b"content-length: 50000000\r\n\r\n{")
            assert b'"code":"REQUEST_TOO_LARGE"' in rest_of(end)
        before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        sent = 0
        with connect(api) as end, pytest.raises(ConnectionError):  # noqa: PT012 - it ends at some piece
            end.sendall(POST + b"transfer-encoding: chunked\r\n\r\n")
            while sent < 50_000_000:
                end.sendall(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
                sent += 65_536
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 20_000
        assert api.client.get("/health").status_code == 200
