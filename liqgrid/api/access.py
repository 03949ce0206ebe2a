"""Who may ask, and how much: keys, scopes and limits, before anything else looks at a request.

Anybody on this machine may ask without a key. That is told by the connection's own address, never by a header; and one
that came through a proxy, or by a name that is not this machine's, is nobody on this machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from liqgrid.api.encode import to_json
from liqgrid.api.errors import STATUS, error_body
from liqgrid.api.heads import add, sent
from liqgrid.api.keys import KeyRing
from liqgrid.api.peer import address_of, is_local
from liqgrid.api.visit import Limits, Meters, Visit
from liqgrid.engine.market.api_key import Scope as KeyScope
from liqgrid.engine.market.errors import Forbidden, LiqgridError, RateLimited, Unauthorised

VENDOR_PREFIX = "/api/"
# What describes the API, draws it, or says that it lives; none of it is data.
_PUBLIC = frozenset({"/", "/health", "/schema.graphql", "/openapi.json"})
_PAGE = "/page/"
_EXPORTS = "/v1/export/"
_READERS = {"GET", "HEAD"}
_NO_SUCH_KEY = "the key does not open: it is mistyped, unknown or revoked"


class Anonymous(StrEnum):
    """Who may ask without a key."""

    NOBODY = "nobody"
    LOOPBACK = "loopback"
    EVERYBODY = "everybody"


@dataclass(frozen=True, slots=True)
class AccessRules:
    """What the operator decided; ``limits`` are those of each address that asks without a key, this machine's apart."""

    anonymous: Anonymous = Anonymous.LOOPBACK
    limits: Limits = field(default_factory=Limits)
    origins: tuple[str, ...] = ()
    log_requests: bool = False
    meters: Meters = field(default_factory=Meters)


class Access:
    """Let a request in, as a ``Visit`` in its state, or refuse it; ``app.state.keys`` is the key ring."""

    def __init__(self, app: ASGIApp, rules: AccessRules) -> None:
        self._app = app
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        visit = scope["state"]["visit"] = Visit(client="unknown", meters=self._rules.meters)

        async def send_told(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                add(message, visit.headers())
                if visit.wait_s is not None:  # GraphQL found out when it had begun to answer
                    message["status"] = STATUS[RateLimited.code]
            await send(message)

        try:
            await self._admit(HTTPConnection(scope), visit)
        except LiqgridError as error:
            await _refuse(error, scope, receive, send_told)
        else:
            await self._app(scope, receive, send_told)

    async def _admit(self, connection: HTTPConnection, visit: Visit) -> None:
        """Fill in who it is, and raise if it is not let in."""
        if _is_public(connection):
            visit.client = "public"
            return
        text, is_ours = sent_key(connection)
        opens = text is not None and await _admit_by_key(connection, visit, text)
        if not opens and text is not None and is_ours:
            raise Unauthorised(_NO_SUCH_KEY)
        if not opens:
            self._admit_anonymous(connection, visit)
        visit.enter()

    def _admit_anonymous(self, connection: HTTPConnection, visit: Visit) -> None:
        local = is_local(connection)
        if self._rules.anonymous is Anonymous.NOBODY or not (local or self._rules.anonymous is Anonymous.EVERYBODY):
            if connection.scope["type"] != "websocket":
                raise Unauthorised("a key is needed; send it as X-API-Key or as Authorization: Bearer")
            # A page in a browser cannot send headers with a handshake: its key comes with the first message.
            visit.must_show_key = True
        may_go_on = local and not visit.must_show_key
        visit.client = "local" if may_go_on else address_of(connection)
        visit.limits = None if may_go_on else self._rules.limits


async def _admit_by_key(connection: HTTPConnection, visit: Visit, text: str) -> bool:
    """Fill in whose key it is; whether it opens."""
    key = await _ring(connection).find(text)
    if key is None:
        return False
    visit.client = key.key_id
    needed = _needed(connection)
    if needed not in key.scopes:
        raise Forbidden(f"this key does not open {connection.url.path}: it lacks the scope {needed}")
    visit.key_id, visit.limits, visit.must_show_key = key.key_id, key.limits, False
    return True


async def admit_by_message(connection: HTTPConnection, visit: Visit, payload: Mapping[str, object]) -> None:
    """Let in who shows a key in the first message of a WebSocket, as ``apiKey`` or as ``authorization``.

    A key of the handshake stands. Where none is needed none has to come, but one that comes has to open.

    Raises
    ------
    Unauthorised, Forbidden, RateLimited
        As for a key in a header.
    """
    if visit.key_id is not None:
        return
    text = payload.get("apiKey")
    if text is None:
        named = payload.get("authorization", payload.get("Authorization"))
        scheme, _, rest = named.partition(" ") if isinstance(named, str) else ("", "", "")
        text = rest.strip() if scheme.lower() == "bearer" else named
    if text is None and not visit.must_show_key:
        return
    if text is None:
        raise Unauthorised('a key is needed; send it in connection_init as {"apiKey": "…"}, or with the handshake')
    if not isinstance(text, str) or not await _admit_by_key(connection, visit, text):
        raise Unauthorised(_NO_SUCH_KEY)
    visit.enter()


def _ring(connection: HTTPConnection) -> KeyRing:
    ring: KeyRing = connection.app.state.keys
    return ring


def sent_key(connection: HTTPConnection) -> tuple[str | None, bool]:
    """Return the key a client sent, and whether it must be one of ours.

    A vendor's client sends the vendor's key, which is nothing to us unless it is ours.
    """
    if key := sent(connection.scope, b"x-api-key"):
        return key, True
    scheme, _, key = sent(connection.scope, b"authorization").partition(" ")
    if scheme.lower() == "bearer":
        return key.strip(), True
    if connection.scope["path"].startswith(VENDOR_PREFIX):
        return sent(connection.scope, b"cg-api-key") or None, False
    return None, False


def _is_public(connection: HTTPConnection) -> bool:
    if connection.scope["type"] != "http" or connection.scope["method"] not in _READERS:
        return False
    # GraphiQL's page: without a query nothing is answered but the page, or that a query is missing.
    path = connection.scope["path"]
    return path in _PUBLIC or path.startswith(_PAGE) or (path == "/graphql" and "query" not in connection.query_params)


def _needed(connection: HTTPConnection) -> KeyScope:
    if connection.scope["type"] == "websocket":
        return KeyScope.STREAM
    return KeyScope.EXPORT if connection.scope["path"].startswith(_EXPORTS) else KeyScope.READ


async def _refuse(error: LiqgridError, scope: Scope, receive: Receive, send: Send) -> None:
    connection = HTTPConnection(scope)
    status = STATUS[error.code]
    if connection.scope["path"].startswith(VENDOR_PREFIX):
        body: object = {"code": str(status), "msg": error.message}
    else:
        body = error_body(error.code, error.message, error.context, connection.state.request_id)
    headers = {"www-authenticate": "Bearer"} if isinstance(error, Unauthorised) else {}
    response = Response(to_json(body), status, headers, "application/json")
    if scope["type"] == "http":
        await response(scope, receive, send)
    elif "websocket.http.response" in scope.get("extensions", {}):
        await WebSocket(scope, receive, send).send_denial_response(response)
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": error.message[:100]})
