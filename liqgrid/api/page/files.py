"""What the page is made of, read once from installed packages, and a name for all of it together."""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath

CHART_LIBRARY = "lightweight-charts.js"
# Release 5.1.0 as TradingView published it; a browser refuses any other file (docs/decisions/0050-chart-library.md).
CHART_LIBRARY_SHA256 = "756b0ba9f58930226d6b8b9d47ad310448ab85d799ea1f7c2c02304777c10b52"
_MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_INDEX = "index.html"


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file as it is sent; ``gzipped`` is the same compressed."""

    body: bytes
    gzipped: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Page:
    """The page: its HTML, with an entity tag for it in any coding, and the files below ``/page/{version}/`` by name.

    ``version`` is a hash of all files, so what lies under it never changes.
    """

    index: PageFile
    index_tag: str
    version: str
    assets: dict[str, PageFile]


@cache
def page() -> Page:
    """Return the page, read once.

    Raises
    ------
    ModuleNotFoundError
        If the package that holds the chart library is not installed.
    """
    static = files("liqgrid.api.page").joinpath("static")
    bodies = dict(sorted(_below(static, "")))
    template = bodies.pop(_INDEX).decode()
    bodies[CHART_LIBRARY] = files("litecharts").joinpath("js", CHART_LIBRARY).read_bytes()
    version = _hash(b"".join(name.encode() + b"\0" + body for name, body in sorted(bodies.items())))
    index = _written(template, version, sorted(name for name in bodies if name.startswith("js/"))).encode()
    assets = {name: _file(body, _MEDIA_TYPES[PurePosixPath(name).suffix]) for name, body in bodies.items()}
    return Page(_file(index, "text/html"), f'W/"{_hash(index)}"', version, assets)


def _written(template: str, version: str, modules: list[str]) -> str:
    """Return the HTML with addresses in it, of all modules too, or each would be found out of the one before."""
    preloads = "\n".join(f'<link rel="modulepreload" href="/page/{version}/{name}">' for name in modules)
    integrity = base64.b64encode(bytes.fromhex(CHART_LIBRARY_SHA256)).decode()
    return (
        template.replace("<!-- modules -->", preloads)
        .replace("{base}", f"/page/{version}")
        .replace("{library-integrity}", f"sha256-{integrity}")
    )


def _below(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _below(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry.read_bytes()


def _file(body: bytes, media_type: str) -> PageFile:
    return PageFile(body, gzip.compress(body, mtime=0), media_type)


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:16]
