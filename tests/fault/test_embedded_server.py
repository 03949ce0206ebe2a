"""The embedded PostgreSQL: its life, and what a kill or a neighbour does to it."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from liqgrid.engine.store.embedded import embedded_server, start_server, stop_server
from liqgrid.engine.store.programs import ServerBinaries
from tests.fault.embedded import QUICK, ROOT, SERVER_UID, ask, until

asyncpg = importlib.import_module("asyncpg")  # ships no types
USER = """
import sys
from pathlib import Path
import psycopg
from liqgrid.engine.store.embedded import embedded_server
from liqgrid.engine.store.programs import wheel_binaries
data = Path(sys.argv[1])
with embedded_server(data, wheel_binaries(data.parent / "bin"), {"fsync": "off"}) as dsn:
    try:
        print("up", flush=True)
        sys.stdin.read()
    except KeyboardInterrupt:
        with psycopg.connect(dsn) as connection:
            print("still", connection.execute("SELECT 'there'").fetchone()[0], flush=True)
print("left", flush=True)
"""


@pytest.fixture
def user(home: Path) -> Iterator[Callable[[Path], subprocess.Popen[str]]]:
    """Start another liqgrid process that uses a data folder until its input ends."""
    started: list[subprocess.Popen[str]] = []

    def start(data: Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", USER, str(data)]
        # in its own session, as in a terminal of its own
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def says(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdout is not None
    assert process.stdout.readline().strip() == word


def leave(process: subprocess.Popen[str]) -> None:
    output, _ = process.communicate(timeout=30)
    assert output.split() == ["left"]
    assert process.returncode == 0


def postmaster(data: Path) -> int:
    return int((data / "postmaster.pid").read_text().split()[0])


def processes(data: Path) -> dict[int, int]:
    """The owner of every living process of the server, its children included."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "cwd").samefile(data):
                found[int(folder.name)] = folder.stat().st_uid
        except OSError:  # ended, a zombie, or not ours to see
            continue
    return found


def ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def fill(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")


async def ask_asyncpg(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


@pytest.mark.parametrize("name", ["plain", "with a space+%41'$x", "comma, separated", "d" * 100])
def test_both_drivers_reach_it_and_nothing_is_left(home: Path, binaries: ServerBinaries, name: str) -> None:
    data = home / name
    with embedded_server(data, binaries, QUICK) as dsn:
        assert ask(dsn, "SHOW data_directory") == str(data)
        assert asyncio.run(ask_asyncpg(dsn, "SHOW server_encoding")) == "UTF8"
        assert ask(dsn, "SHOW listen_addresses") == ""
        assert set(processes(data).values()) == {SERVER_UID}
        sockets = Path(str(ask(dsn, "SELECT trim('\"' FROM current_setting('unix_socket_directories'))")))
        assert sockets.stat().st_mode & 0o777 == 0o700
        fill(dsn)
    until(lambda: not processes(data))
    with embedded_server(data, binaries, QUICK) as dsn:
        assert ask(dsn, "SELECT count(*) FROM kept") == 1000
    if sockets.parent != home:
        shutil.rmtree(sockets)


def test_callers_settings_go_before_ours_and_survive_quoting(home: Path, binaries: ServerBinaries) -> None:
    with embedded_server(
        home / "data", binaries, QUICK | {"shared_buffers": "64MB", "cluster_name": "it's a \\ name"}
    ) as dsn:
        assert ask(dsn, "SHOW shared_buffers") == "64MB"
        assert ask(dsn, "SHOW cluster_name") == "it's a \\ name"
        assert ask(dsn, "SHOW max_connections") == "100"
    with embedded_server(home / "data", binaries) as dsn:
        assert ask(dsn, "SHOW shared_buffers") == "128MB"
        assert ask(dsn, "SHOW fsync") == "on"


def test_recovers_after_its_postmaster_was_killed(home: Path, binaries: ServerBinaries) -> None:
    data = home / "data"
    with embedded_server(data, binaries, QUICK) as dsn:
        fill(dsn)
        killed = postmaster(data)
        os.kill(killed, signal.SIGKILL)
        with embedded_server(data, binaries, QUICK) as again:
            assert again == dsn
            assert ask(again, "SELECT count(*) FROM kept") == 1000
            assert postmaster(data) != killed
    until(lambda: not processes(data))


def test_waits_for_children_of_a_killed_postmaster(home: Path, binaries: ServerBinaries) -> None:
    data = home / "data"
    with embedded_server(data, binaries, QUICK) as dsn:
        fill(dsn)
        child = next(pid for pid in processes(data) if pid != postmaster(data))
        os.kill(child, signal.SIGSTOP)  # it cannot see that its parent is gone, and still holds the shared memory
        os.kill(postmaster(data), signal.SIGKILL)
        waker = subprocess.Popen(["/bin/sh", "-c", f"sleep 0.5; kill -CONT {child}"])
        with embedded_server(data, binaries, QUICK) as again:
            assert ended(child)
            assert ask(again, "SELECT count(*) FROM kept") == 1000
        assert waker.wait() == 0


@pytest.mark.parametrize("alive", [False, True], ids=["zombie", "another program"])
def test_a_stale_process_id_is_not_believed(home: Path, binaries: ServerBinaries, alive: bool) -> None:
    data = home / "data"
    with embedded_server(data, binaries, QUICK):
        written = (data / "postmaster.pid").read_text()
    # of the server's user, so that postgres itself takes it for a server
    as_server = {"user": SERVER_UID, "group": SERVER_UID} if ROOT else {}
    stranger = subprocess.Popen(["sleep", "60" if alive else "0"], **as_server)  # type: ignore[call-overload]
    try:
        if not alive:
            until(lambda: ended(stranger.pid))  # not reaped before wait()
        file = data / "postmaster.pid"
        file.write_text("\n".join([str(stranger.pid), *written.split("\n")[1:]]))
        os.chown(file, SERVER_UID, -1)
        with embedded_server(data, binaries, QUICK) as dsn:
            assert ask(dsn, "SELECT 1") == 1
        assert alive == (stranger.poll() is None)
    finally:
        stranger.kill()
        stranger.wait()


def test_adopts_the_server_of_a_killed_liqgrid(
    home: Path, binaries: ServerBinaries, user: Callable[[Path], subprocess.Popen[str]]
) -> None:
    data = home / "data"
    other = user(data)
    says(other, "up")
    server = postmaster(data)
    other.kill()
    other.wait()
    with embedded_server(data, binaries) as dsn:
        assert ask(dsn, "SELECT 1") == 1
        assert postmaster(data) == server
    until(lambda: not processes(data))


def test_the_last_user_stops_it(
    home: Path, binaries: ServerBinaries, user: Callable[[Path], subprocess.Popen[str]]
) -> None:
    data = home / "data"
    others = [user(data), user(data)]  # both at once, on a folder without a database
    for other in others:
        says(other, "up")
    with embedded_server(data, binaries) as dsn:
        leave(others[0])
        leave(others[1])
        assert ask(dsn, "SELECT 1") == 1
        assert not stop_server(data)
    until(lambda: not processes(data))

    last = user(data)
    says(last, "up")
    with embedded_server(data, binaries):
        server = postmaster(data)
    assert not ended(server)
    leave(last)
    until(lambda: not processes(data))


def test_ctrl_c_does_not_reach_postgres(home: Path, user: Callable[[Path], subprocess.Popen[str]]) -> None:
    data = home / "data"
    other = user(data)
    says(other, "up")
    os.killpg(other.pid, signal.SIGINT)
    says(other, "still there")
    leave(other)
    until(lambda: not processes(data))


def test_a_server_may_outlive_its_starter(home: Path, binaries: ServerBinaries) -> None:
    data = home / "data"
    dsn = start_server(data, binaries, QUICK)
    assert start_server(data, binaries, QUICK) == dsn
    assert ask(dsn, "SELECT 1") == 1
    assert stop_server(data)
    assert stop_server(data)
    until(lambda: not processes(data))


def test_a_killed_initdb_leaves_nothing_half_made(home: Path, binaries: ServerBinaries) -> None:
    (home / ".data.new-killed" / "base").mkdir(parents=True)
    with embedded_server(home / "data", binaries, QUICK) as dsn:
        assert ask(dsn, "SELECT 1") == 1
    assert not list(home.glob(".data.new-*"))
