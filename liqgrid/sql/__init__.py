"""All SQL of the project, in files: numbered migrations, and named queries with ``$1`` parameters for both drivers."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import LiteralString, cast

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def queries(file: str) -> dict[str, LiteralString]:
    """Return the queries of ``queries/<file>.sql`` by name.

    Each query begins with ``-- name: some_name``. They are literal strings to a type checker: nothing but what
    stands in the file is ever executed.
    """
    text = files("liqgrid.sql").joinpath("queries", f"{file}.sql").read_text("utf-8")
    _, *parts = _NAME.split(text)
    return {name: cast("LiteralString", body.strip()) for name, body in zip(parts[::2], parts[1::2], strict=True)}


def migration_ids(folder: str) -> list[str]:
    """Return the names of the migrations in ``migrations`` or ``timescale``, in the order they apply."""
    return sorted(
        entry.name.removesuffix(".sql")
        for entry in files("liqgrid.sql").joinpath(folder).iterdir()
        if entry.name.endswith(".sql")
    )
