"""The address the API is served on, taken before any work is done."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from liqgrid.engine.market.errors import BadSetting

BACKLOG = 2048


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Yield a listening socket: it is ours from the first moment on, and who connects early waits for the API.

    Raises
    ------
    BadSetting
        If the address is in use or not ours to use.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise BadSetting(
            f"host was {host!r}, which is no address: {error.strerror}; choose another with --host"
        ) from error
    with socket.socket(family, kind, protocol) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen(BACKLOG)
        except OSError as error:
            reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
            raise BadSetting(f"port {port} on {host} {reason}; choose another with --port", port=port) from error
        yield listener
