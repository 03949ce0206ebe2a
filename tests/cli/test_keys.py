"""``liqgrid keys``, and serving others than this machine, as a person meets them."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Callable
from functools import partial
from http.client import HTTPConnection

from liqgrid.engine.market.api_key import hash_of, id_of
from tests.cli.conftest import Inside, Liqgrid, Running
from tests.conftest import Server, new_database_on


def status(address: str, **headers: str) -> int:
    connection = HTTPConnection(address.replace("0.0.0.0", "127.0.0.1"), timeout=30)
    connection.request("GET", "/v1/status", headers={name.replace("_", "-"): value for name, value in headers.items()})
    code = connection.getresponse().status
    connection.close()
    return code


def test_a_key_from_its_making_to_its_end(liqgrid: Liqgrid, postgresql_server: Server) -> None:
    with new_database_on(postgresql_server.dsn, postgresql_server.template) as dsn:
        from_its_making_to_its_end(partial(liqgrid.run, LIQGRID_DSN=dsn), partial(liqgrid.start, LIQGRID_DSN=dsn))


def from_its_making_to_its_end(
    run: Callable[..., subprocess.CompletedProcess[str]], start: Callable[..., Running]
) -> None:
    for options in (["--host", "0.0.0.0"], ["--closed"]):
        refused = run("serve", "--port", "0", *options)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "error BAD_SETTING: host was " in refused.stderr
        assert "liqgrid keys create" in refused.stderr
        assert "--open" in refused.stderr
    made = run("keys", "create", "a desk", "--scope", "read", "--requests", "5")
    (key,) = re.findall(r"lgk_[0-9a-f]{12}_[\w-]{43}", made.stdout)
    key_id = id_of(key)
    assert key_id is not None
    listed = run("keys", "list")
    assert f"{key_id}  a desk: read; 5 requests and 60000 points a minute; never used" in listed.stdout
    assert key.split("_", 2)[2] not in listed.stdout + run("keys", "list", "--json").stdout
    running = start("serve", "--port", "0", "--host", "0.0.0.0")
    address = running.wait_until_served()
    assert status(address, X_API_Key=key) == 200
    assert status(address, X_API_Key=f"{key[:-1]}~") == 401
    assert status(address, X_Forwarded_For="127.0.0.1") == 401
    assert status(address) == 200, "this machine needs none"
    code, errors = running.end(signal.SIGINT)
    assert code == 0
    assert key not in errors
    assert hash_of(key).hex() not in errors
    assert f"client={key_id}" in errors
    assert "path=/v1/status status=200" in errors
    (row,) = json.loads(run("keys", "list", "--json").stdout)["keys"]
    assert row["last_used_ms"] > row["created_ms"]
    wrong = run("keys", "revoke", key)
    assert (wrong.returncode, key in wrong.stderr) == (1, False)
    assert run("keys", "revoke", key_id).returncode == 0
    assert "revoked 20" in run("keys", "list").stdout
    assert run("serve", "--port", "0", "--host", "0.0.0.0").returncode == 2, "no key opens any more"
    assert "reads as liqgrid_api" in run("status").stdout
    running = start("up", "--port", "0", "--host", "0.0.0.0", "--open", LIQGRID_ACCESS_LOG="false")
    assert status(running.wait_until_served(), X_Forwarded_For="10.0.0.1") == 200
    code, errors = running.end(signal.SIGINT)
    assert code == 0
    assert "path=" not in errors


def test_origins_are_exact(inside: Inside) -> None:
    for origin in ("*", "example.com", "https://example.com/", "https://*.example.com", "null"):
        result = inside.run("keys", "list", LIQGRID_CORS_ORIGINS=f"https://a.example.com, {origin}")
        assert result.code == 2
        assert f"error BAD_SETTING: LIQGRID_CORS_ORIGINS was {origin!r}" in result.errors
