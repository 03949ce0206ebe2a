"""Parts of ``up`` that are processes of their own: kept running beside it, ended with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from liqgrid.cli.text import warn

WITH_PARENT = "--with-parent"
_PATIENCE_S = 30
_LONGEST_PAUSE_S = 60.0


def end_with_parent() -> None:
    """End this process in good order when the one that started it is gone: its end of our standard input closes."""

    def watch() -> None:
        sys.stdin.read()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def child(
    arguments: Sequence[str],
    environment: Mapping[str, str] | None = None,
    descriptors: Sequence[int] = (),
    copies: int = 1,
) -> Iterator[None]:
    """Keep ``liqgrid ARGUMENTS --with-parent`` running beside this process; it ends with the block, or with us.

    One that ends by itself is told of and started again, after 1, 2, 4 … seconds. Several ``copies`` end together.

    Parameters
    ----------
    arguments
        Verb and options.
    environment
        Variables that differ from ours.
    descriptors
        Open files it gets as well.
    copies
        How many of it.
    """
    keepers = [_Keeper(arguments, environment or {}, descriptors) for _ in range(copies)]
    for keeper in keepers:
        keeper.start()
    try:
        yield
    finally:
        for keeper in keepers:
            keeper.tell_to_end()
        for keeper in keepers:
            keeper.end()


class _Keeper(threading.Thread):
    """Starts a process, waits for it, and starts it again."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], descriptors: Sequence[int]) -> None:
        super().__init__(daemon=True, name=arguments[0])
        self._command = [sys.executable, "-m", "liqgrid", *arguments, WITH_PARENT]
        self._environment = {**os.environ, **environment}
        self._descriptors = descriptors
        self._ending = threading.Event()
        self._process = self._launched()

    def _launched(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._command, env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            pass_fds=self._descriptors,
        )  # fmt: skip

    def run(self) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            code = self._process.wait()
            if self._ending.is_set():
                return
            failures = 0 if time.monotonic() - began > _LONGEST_PAUSE_S else failures
            pause_s = min(2.0**failures, _LONGEST_PAUSE_S)
            failures += 1
            warn(f"liqgrid {self.name} ended by itself, with {_ending(code)}; it is started again in {pause_s:.0f} s")
            self._close_input()
            if self._ending.wait(pause_s):
                return
            self._process = self._launched()
            if self._ending.is_set():  # told to end while it was being started
                self._process.terminate()

    def tell_to_end(self) -> None:
        """Tell the process to end."""
        self._ending.set()
        self._process.terminate()

    def end(self) -> None:
        """Wait until the process that was told to end has."""
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            warn(f"liqgrid {self.name} did not end in time and is killed; what it committed is whole")
            self._process.kill()
        self.join(_PATIENCE_S)
        self._close_input()

    def _close_input(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()


def _ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {-code}"
