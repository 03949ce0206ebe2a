"""``liqgrid keys``, and serving others than this machine, as a person meets them."""

from __future__ import annotations

import json
import re
import signal
from http.client import HTTPConnection

from liqgrid.engine.market.api_key import hash_of, id_of
from tests.cli.conftest import Inside, Liqgrid


def status(address: str, **headers: str) -> int:
    connection = HTTPConnection(address.replace("0.0.0.0", "127.0.0.1"), timeout=30)
    connection.request("GET", "/v1/status", headers={name.replace("_", "-"): value for name, value in headers.items()})
    code = connection.getresponse().status
    connection.close()
    return code


def test_a_key_from_its_making_to_its_end(lasting: Liqgrid) -> None:
    assert lasting.run("migrate").returncode == 0
    for options in (["--host", "0.0.0.0"], ["--closed"]):
        refused = lasting.run("serve", "--port", "0", *options)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "error BAD_SETTING: host was " in refused.stderr
        assert "liqgrid keys create" in refused.stderr
        assert "--open" in refused.stderr
    made = lasting.run("keys", "create", "a desk", "--scope", "read", "--requests", "5")
    (key,) = re.findall(r"lgk_[0-9a-f]{12}_[\w-]{43}", made.stdout)
    key_id = id_of(key)
    assert key_id is not None
    listed = lasting.run("keys", "list")
    assert f"{key_id}  a desk: read; 5 requests and 60000 points a minute; never used" in listed.stdout
    assert key.split("_", 2)[2] not in listed.stdout + lasting.run("keys", "list", "--json").stdout
    running = lasting.start("serve", "--port", "0", "--host", "0.0.0.0")
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
    (row,) = json.loads(lasting.run("keys", "list", "--json").stdout)["keys"]
    assert row["last_used_ms"] > row["created_ms"]
    wrong = lasting.run("keys", "revoke", key)
    assert (wrong.returncode, key in wrong.stderr) == (1, False)
    assert lasting.run("keys", "revoke", key_id).returncode == 0
    assert "revoked 20" in lasting.run("keys", "list").stdout
    assert lasting.run("serve", "--port", "0", "--host", "0.0.0.0").returncode == 2, "no key opens any more"
    assert "reads as liqgrid_api" in lasting.run("status").stdout
    running = lasting.start("up", "--port", "0", "--host", "0.0.0.0", "--open", LIQGRID_ACCESS_LOG="false")
    assert status(running.wait_until_served(), X_Forwarded_For="10.0.0.1") == 200
    code, errors = running.end(signal.SIGINT)
    assert code == 0
    assert "path=" not in errors


def test_origins_are_exact(inside: Inside) -> None:
    for origin in ("*", "example.com", "https://example.com/", "https://*.example.com", "null"):
        result = inside.run("keys", "list", LIQGRID_CORS_ORIGINS=f"https://a.example.com, {origin}")
        assert result.code == 2
        assert f"error BAD_SETTING: LIQGRID_CORS_ORIGINS was {origin!r}" in result.errors
