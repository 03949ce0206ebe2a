"""What the page is made of, and the headers it comes with."""

from __future__ import annotations

import hashlib
import re

import pytest

from liqgrid.api.access import AccessRules, Anonymous
from liqgrid.api.page.files import CHART_LIBRARY, CHART_LIBRARY_SHA256, page
from tests.api.served import Api, serving


def test_the_chart_library_is_the_published_release() -> None:
    body = page().assets[CHART_LIBRARY].body
    assert hashlib.sha256(body).hexdigest() == CHART_LIBRARY_SHA256
    assert b"Lightweight Charts" in body[:100]


def test_the_page_loads_its_own_files_only(api: Api) -> None:
    answer = api.client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "img-src", "connect-src")} == {"'self'"}
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    for address in re.findall(r'(?:src|href)="([^"]+)"', answer.text):
        if address.startswith("https://"):
            assert f'<a href="{address}"' in answer.text  # a link for people
        elif address not in {"/", "/graphql"}:
            assert api.client.get(address).status_code == 200


@pytest.mark.parametrize(
    ("name", "kind"), [("js/main.js", "text/javascript"), ("page.css", "text/css"), ("icon.svg", "image/svg+xml")]
)
def test_files_are_kept_for_ever_under_their_hash(api: Api, name: str, kind: str) -> None:
    answer = api.client.get(f"/page/{page().version}/{name}")
    assert answer.headers["content-type"].split(";")[0] == kind
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.content == page().assets[name].body
    plain = api.client.get(f"/page/{page().version}/{name}", headers={"accept-encoding": "identity"})
    assert plain.content == answer.content


@pytest.mark.parametrize(
    "path", ["0123/js/main.js", "{version}/js/none.js", "{version}/../../app.py", "{version}/index.html"]
)
def test_nothing_else_lies_there(api: Api, path: str) -> None:
    answer = api.client.get("/page/" + path.format(version=page().version))
    assert answer.status_code == 404


def test_the_page_itself_is_asked_for_each_time_and_sent_once(api: Api) -> None:
    first = api.client.get("/")
    assert first.headers["cache-control"] == "no-cache"
    again = api.client.get("/", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_page_is_shown_to_those_who_have_no_key_yet(api: Api) -> None:
    with serving(api.dsn, AccessRules(anonymous=Anonymous.NOBODY)) as closed:
        assert closed.client.get("/").status_code == 200
        assert closed.client.get(f"/page/{page().version}/js/main.js").status_code == 200
        assert closed.client.post("/graphql", json={"query": "{ status { version } }"}).status_code == 401
