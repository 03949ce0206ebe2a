"""The API served until it is told to stop: by this process, or by several on one port."""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass

import uvicorn

from liqgrid.api.access import AccessRules, Anonymous
from liqgrid.api.app import MAX_BODY_BYTES, Kept, create_app
from liqgrid.api.patience import PatientHttp
from liqgrid.api.shared import Shared, shared_file, shared_memory
from liqgrid.api.visit import Meters
from liqgrid.cli.children import child
from liqgrid.cli.listen import BACKLOG
from liqgrid.cli.logs import configure_logs
from liqgrid.cli.settings import Settings
from liqgrid.cli.text import say
from liqgrid.engine.market.errors import LiqgridError

_PATIENCE_S = 10  # for answers under way when told to stop

# Longer than clients and proxies keep an idle connection (httpx 5 s, nginx 60 s): who ends it first must not be us, or
# a request sent in that very moment is lost.
_KEEP_ALIVE_S = 75


@dataclass(frozen=True, slots=True)
class Inheritance:
    """What a process that serves beside others was left open by the one that started it, as descriptors.

    ``listener`` is the port, ``shared`` the file of the memory they share, and to ``ready`` it writes when it serves.
    """

    listener: int
    shared: int
    ready: int


def serve_api(
    dsn: str,
    listener: socket.socket,
    settings: Settings,
    open_to_all: bool | None,
    workers: int = 1,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Serve the API of a migrated database; return when SIGINT or SIGTERM came and open requests are answered.

    With several ``workers`` each is a process, under the variables of ``environment`` besides ours.

    Raises
    ------
    LiqgridError
        If the API does not start.
    """
    configure_logs()
    if workers > 1:
        _serve_by_workers(listener, open_to_all, workers, environment)
        return
    config = server_config(dsn, access_rules(settings, open_to_all), _kept(settings))
    _run(_Server(config), listener)


def serve_inherited(dsn: str, settings: Settings, open_to_all: bool | None, inheritance: Inheritance) -> None:
    """Serve as one of several processes; return as ``serve_api`` does."""
    configure_logs()
    shared = shared_memory(inheritance.shared)
    config = server_config(dsn, access_rules(settings, open_to_all, shared), _kept(settings, shared))
    with socket.socket(fileno=inheritance.listener) as listener:
        _run(_Server(config, inheritance.ready), listener)


def _serve_by_workers(
    listener: socket.socket, open_to_all: bool | None, workers: int, environment: Mapping[str, str] | None
) -> None:
    """Keep several processes serving on one port until told to stop; one that ends by itself is started again."""
    reading, writing = os.pipe()
    with shared_file() as shared:
        given = Inheritance(listener.fileno(), shared, writing)
        command = [
            "serve", f"--listener={given.listener}", f"--shared={given.shared}", f"--ready={given.ready}",
            *({True: ["--open"], False: ["--closed"], None: []}[open_to_all]),
        ]  # fmt: skip
        with (
            contextlib.suppress(KeyboardInterrupt),
            child(command, environment, [given.listener, given.shared, given.ready], workers),
        ):
            for _ in range(workers):
                os.read(reading, 1)
            _say_address(listener)
            threading.Event().wait()
    for descriptor in (reading, writing):
        os.close(descriptor)


def _run(server: uvicorn.Server, listener: socket.socket) -> None:
    try:
        # uvicorn raises the signal it ended for once more when it is done
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
    except SystemExit as error:
        raise LiqgridError("the API did not start; the reason stands above") from error


def access_rules(settings: Settings, open_to_all: bool | None, shared: Shared | None = None) -> AccessRules:
    """Return who may ask without a key: with ``--open`` everybody, with ``--closed`` nobody, else this machine."""
    anonymous = {None: Anonymous.LOOPBACK, True: Anonymous.EVERYBODY, False: Anonymous.NOBODY}[open_to_all]
    meters = Meters() if shared is None else shared.meters
    return AccessRules(anonymous, origins=settings.cors_origins, log_requests=settings.access_log, meters=meters)


def _kept(settings: Settings, shared: Shared | None = None) -> Kept:
    return Kept(settings.answers_mb << 20, None if shared is None else shared.changes_page)


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
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_PATIENCE_S,
    )


class _Server(uvicorn.Server):
    """Says that it serves, once it does: to people, or to the process that started it and others beside it."""

    def __init__(self, config: uvicorn.Config, ready: int | None = None) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        _leave_out_of_collections()
        if self._ready is not None:
            os.write(self._ready, b".")
            return
        for listener in sockets or []:
            _say_address(listener)


def _leave_out_of_collections() -> None:
    """Let the garbage collector no longer look through what is there from the start: schema, modules, compiled code.

    Going through all of it over and over took a quarter of the time of answers from the database.
    """
    gc.collect()
    gc.freeze()


def _say_address(listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    base = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    say("heatmap", f"{base}/")
    say("GraphQL", f"{base}/graphql")
    say("", "Ctrl-C stops everything.")
