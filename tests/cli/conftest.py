"""The command line as a person meets it: a process with arguments, an environment, output and an exit code."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from liqgrid.cli.main import main
from liqgrid.engine.store.embedded import stop_server

PATIENCE_S = 120


@dataclass
class Liqgrid:
    """``liqgrid`` over one home; ``started`` are the processes to end with the test."""

    home: Path
    started: list[Running] = field(default_factory=list)

    def environment(self, **settings: str) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("LIQGRID_", "PG"))}
        return {**clean, "LIQGRID_HOME": str(self.home), "PYTHONWARNINGS": "error", **settings}

    def run(self, *arguments: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "liqgrid", *arguments],
            env=self.environment(**settings), capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip

    def start(self, *arguments: str | Path, **settings: str) -> Running:
        process = subprocess.Popen(
            [sys.executable, "-m", "liqgrid", *arguments],
            env=self.environment(**settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        running = Running(process)
        self.started.append(running)
        return running

    def end_all(self) -> None:
        while self.started:
            running = self.started.pop()
            running.process.kill()
            running.wait()


@dataclass
class Running:
    """A process that serves."""

    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)
    _logged: list[str] = field(default_factory=list)
    _logs: threading.Thread | None = None

    def wait_until_served(self) -> str:
        """Return host and port, once it answers there; from then on its log is read, or it would wait for that."""
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        for line in self.process.stdout:
            self.said.append(line.rstrip())
            if address := re.search(r"http://([\d.]+:\d+)/graphql", line):
                self._logs = threading.Thread(target=self._logged.extend, args=[self.process.stderr], daemon=True)
                self._logs.start()
                return address[1]
        raise AssertionError(f"it ended: {self.said}, {self.process.communicate()[1]}")

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """Send a signal; return the exit code and the log."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> tuple[int, str]:
        """Return the exit code and the log, when it and all it started have ended: they share the log."""
        if self._logs is None:
            _, errors = self.process.communicate(timeout=PATIENCE_S)
            return self.process.returncode, errors
        code = self.process.wait(PATIENCE_S)
        self._logs.join(PATIENCE_S)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        return code, "".join(self._logged)


@dataclass(frozen=True)
class Ended:
    """How a command line ended."""

    code: object
    output: str
    errors: str


class Inside:
    """The command line in this process: for what ends before anything is started, and ends in many ways."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.home = home
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def run(self, *arguments: str | Path, **settings: str) -> Ended:
        self._monkeypatch.delenv("LIQGRID_DSN", raising=False)
        for name, value in {"LIQGRID_HOME": str(self.home), **settings}.items():
            self._monkeypatch.setenv(name, value)
        self._monkeypatch.setattr(sys, "argv", ["liqgrid", *map(str, arguments)])
        self._monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # typer has its own
        handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
        try:
            with pytest.raises(SystemExit) as ended:
                main()
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        said = self._capsys.readouterr()
        return Ended(ended.value.code, said.out, said.err)


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Inside:
    """A command line in this process, whose home does not exist yet."""
    return Inside(tmp_path / "home", monkeypatch, capsys)


@pytest.fixture
def liqgrid(tmp_path: Path) -> Iterator[Liqgrid]:
    """A command line whose home does not exist yet."""
    made = Liqgrid(tmp_path / "home")
    yield made
    made.end_all()


@pytest.fixture(scope="module")
def lasting() -> Iterator[Liqgrid]:
    """A command line for all tests of a module, in a home that the database's user can reach."""
    made = Liqgrid(Path(tempfile.mkdtemp(prefix="liqgrid cli ", dir="/tmp")))
    yield made
    made.end_all()
    stop_server(made.home / "postgres")
    shutil.rmtree(made.home)
