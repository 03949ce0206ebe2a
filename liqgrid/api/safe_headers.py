"""Headers that tell browsers what not to do with our answers, and which other sites may ask."""

from __future__ import annotations

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from liqgrid.api.heads import add, value_of

_ALWAYS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}
_PAGE_POLICY = "frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
_DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
# GraphiQL comes from unpkg.com, its scripts pinned by their hashes; its page starts it with a script of its own.
GRAPHIQL_POLICY = (
    f"default-src 'none'; script-src https://unpkg.com 'unsafe-inline'; style-src https://unpkg.com 'unsafe-inline'; "
    f"font-src https://unpkg.com data:; img-src 'self' data:; connect-src 'self' https://unpkg.com; "
    f"worker-src blob:; form-action 'none'; {_PAGE_POLICY}"
)
# The heatmap page is ours whole: its own files, its own API, nothing written into it, and no picture from elsewhere.
HEATMAP_POLICY = (
    f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    f"form-action 'none'; {_PAGE_POLICY}"
)
_SENT = ["Authorization", "CG-API-KEY", "Content-Type", "If-None-Match", "X-API-Key", "X-Request-Id"]
_SHOWN = [
    "ETag", "Link", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "Retry-After",
    "X-Liqgrid-Simulated", "X-Query-Cost", "X-Request-Id",
]  # fmt: skip
_PREFLIGHT_KEPT_S = 600


class SafeHeaders:
    """Set the headers every answer has; one that says how long to keep it, or what its page may load, goes before."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def send_safe(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = dict(_ALWAYS)
                if value_of(message, b"content-security-policy") is None:
                    is_page = (value_of(message, b"content-type") or "").startswith("text/html")
                    headers["content-security-policy"] = _PAGE_POLICY if is_page else _DATA_POLICY
                if value_of(message, b"cache-control") is None:
                    headers["cache-control"] = "no-store"
                add(message, headers)
            await send(message)

        await self._app(scope, receive, send_safe if scope["type"] == "http" else send)


def cross_origin(origins: tuple[str, ...]) -> list[Middleware]:
    """Return what lets pages of these origins ask; a page is trusted with nothing but the key it sends itself."""
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=["GET", "POST"],
            allow_headers=_SENT,
            expose_headers=_SHOWN,
            max_age=_PREFLIGHT_KEPT_S,
        )
    ]
