"""What waits differently with asyncio and without; each half has its own."""

from __future__ import annotations

import asyncio

from websockets.asyncio.client import ClientConnection, connect

__all__ = ["ClientConnection", "connect", "receive", "sleep"]

sleep = asyncio.sleep


async def receive(socket: ClientConnection, timeout_s: float | None) -> str | bytes:
    """Return the next message; TimeoutError if none comes in time."""
    async with asyncio.timeout(timeout_s):
        return await socket.recv()
