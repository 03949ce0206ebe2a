"""A server that sends the bytes of a file to whoever asks: ``python -m bench.bytes_app FILE [SERVER [DSN]]``.

It is what an answer cannot be faster than: the same server with the same settings, and nothing between. SERVER is
``uvicorn`` (as liqgrid runs it), ``uvicorn-asyncio`` (without uvloop) or ``granian``. It prints its address. With a DSN
the bytes are a route of liqgrid's own application, with all that stands before one: access, limits, ids, the log.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from liqgrid.api.access import AccessRules
from liqgrid.api.app import create_app
from liqgrid.cli.logs import configure_logs
from liqgrid.cli.serve import server_config


class Bytes:
    """Answers every request with the same bytes, when it has come whole."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            while (message := await receive())["type"] != "lifespan.shutdown":
                await send({"type": f"{message['type']}.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        while (await receive()).get("more_body", False):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": self._headers})
        await send({"type": "http.response.body", "body": self._body})


def app() -> Bytes:
    """Return the application of the file named on the command line."""
    return Bytes(Path(sys.argv[1]).read_bytes())


def within_liqgrid(dsn: str) -> Starlette:
    """Return liqgrid's application, with the bytes where GraphQL is."""
    configure_logs()
    body = Path(sys.argv[1]).read_bytes()

    async def send_bytes(request: Request) -> Response:
        await request.body()
        return Response(body, media_type="application/json")

    whole = create_app(dsn, AccessRules(log_requests=True))
    whole.router.routes.insert(0, Route("/graphql", send_bytes, methods=["POST"]))
    return whole


def main() -> None:
    """Serve until told to end."""
    server = sys.argv[2] if len(sys.argv) > 2 else "uvicorn"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        if server == "granian":
            listener.close()
            serve_by_granian(address)
            return
        config = server_config("postgresql:///", AccessRules())
        config.app = app() if len(sys.argv) < 4 else within_liqgrid(sys.argv[3])
        config.loop = "asyncio" if server == "uvicorn-asyncio" else config.loop
        print(address, flush=True)
        uvicorn.Server(config).run(sockets=[listener])


def serve_by_granian(address: str) -> None:
    """Serve by granian, which has to be installed for it; one worker, one thread."""
    from granian import Granian  # type: ignore[import-not-found,unused-ignore] # noqa: PLC0415
    from granian.constants import Interfaces  # type: ignore[import-not-found,unused-ignore] # noqa: PLC0415

    print(address, flush=True)
    port = int(address.rpartition(":")[2])
    Granian("bench.bytes_app:app", port=port, interface=Interfaces.ASGI, factory=True, log_enabled=False).serve()


if __name__ == "__main__":
    main()
