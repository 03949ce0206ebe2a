"""Settings: environment variables that begin with ``LIQGRID_``; an empty one counts as not set."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from platformdirs import user_data_path
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from liqgrid.engine.market.errors import BadSetting

_PREFIX = "LIQGRID_"
# What psycopg and asyncpg both read in a DSN, and read alike.
_DSN_OPTIONS = {
    "host", "port", "user", "password", "dbname", "options", "passfile", "sslmode", "sslrootcert", "sslcert", "sslkey",
}  # fmt: skip
_SCHEMES = ("postgresql://", "postgres://")
_EXAMPLE = "postgresql://user:password@host:5432/liqgrid"
# What both drivers can read: user and password, hosts with ports, then database and options.
_HOST = r"(\[[0-9a-fA-F:.]+\]|[^\[\]:,/?#@]*)(:[0-9]*)?"
_DSN = re.compile(rf"\w+://([^/?#@]*@)?{_HOST}(,{_HOST})*([/?].*)?")
# An origin as browsers send it: no path, no capitals, no port that its scheme has anyway.
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?")


def default_home() -> Path:
    """Return the user's data folder.

    As root it is /var/lib/liqgrid: PostgreSQL refuses to run as root, and the user it runs as instead cannot enter
    root's home.
    """
    if sys.platform != "win32" and os.geteuid() == 0:
        return Path("/var/lib/liqgrid")
    return user_data_path("liqgrid", appauthor=False)


class Settings(BaseSettings):
    """What the environment decides.

    ``dsn`` is the PostgreSQL or TimescaleDB to use, None for liqgrid's own; ``home`` is where that one keeps its
    data. Raw rows older than ``keep_raw_days`` are deleted; None keeps them, so that any grid can be built again.
    ``answers_mb`` of memory hold what each API process answered, 0 none of it.
    ``cors_origins`` are the sites whose pages may ask the API, ``access_log`` whether it logs every request.
    """

    model_config = SettingsConfigDict(env_prefix=_PREFIX, env_ignore_empty=True, frozen=True, hide_input_in_errors=True)

    dsn: str | None = Field(default=None, repr=False)
    home: Path = Field(default_factory=default_home)
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    access_log: bool = True
    answers_mb: int = Field(default=64, ge=0)
    keep_raw_days: int | None = Field(default=None, ge=1)

    @field_validator("dsn")
    @classmethod
    def _is_postgres(cls, dsn: str | None) -> str | None:
        if dsn is not None and not dsn.startswith(_SCHEMES):
            scheme, found, _ = dsn.partition("://")
            seen = f"was {scheme + '://…'!r}" if found else "names no scheme (not shown, it may hold a password)"
            raise ValueError(
                f"{seen}; it must start with {' or '.join(_SCHEMES)}, such as {_EXAMPLE}, or be unset for liqgrid's "
                "own database"
            )
        if dsn is not None and not _DSN.fullmatch(dsn):
            raise ValueError(
                f"cannot be read (not shown, it may hold a password); write it as {_EXAMPLE}, with any of : / ? # @ in "
                "the password as %3A %2F %3F %23 %40"
            )
        unknown = sorted({name for name, _ in parse_qsl(urlsplit(dsn or "").query)} - _DSN_OPTIONS)
        if unknown:
            raise ValueError(
                f"has the option {unknown[0]!r}, which not both of the drivers know; take it out, or use "
                f"{', '.join(sorted(_DSN_OPTIONS))}"
            )
        return dsn

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _are_origins(cls, text: object) -> object:
        if not isinstance(text, str):
            return text
        origins = tuple(origin.strip() for origin in text.split(",") if origin.strip())
        for origin in origins:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"was {origin!r}; write exact origins, with commas between, such as https://charts.example.com"
                )
        return origins

    @field_validator("home")
    @classmethod
    def _is_absolute(cls, home: Path) -> Path:
        try:
            return home.expanduser().absolute()
        except RuntimeError as error:
            raise ValueError(f"was {str(home)!r}: {error}; write the folder's whole path") from error


def load_settings() -> Settings:
    """Return the settings of this process.

    Raises
    ------
    BadSetting
        Naming the variable, what was seen (never a password) and what to do.
    """
    try:
        return Settings()
    except ValidationError as error:
        fault = error.errors()[0]
        name = _PREFIX + str(fault["loc"][0]).upper()
        raise BadSetting(f"{name} {fault['msg'].removeprefix('Value error, ')}", setting=name) from None
