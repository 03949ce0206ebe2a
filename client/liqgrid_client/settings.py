"""Where a server is and how it is asked."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from functools import cache

import httpx

from liqgrid_client.version import __version__

DEFAULT_URL = "http://localhost:8000"


@dataclass(frozen=True)
class Settings:
    """Where a server is and how it is asked; ``key`` never shows."""

    url: httpx.URL
    key: str | None = field(repr=False)
    timeout_s: float
    patience_s: float
    tls: ssl.SSLContext = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries."""
        key = {} if self.key is None else {"X-API-Key": self.key}
        return {"User-Agent": f"liqgrid-client/{__version__}", **key}

    @property
    def socket_tls(self) -> ssl.SSLContext | None:
        """What subscriptions trust; None where they go unencrypted."""
        return self.tls if self.url.scheme == "https" else None

    @property
    def socket_url(self) -> str:
        """Where subscriptions go."""
        scheme = {"http": "ws", "https": "wss"}[self.url.scheme]
        return str(self.url.copy_with(scheme=scheme, raw_path=self.url.raw_path.rstrip(b"/") + b"/graphql"))


def settings_of(
    url: str | None, key: str | None, timeout: float, patience: float, tls: ssl.SSLContext | None
) -> Settings:
    """Return settings; what is not given comes from ``LIQGRID_URL`` and ``LIQGRID_API_KEY``.

    Raises
    ------
    ValueError
        If the address is none of HTTP.
    """
    address = httpx.URL(url or os.environ.get("LIQGRID_URL") or DEFAULT_URL)
    if address.scheme not in {"http", "https"} or not address.host:
        raise ValueError(f"url was {str(address)!r}; it must begin with http:// or https://")
    key = key or os.environ.get("LIQGRID_API_KEY") or None
    return Settings(address, key, timeout, patience, tls or _trusted())


@cache
def _trusted() -> ssl.SSLContext:
    """Return the certificates httpx trusts; reading them takes longer than a question, so all clients share them."""
    return httpx.create_ssl_context()
