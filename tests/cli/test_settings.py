"""Settings out of the environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from liqgrid.cli.settings import default_home, load_settings
from liqgrid.engine.market.errors import BadSetting


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LIQGRID_DSN", "LIQGRID_HOME"):
        monkeypatch.delenv(name, raising=False)


def test_defaults_are_the_own_database_in_the_user_data_folder() -> None:
    settings = load_settings()
    assert settings.dsn is None
    assert settings.home == default_home()
    assert settings.home.name == "liqgrid"


def test_home_of_root_can_be_entered_by_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_home() == Path("/var/lib/liqgrid")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert default_home() != Path("/var/lib/liqgrid")


def test_empty_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIQGRID_DSN", "")
    monkeypatch.setenv("LIQGRID_HOME", "")
    assert load_settings().dsn is None
    assert load_settings().home == default_home()


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://liqgrid@database:5432/liqgrid",
        "postgres://user:s%40crt@[::1]:5432/liqgrid?sslmode=require",
        "postgresql:///liqgrid?host=/run/postgresql",
        "postgresql://postgres@/postgres?host=%2Ftmp%2Fa%20b&port=5432",
        "postgresql://one:5432,two:5433/liqgrid",
        "postgresql://",
    ],
)
def test_dsn_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch, dsn: str) -> None:
    monkeypatch.setenv("LIQGRID_DSN", dsn)
    assert load_settings().dsn == dsn


@pytest.mark.parametrize(
    ("dsn", "says"),
    [
        ("mysql://user:s3cret@host/liqgrid", "was 'mysql://…'; it must start with postgresql://"),
        ("host=database password=s3cret", "names no scheme"),
        ("postgresql://user:s3cret@host:port/liqgrid", "cannot be read"),
        ("postgresql://user:s3cret@[::1/liqgrid", "cannot be read"),
        ("postgresql://user:s3c/ret@host/liqgrid", "cannot be read"),
    ],
)
def test_bad_dsn_is_named_and_its_password_is_not(monkeypatch: pytest.MonkeyPatch, dsn: str, says: str) -> None:
    monkeypatch.setenv("LIQGRID_DSN", dsn)
    with pytest.raises(BadSetting) as caught:
        load_settings()
    assert caught.value.message.startswith(f"LIQGRID_DSN {says}")
    assert "postgresql://user:password@host:5432/liqgrid" in caught.value.message
    assert "s3c" not in caught.value.message
    assert caught.value.__suppress_context__  # pydantic's own text would hold the value


def test_dsn_is_not_shown_with_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIQGRID_DSN", "postgresql://user:s3cret@host/liqgrid")
    assert "s3cret" not in repr(load_settings())


def test_home_becomes_a_whole_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIQGRID_HOME", "data")
    assert load_settings().home == tmp_path / "data"
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setenv("LIQGRID_HOME", "~/data")
    assert load_settings().home == Path("/home/somebody/data")


def test_home_of_nobody_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIQGRID_HOME", "~no-such-user/data")
    with pytest.raises(BadSetting, match=r"LIQGRID_HOME was '~no-such-user/data'"):
        load_settings()


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        load_settings().home = Path("/elsewhere")
