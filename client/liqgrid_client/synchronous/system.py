"""What waits differently with asyncio and without; each half has its own."""

from __future__ import annotations

from time import sleep

from websockets.sync.client import ClientConnection, connect

__all__ = ["ClientConnection", "connect", "receive", "sleep"]


def receive(socket: ClientConnection, timeout_s: float | None) -> str | bytes:
    """Return the next message; TimeoutError if none comes in time."""
    return socket.recv(timeout_s)
