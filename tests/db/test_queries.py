"""Every named query is accepted by a real database, and takes what its casts say."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import LiteralString

import pytest

from liqgrid.engine.store.binary import HEADER, TRAILER
from liqgrid.engine.store.database import Connection, detect_kind
from liqgrid.sql import queries

FILES = sorted(entry.name.removesuffix(".sql") for entry in files("liqgrid.sql").joinpath("queries").iterdir())
COMMENT = re.compile(r"--.*$", re.MULTILINE)
CAST = re.compile(r"\$(\d+)::((?:double precision|\w+)(?:\[\])?)")
PARAMETER = re.compile(r"\$(\d+)")
UTILITY = ("COPY", "CREATE", "DO", "GRANT", "SET")  # statements that take no parameters and cannot be prepared


def statements() -> dict[str, LiteralString]:
    return {f"{file}.{name}": query for file in FILES for name, query in queries(file).items()}


def is_utility(query: str) -> bool:
    return COMMENT.sub("", query).lstrip().startswith(UTILITY)


@pytest.fixture
def staged(connection: Connection) -> Connection:
    """A connection that has the temporary tables the staging queries make."""
    for name, query in queries("raw").items():
        if name.startswith("stage_"):
            connection.execute(query)
    return connection


def test_every_file_is_read() -> None:
    assert {"raw", "grid", "schema"} <= set(FILES)
    for file in FILES:
        text = files("liqgrid.sql").joinpath("queries", f"{file}.sql").read_text("utf-8")
        assert len(queries(file)) == len(re.findall("^-- name:", text, re.MULTILINE)), f"{file} repeats a name"


def test_every_query_prepares_and_takes_what_its_casts_say(staged: Connection) -> None:
    has_timescale = detect_kind(staged).timescale_version is not None
    for name, query in statements().items():
        if is_utility(query) or (name.startswith("timescale.") and not has_timescale):
            continue
        text = COMMENT.sub("", query)
        wanted: dict[int, str] = {}
        for number, cast in CAST.findall(text):
            assert wanted.setdefault(int(number), cast) == cast, f"{name}: ${number} is cast to two types"
        assert {int(number) for number in PARAMETER.findall(text)} == set(wanted), f"{name}: a parameter has no cast"
        staged.execute(f'PREPARE "{name}" AS {query}')
        row = staged.execute(
            "SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = $1", [name]
        ).fetchone()
        assert row is not None, name
        assert dict(enumerate(row[0], start=1)) == wanted, name


def test_every_copy_names_columns_that_exist(staged: Connection) -> None:
    copies = {name: query for name, query in statements().items() if query.startswith("COPY")}
    assert len(copies) >= 8
    for query in copies.values():
        with staged.cursor() as cursor, cursor.copy(query) as copy:
            copy.write(HEADER + TRAILER)


def test_a_staged_table_is_written_as_the_table_itself() -> None:
    sql = queries("raw")
    for table in ("bar", "open_interest", "funding_rate", "long_short_ratio", "liquidation_bar"):
        plain, staged = (" ".join(sql[f"copy_{name}"].split()) for name in (table, f"staged_{table}"))
        assert staged == plain.replace(f"COPY {table} ", f"COPY staged_{table} ")
