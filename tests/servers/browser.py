"""The browser of the page's tests: Chromium, the given one, the host's, or the one of Debian's packages, fetched once.

``python -m tests.servers.browser`` prints where it is. Where there is none the tests fail, they are not skipped.
"""

from __future__ import annotations

import fcntl
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

GIVEN = "LIQGRID_TEST_BROWSER"
NAMES = ("chromium", "chromium-browser", "google-chrome")
PACKAGES = ("chromium", "fonts-dejavu-core")
# As root Chromium needs --no-sandbox; without the others it asks its maker's hosts for things no test wants.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-precise-memory-info",
)
_LOCK = Path(tempfile.gettempdir()) / f"liqgrid-browser-{os.geteuid()}.lock"


class NoBrowser(Exception):
    """There is no browser, and none can be fetched; the text says why."""


@functools.cache
def browser_path() -> str:
    """Return the path of the browser, after fetching it where that is possible.

    Raises
    ------
    NoBrowser
        If there is none and none can be had.
    """
    if given := os.environ.get(GIVEN):
        if shutil.which(given) is None:
            raise NoBrowser(f"{GIVEN} names {given}, which is no program")
        return given
    with _LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _found() or _installed()


def _found() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


def _installed() -> str:
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        raise NoBrowser(
            f"no browser for the page's tests: none of {', '.join(NAMES)} is on the PATH. Install one (on Debian: "
            f"apt-get install {' '.join(PACKAGES)}), or name one in {GIVEN}"
        )
    sys.stderr.write(f"browser: installing {' '.join(PACKAGES)}\n")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (("update",), ("install", "--yes", "--no-install-recommends", *PACKAGES)):
        done = subprocess.run([apt, "-qq", *command], env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise NoBrowser(f"apt-get {command[0]} failed: {(done.stderr or done.stdout).strip()[-1000:]}")
    found = _found()
    if found is None:
        raise NoBrowser(f"the packages {' '.join(PACKAGES)} bring none of {', '.join(NAMES)}")
    return found


def main() -> int:
    """Print the path of the browser."""
    try:
        sys.stdout.write(f"{browser_path()}\n")
    except NoBrowser as error:
        sys.stderr.write(f"browser: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
