"""What the documents say is so: codes, settings, links, queries, limits and verbs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from graphql import FieldNode, OperationDefinitionNode, build_schema, parse, validate

from liqgrid.api.app import MAX_BODY_BYTES
from liqgrid.api.cost import MAX_COST
from liqgrid.api.errors import STATUS
from liqgrid.api.graphql import grid, query, schema, series, view
from liqgrid.api.graphql.schema import sdl
from liqgrid.api.grids import MAX_CELLS, MAX_COLUMNS, MAX_ROWS
from liqgrid.api.profiles import MAX_BANDS, MAX_CLUSTERS
from liqgrid.api.what_if import MAX_LEGS, MAX_ZONES
from liqgrid.cli.main import app
from liqgrid.cli.settings import Settings
from liqgrid.engine.market.errors import ErrorCode

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), ROOT / "client" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
CALL = re.compile(r"(?<![\w./-])(?:\./run|liqgrid) ([a-z][a-z-]*)(?![\w.])")
SETTING = re.compile(r"LIQGRID_[A-Z][A-Z_]*")
LIMITS = {
    "columns": MAX_COLUMNS,
    "rows of a grid": MAX_ROWS,
    "columns × rows": MAX_CELLS,
    "cells of `cells`": grid.MAX_SPARSE_CELLS,
    "clusters": MAX_CLUSTERS,
    "bands": MAX_BANDS,
    "legs of a cascade": MAX_LEGS,
    "stop zones": MAX_ZONES,
    "pairs a page": query.MAX_PAIRS,
    "bars or samples a page": series.MAX_SERIES,
    "bytes of a request": MAX_BODY_BYTES,
    "depth of a query": schema.MAX_DEPTH,
    "aliases in a query": schema.MAX_ALIASES,
    "tokens in a query": schema.MAX_TOKENS,
    "cost of a query": MAX_COST,
    "operations of a WebSocket at a time": view.MAX_SUBSCRIPTIONS,
}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def section(page: str, heading: str) -> str:
    """The text under a heading, up to the next."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", page, re.MULTILINE | re.DOTALL)
    assert found is not None, f"there is no heading {heading!r}"
    return found[1]


def anchors(page: Path) -> set[str]:
    """Fragments of a page, as GitHub makes them of headings."""
    text = FENCED.sub("", page.read_text("utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links() -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        for target in LINK.findall(FENCED.sub("", page.read_text("utf-8"))):
            if not re.match(r"[a-z]+:", target):
                yield page, target


def documented_queries() -> list[tuple[str, str]]:
    return [
        (f"{name_of(page)}-{number}", block)
        for page in PAGES
        for number, (language, block) in enumerate(FENCED.findall(page.read_text("utf-8")))
        if language == "graphql"
    ]


def calls() -> Iterator[tuple[str, str]]:
    """Every verb that stands in code, with its page."""
    for page in PAGES:
        text = page.read_text("utf-8")
        codes = [block for _, block in FENCED.findall(text)] + INLINE.findall(FENCED.sub("", text))
        for code in codes:
            for verb in CALL.findall(code):
                yield name_of(page), verb


@pytest.mark.parametrize("code", ErrorCode)
def test_every_error_is_documented_with_its_status(code: ErrorCode) -> None:
    text = section((ROOT / "docs" / "errors.md").read_text("utf-8"), str(code))
    assert text.lstrip().startswith(f"HTTP {STATUS[code]}")


def test_no_error_is_documented_that_is_none() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "docs" / "errors.md").read_text("utf-8"), re.MULTILINE)
    assert headings == sorted(ErrorCode)


def test_every_setting_is_documented() -> None:
    prefix = Settings.model_config["env_prefix"]
    used = {f"{prefix}{field.upper()}" for field in Settings.model_fields}
    for module in (ROOT / "liqgrid").rglob("*.py"):
        used |= set(SETTING.findall(module.read_text("utf-8")))
    named = {name for page in PAGES for name in SETTING.findall(page.read_text("utf-8"))}
    assert used
    assert used <= named, f"no page names {used - named}"


@pytest.mark.parametrize(
    ("page", "target"), list(links()), ids=[f"{name_of(page)}-{target}" for page, target in links()]
)
def test_links_lead_somewhere(page: Path, target: str) -> None:
    file, _, fragment = target.partition("#")
    there = (page.parent / file).resolve() if file else page
    assert there.exists(), f"{name_of(page)} links to {target}"
    assert there.is_relative_to(ROOT)
    if fragment:
        assert fragment in anchors(there), f"{name_of(page)} links to {target}"


def test_every_query_of_the_schema_has_an_example() -> None:
    asked = {
        selection.name.value
        for _, text in documented_queries()
        for operation in parse(text).definitions
        if isinstance(operation, OperationDefinitionNode)
        for selection in operation.selection_set.selections
        if isinstance(selection, FieldNode)
    }
    root = build_schema(sdl()).query_type
    assert root is not None
    assert set(root.fields) <= asked


@pytest.mark.parametrize(("where", "text"), documented_queries(), ids=[where for where, _ in documented_queries()])
def test_documented_queries_are_valid(where: str, text: str) -> None:
    errors = validate(build_schema(sdl()), parse(text))
    assert not errors, f"{where}: {[error.message for error in errors]}"


def test_documented_limits_are_those_of_the_code() -> None:
    table = section((ROOT / "docs" / "api.md").read_text("utf-8"), "Limits")
    rows = dict(re.findall(r"^\| (.+?) \| (\d+) \|$", table, re.MULTILINE))
    assert {name: int(number) for name, number in rows.items()} == LIMITS


def test_every_verb_in_code_is_one() -> None:
    verbs = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    named = list(calls())
    assert {verb for _, verb in named} >= {"up", "schema", "migrate"}
    assert not [(page, verb) for page, verb in named if verb not in verbs]
