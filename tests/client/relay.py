"""A way to the server on which things go wrong: answers that are not its own, refusals, cuts."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_BLOCK = 1 << 16


def answer(status: str, body: str = "", *headers: str) -> bytes:
    """Return an HTTP response as bytes, after which its connection ends."""
    content = body.encode()
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", "Connection: close", *headers]
    return "\r\n".join([*head, "", ""]).encode() + content


@dataclass
class Relay:
    """Takes connections one after another; each meets the next of ``faults``, and the server when none is left.

    A fault is an answer in the server's place, b"" for none at all (the connection ends), None for silence, or a
    number: so many bytes of the server's pass before the connection is cut.
    """

    target: tuple[str, int]
    listener: socket.socket
    faults: list[bytes | int | None] = field(default_factory=list)
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)  # bodies of those it answered itself
    _open: list[socket.socket] = field(default_factory=list)

    @property
    def url(self) -> str:
        host, port = self.listener.getsockname()
        return f"http://{host}:{port}"

    def cut(self) -> None:
        """End every connection, in both directions, without a word."""
        while self._open:
            with suppress(OSError):
                self._open[-1].shutdown(socket.SHUT_RDWR)
            self._open.pop().close()

    def serve(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(client)
            fault = self.faults.pop(0) if self.faults else _BLOCK << 16
            threading.Thread(target=self._meet, args=(client, fault), daemon=True).start()

    def _meet(self, client: socket.socket, fault: bytes | int | None) -> None:
        with suppress(OSError):
            if fault is None:
                return
            if isinstance(fault, bytes):
                if fault:
                    self.requests.append(_read_request(client))
                    client.sendall(fault)
                client.shutdown(socket.SHUT_RDWR)
                client.close()
                return
            server = socket.create_connection(self.target)
            self._open.append(server)
            threading.Thread(target=_pipe, args=(client, server, _BLOCK << 16), daemon=True).start()
            _pipe(server, client, fault)


def _read_request(client: socket.socket) -> bytes:
    """Read a request whole, so that nothing of it is in the way of the answer; return its body."""
    text = b""
    while b"\r\n\r\n" not in text:
        text += client.recv(_BLOCK)
    head, _, body = text.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
    )
    while len(body) < length:
        body += client.recv(_BLOCK)
    return body


def _pipe(source: socket.socket, sink: socket.socket, most: int) -> None:
    with suppress(OSError):
        while most > 0 and (block := source.recv(min(_BLOCK, most))):
            sink.sendall(block)
            most -= len(block)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


@contextmanager
def relaying(target: tuple[str, int], *faults: bytes | int | None) -> Iterator[Relay]:
    """Stand between clients and a server; the faults come first."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        relay = Relay(target, listener, list(faults))
        thread = threading.Thread(target=relay.serve)
        thread.start()
        try:
            yield relay
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            relay.cut()
            thread.join(10)
            assert not thread.is_alive()
