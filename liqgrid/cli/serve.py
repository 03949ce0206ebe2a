"""The API served by this process, until it is told to stop."""

from __future__ import annotations

import contextlib
import socket

import uvicorn

from liqgrid.api.app import WEBSOCKETS, create_app
from liqgrid.cli.listen import BACKLOG
from liqgrid.cli.logs import configure_logs
from liqgrid.cli.text import say
from liqgrid.engine.market.errors import LiqgridError

_PATIENCE_S = 10  # for answers under way when told to stop


def serve_api(dsn: str, listener: socket.socket) -> None:
    """Serve the API of a migrated database; return when SIGINT or SIGTERM came and open requests are answered.

    Raises
    ------
    LiqgridError
        If the API does not start.
    """
    configure_logs()
    config = uvicorn.Config(
        create_app(dsn),
        loop="auto",
        http="httptools",
        **WEBSOCKETS,
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=_PATIENCE_S,
    )
    server = _Server(config)
    try:
        # uvicorn raises the signal it ended for once more when it is done
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
    except SystemExit as error:
        raise LiqgridError("the API did not start; the reason stands above") from error


class _Server(uvicorn.Server):
    """Says where it is, once it is there."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or []:
            host, port = listener.getsockname()[:2]
            base = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
            say("GraphQL", f"{base}/graphql")
        say("", "Ctrl-C stops everything.")
