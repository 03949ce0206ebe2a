"""The API served by this process, until it is told to stop."""

from __future__ import annotations

import contextlib
import socket

import uvicorn

from liqgrid.api.access import AccessRules, Anonymous
from liqgrid.api.app import MAX_BODY_BYTES, Kept, create_app
from liqgrid.api.patience import PatientHttp
from liqgrid.cli.listen import BACKLOG
from liqgrid.cli.logs import configure_logs
from liqgrid.cli.settings import Settings
from liqgrid.cli.text import say
from liqgrid.engine.market.errors import LiqgridError

_PATIENCE_S = 10  # for answers under way when told to stop


def serve_api(dsn: str, listener: socket.socket, settings: Settings, open_to_all: bool | None) -> None:
    """Serve the API of a migrated database; return when SIGINT or SIGTERM came and open requests are answered.

    Raises
    ------
    LiqgridError
        If the API does not start.
    """
    configure_logs()
    server = _Server(server_config(dsn, access_rules(settings, open_to_all)))
    try:
        # uvicorn raises the signal it ended for once more when it is done
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
    except SystemExit as error:
        raise LiqgridError("the API did not start; the reason stands above") from error


def access_rules(settings: Settings, open_to_all: bool | None) -> AccessRules:
    """Return who may ask without a key: with ``--open`` everybody, with ``--closed`` nobody, else this machine."""
    anonymous = {None: Anonymous.LOOPBACK, True: Anonymous.EVERYBODY, False: Anonymous.NOBODY}[open_to_all]
    return AccessRules(anonymous, origins=settings.cors_origins, log_requests=settings.access_log)


def server_config(dsn: str, rules: AccessRules, kept: Kept | None = None) -> uvicorn.Config:
    """Return how the API is served."""
    return uvicorn.Config(
        create_app(dsn, rules, kept),
        loop="auto",
        http=PatientHttp,
        ws="websockets-sansio",
        ws_max_size=MAX_BODY_BYTES,
        ws_per_message_deflate=False,  # packed numbers hardly compress, and compressing takes memory per connection
        ws_ping_interval=20,
        ws_ping_timeout=20,
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        # Who asks is told by the connection. By default uvicorn believes X-Forwarded-For of anybody on this machine.
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=_PATIENCE_S,
    )


class _Server(uvicorn.Server):
    """Says where it is, once it is there."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or []:
            host, port = listener.getsockname()[:2]
            base = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
            say("GraphQL", f"{base}/graphql")
        say("", "Ctrl-C stops everything.")
