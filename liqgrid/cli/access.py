"""Whether the API may be served where it is to be: nobody is let in by oversight."""

from __future__ import annotations

import socket
from ipaddress import ip_address

from liqgrid.engine.market.errors import BadSetting
from liqgrid.engine.store.database import Connection
from liqgrid.engine.store.keys import has_key


def check_access(connection: Connection, listener: socket.socket, open_to_all: bool | None) -> None:
    """Refuse to serve where those who can reach the API need a key and there is none.

    ``open_to_all`` is True with ``--open``, False with ``--closed``, else None: this machine needs no key.

    Raises
    ------
    BadSetting
        Saying what to do.
    """
    host = listener.getsockname()[0]
    needs_key = not ip_address(host.partition("%")[0]).is_loopback if open_to_all is None else not open_to_all
    if needs_key and not has_key(connection):
        raise BadSetting(
            f"host was {host}, where a key is needed, and there is none; make one with `liqgrid keys create NAME`, or "
            "let everybody in with --open",
            host=host,
        )
