"""The container files: there is no Docker engine on the build machine, so what can be held without one is held here."""

from __future__ import annotations

import http.server
import json
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import typer.core
import typer.main
import yaml

from liqgrid.cli.main import app

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
PASSWORD = re.compile(r"\$\{LIQGRID_DATABASE_PASSWORD:\?[^}]+\}")


def compose() -> dict[str, Any]:
    return cast("dict[str, Any]", yaml.safe_load(COMPOSE.read_text()))


def service(name: str) -> dict[str, Any]:
    return cast("dict[str, Any]", compose()["services"][name])


def stages() -> list[list[tuple[str, str]]]:
    """Stages of the Dockerfile, each a list of (instruction, rest) that starts with its FROM."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    found: list[list[tuple[str, str]]] = []
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if not line.strip():
            continue
        instruction, rest = line.split(maxsplit=1)
        if instruction == "FROM":
            found.append([])
        found[-1].append((instruction, rest))
    return found


def last(instruction: str) -> str:
    """What the running image has for ``instruction``."""
    return [rest for name, rest in stages()[-1] if name == instruction][-1]


def parse_as_liqgrid(arguments: list[str]) -> None:
    """Read ``arguments`` as the command line would, without running the verb. Anything unknown raises."""
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    verb, *rest = arguments
    assert verb in group.commands, f"`liqgrid {verb}` does not exist; there are {sorted(group.commands)}"
    group.commands[verb].make_context(verb, rest)


def validate(path: Path) -> subprocess.CompletedProcess[str]:
    schema = ["--builtin-schema", "vendor.compose-spec"]
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *schema, str(path)], capture_output=True, text=True, check=False
    )


def test_compose_file_is_valid() -> None:
    result = validate(COMPOSE)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("healthcheck:", "healthchek:"), ("condition: service_healthy", "condition: healthy"), ("- ALL", "- {all: yes}")],
)
def test_validation_sees_a_mistake(tmp_path: Path, right: str, wrong: str) -> None:
    text = COMPOSE.read_text()
    assert right in text
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(text.replace(right, wrong))
    result = validate(broken)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "Schema validation errors" in result.stdout


@pytest.mark.parametrize("name", ["migrate", "api", "worker", "collector"])
def test_service_runs_a_verb_that_exists(name: str) -> None:
    parse_as_liqgrid(service(name)["command"])


def test_image_runs_a_verb_that_exists() -> None:
    assert json.loads(last("ENTRYPOINT")) == ["liqgrid"]
    parse_as_liqgrid(json.loads(last("CMD")))


def test_documented_commands_exist(tmp_path: Path) -> None:
    commands = re.findall(r"^# +docker compose run --rm (.*)$", COMPOSE.read_text(), flags=re.MULTILINE)
    verbs = set()
    for command in commands:
        words = shlex.split(command)
        after_service = words[words.index("api") + 1 :]
        verbs.add(after_service[0])
        file = tmp_path / "BTCUSDT_1h.csv"
        file.touch()
        parse_as_liqgrid([str(file) if word.startswith("/import/") else word for word in after_service])
    assert {"import", "build"} <= verbs


@pytest.mark.parametrize("arguments", [["no-such-verb"], ["serve", "--no-such-option"], ["serve", "--port", "eighty"]])
def test_reading_a_command_sees_a_mistake(arguments: list[str]) -> None:
    with pytest.raises(Exception, match=r"no-such|integer"):
        parse_as_liqgrid(arguments)


def test_database_is_timescale_with_a_healthcheck_and_no_port() -> None:
    database = service("database")
    assert re.fullmatch(r"timescale/timescaledb:\S+-pg17", database["image"])
    assert "pg_isready" in database["healthcheck"]["test"]
    assert "ports" not in database
    assert PASSWORD.fullmatch(database["environment"]["POSTGRES_PASSWORD"])
    (volume,) = database["volumes"]
    assert volume.split(":")[0] in compose()["volumes"]


def test_migrate_runs_once_on_a_healthy_database() -> None:
    migrate = service("migrate")
    assert migrate["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert migrate["restart"] == "no"


def test_api_waits_for_the_schema_and_is_on_loopback_only() -> None:
    api = service("api")
    assert api["depends_on"]["database"] == {"condition": "service_healthy"}
    assert api["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert api["ports"] == ["127.0.0.1:8000:8000"]


@pytest.mark.parametrize("name", ["migrate", "api", "worker", "collector"])
def test_service_of_ours_is_confined_and_holds_no_password(name: str) -> None:
    ours = service(name)
    assert ours["build"] == "."
    assert ours["read_only"] is True
    assert ours["cap_drop"] == ["ALL"]
    assert ours["security_opt"] == ["no-new-privileges:true"]
    assert PASSWORD.fullmatch(ours["environment"]["PGPASSWORD"])
    assert ours["environment"]["LIQGRID_DSN"] == "postgresql://liqgrid@database:5432/liqgrid"


def test_image_is_multi_stage_on_slim_python() -> None:
    build, *_, runtime = stages()
    name = build[0][1].rpartition(" AS ")[2]
    assert any(instruction == "COPY" and f"--from={name} " in rest for instruction, rest in runtime)
    assert not any("pip install" in rest for _, rest in runtime)
    for stage in (build, runtime):
        assert re.match(r"python:3\.\d+-slim\b", stage[0][1])


def test_image_does_not_run_as_root() -> None:
    assert last("USER").split(":")[0] not in {"root", "0"}


def test_image_takes_in_only_what_exists() -> None:
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignore
    for instruction, rest in stages()[0]:
        if instruction == "COPY":
            for source in rest.split()[:-1]:
                assert f"!{source.removeprefix('./')}" in ignore
                assert (ROOT / source).exists(), source


def test_exposed_port_is_the_one_served() -> None:
    port = last("EXPOSE")
    for command in (json.loads(last("CMD")), service("api")["command"]):
        assert command[command.index("--port") + 1] == port
    assert f"127.0.0.1', {port}," in last("HEALTHCHECK")


@contextmanager
def health_endpoint(status: int) -> Iterator[int]:
    """A server on a free port which answers GET /health with ``status`` and anything else with 404."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/health" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def health_of(port: int) -> int:
    """Exit code of the image's own health check, asked of ``port``."""
    command = json.loads(last("HEALTHCHECK").partition(" CMD ")[2])
    assert command[:2] == ["python", "-c"]
    code = command[2].replace("8000", str(port))
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (404, False), (503, False)])
def test_healthcheck_tells_well_from_ill(status: int, healthy: bool) -> None:
    with health_endpoint(status) as port:
        assert (health_of(port) == 0) is healthy


def test_healthcheck_fails_where_nobody_listens() -> None:
    with health_endpoint(200) as port:
        pass
    assert health_of(port) != 0
