"""Exit codes, messages and signals of the command line."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from liqgrid import __version__
from liqgrid.cli.listen import listening
from liqgrid.engine.market.errors import BadData, BadSetting
from tests.cli.conftest import Ended, Inside, Liqgrid
from tests.cli.market import market_rows, write_market

VERBS = [
    "up", "migrate", "backfill", "collect", "config", "build", "worker", "serve", "status", "score", "plot", "exchange",
    "schema", "keys", "import",
]  # fmt: skip
ON_A_DATABASE = [
    ["migrate"],
    ["status"],
    ["build"],
    ["worker"],
    ["up"],
    ["serve"],
    ["plot", "BTC-USDT", "--interval", "1h"],
]


def test_alone_it_says_what_it_can_do(liqgrid: Liqgrid) -> None:
    alone, asked = liqgrid.run(), liqgrid.run("--help")
    assert (alone.returncode, alone.stderr) == (0, "")
    assert alone.stdout == asked.stdout
    assert [line.split()[0] for line in alone.stdout.partition("Commands:\n")[2].splitlines()[: len(VERBS)]] == VERBS
    assert "..." not in alone.stdout.partition("Commands:\n")[2]  # no line is cut off


def test_help_needs_nothing_that_is_slow_to_import() -> None:
    slow = ["numpy", "pyarrow", "matplotlib", "strawberry", "psycopg", "asyncpg", "pydantic", "structlog", "rich"]
    ask = f"import sys, liqgrid.cli.main; print(*sorted(sys.modules.keys() & set({slow!r})))"
    result = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert result.stdout.split() == []


def test_version(liqgrid: Liqgrid) -> None:
    result = liqgrid.run("--version")
    assert (result.returncode, result.stdout) == (0, f"liqgrid {__version__}\n")


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["no-such-verb"], "no-such-verb"),
        (["up", "--no-such-option"], "--no-such-option"),
        (["serve", "--port", "eighty"], "--port"),
        (["serve", "--port", "65536"], "--port"),
        (["import"], "FILE"),
        (["import", "csv"], "FILE"),
        (["import", "binance"], "PATH"),
        (["import", "binance", "x", "--kind", "trades"], "--kind"),
        (["score", "BTCUSDT_1h.csv", "--interval", "2h"], "--interval"),
        (["score", "BTCUSDT_1h.csv", "--symbol", "BTCUSDT"], "binance:BTC-USDT"),
        (["plot", "BTC-USDT"], "--interval"),
        (["exchange", "--seed", "-1"], "--seed"),
        (["exchange", "--port", "0", "--speed", "0"], "speed was 0"),
        (["exchange", "--port", "0", "btc"], "coin was 'btc'"),
        (["exchange", "--port", "0", "--fault", "rain=1"], "fault was 'rain=1'"),
        (["exchange", "--port", "0", "--fault", "stall=often"], "fault stall was 'often'"),
        (["exchange", "--port", "0", "--fault", "stall=2"], "fault stall was 2.0"),
    ],
)
def test_wrong_use_is_misconfigured(inside: Inside, arguments: list[str], names: str) -> None:
    result = inside.run(*arguments)
    assert (result.code, result.output) == (2, "")
    assert names in result.errors
    assert "Traceback" not in result.errors
    assert not inside.home.exists()


@pytest.mark.parametrize("arguments", ON_A_DATABASE)
def test_bad_dsn_is_misconfigured(inside: Inside, arguments: list[str]) -> None:
    result = inside.run(*arguments, LIQGRID_DSN="mysql://user:s3cret@host/liqgrid")
    assert (result.code, result.output) == (2, "")
    assert result.errors.startswith("error BAD_SETTING: LIQGRID_DSN was 'mysql://…'")
    assert "s3cret" not in result.errors


@pytest.mark.parametrize("arguments", ON_A_DATABASE)
def test_database_that_does_not_answer_is_a_failure(inside: Inside, arguments: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    ports = ["--port", "0"] if arguments[0] in {"up", "serve"} else []
    result = inside.run(*arguments, *ports, LIQGRID_DSN=f"postgresql://user:s3cret@127.0.0.1:{port}/liqgrid")
    assert (result.code, result.output) == (1, "")
    assert "error STORE_UNAVAILABLE: " in result.errors
    assert "Traceback" not in result.errors
    assert "s3cret" not in result.errors


def test_home_that_is_a_file_is_misconfigured(inside: Inside) -> None:
    inside.home.touch()
    result = inside.run("migrate")
    assert result.code == 2
    assert result.errors.startswith(f"error BAD_SETTING: LIQGRID_HOME was {inside.home}")


@pytest.mark.parametrize("verb", ["up", "serve"])
def test_port_in_use_is_told_before_anything_is_started(inside: Inside, tmp_path: Path, verb: str) -> None:
    files = [write_market(tmp_path, market_rows(24))] if verb == "up" else []
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = inside.run(verb, *files, "--port", str(port))
    assert (result.code, result.output) == (2, "")
    assert result.errors == f"error BAD_SETTING: port {port} on 127.0.0.1 is in use; choose another with --port\n"
    assert not inside.home.exists()


def test_port_is_taken_at_once_and_given_back() -> None:
    with listening("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(BadSetting, match="is in use"), listening("127.0.0.1", port):
            pass
    with listening("127.0.0.1", port):
        pass


@pytest.mark.parametrize("host", ["256.1.1.1", "192.0.2.1"])
def test_host_that_is_not_here_is_misconfigured(host: str) -> None:
    with pytest.raises(BadSetting, match=host.replace(".", r"\.")), listening(host, 0):
        pass


@pytest.mark.parametrize(
    ("error", "code"), [(BadSetting("that is wrong"), 2), (BadData("that is wrong"), 1), (KeyboardInterrupt(), 130)]
)
def test_expected_ends_have_their_code(
    inside: Inside, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    raise_in_schema(monkeypatch, error)
    ended = inside.run("schema")
    said = f"error {error.code}: that is wrong\n" if isinstance(error, BadSetting | BadData) else ""
    assert ended == Ended(code, "", said)


def test_unexpected_errors_are_not_swallowed(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    raise_in_schema(monkeypatch, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        inside.run("schema")


def test_interrupted_before_a_verb_began_it_ends_as_after(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("liqgrid.cli.main.app", interrupted)
    result = inside.run("status")
    assert (result.code, result.output, result.errors) == (130, "", "")


def raise_in_schema(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let the verb `schema` end with ``error``."""

    def fail() -> str:
        raise error

    monkeypatch.setattr("liqgrid.api.graphql.schema.sdl", fail)


def test_schema_is_printed(liqgrid: Liqgrid) -> None:
    result = liqgrid.run("schema")
    assert (result.returncode, result.stderr) == (0, "")
    assert "type Query {" in result.stdout


def test_output_where_nothing_can_be_written(inside: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root can write anywhere
    result = inside.run("plot", "BTC-USDT", "--interval", "1h", "--output", tmp_path / "heatmap.png")
    assert (result.code, result.output) == (2, "")
    assert f"nothing can be written into {tmp_path}" in result.errors
    assert not inside.home.exists()


@pytest.mark.parametrize(
    ("output", "says"),
    [("missing/heatmap.png", "there is no folder"), (".png", "must end in .png"), ("a.gif", "must end in .png")],
)
def test_output_is_checked_before_anything_is_started(inside: Inside, tmp_path: Path, output: str, says: str) -> None:
    result = inside.run("plot", "BTC-USDT", "--interval", "1h", "--output", tmp_path / output)
    assert (result.code, result.output) == (2, "")
    assert says in result.errors
    assert not inside.home.exists()
