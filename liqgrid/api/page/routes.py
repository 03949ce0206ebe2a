"""The page's addresses: ``/``, asked for anew each time, and what it loads, kept for ever under its hash."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from liqgrid.api.page.files import PageFile, page
from liqgrid.api.safe_headers import HEATMAP_POLICY

_FOR_EVER = "public, max-age=31536000, immutable"


def page_routes() -> list[BaseRoute]:
    """Return the routes of the page."""
    return [Route("/", _index), Route("/page/{version}/{name:path}", _asset)]


async def _index(request: Request) -> Response:
    headers = {"cache-control": "no-cache", "etag": page().index_tag, "content-security-policy": HEATMAP_POLICY}
    if page().index_tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return _sent(request, page().index, headers)


async def _asset(request: Request) -> Response:
    """Answer with a file; one of another version is gone, so that no two versions are mixed."""
    found = page().assets.get(request.path_params["name"])
    if found is None or request.path_params["version"] != page().version:
        raise HTTPException(404, "no such file of the page; load it anew")
    return _sent(request, found, {"cache-control": _FOR_EVER})


def _sent(request: Request, file: PageFile, headers: dict[str, str]) -> Response:
    headers = {**headers, "vary": "accept-encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(file.gzipped, headers={**headers, "content-encoding": "gzip"}, media_type=file.media_type)
    return Response(file.body, headers=headers, media_type=file.media_type)
