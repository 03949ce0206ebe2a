"""What keeps the rooms of the house tidy, beyond the import contracts of pyproject.toml (``lint-imports``)."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "liqgrid"
CLIENT = ROOT / "client"
GENERATED = {CLIENT / "liqgrid_client" / name for name in ("types.py", "documents.py")}  # as long as the schema
MODULES = sorted({*PACKAGE.rglob("*.py"), *CLIENT.rglob("*.py")} - GENERATED)
LONGEST_MODULE = 350
FORBIDDEN_WORDS = {"px", "qty", "amt"}  # price, quantity and amount are written out
FORBIDDEN_MODULES = {"util", "utils", "helper", "helpers", "misc"}  # a module is named for its idea
# A statement at the start of a string in any case, or in capitals anywhere in it.
SQL = (
    r"SELECT\s+.+\s+FROM|SELECT\s+[\w*$]+|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|MERGE\s+INTO|TRUNCATE\s+TABLE"
    r"|(?:CREATE|ALTER|DROP)\s+(?:OR\s+REPLACE\s+|TEMP\w*\s+|UNLOGGED\s+|UNIQUE\s+|MATERIALIZED\s+)*"
    r"(?:TABLE|INDEX|VIEW|SCHEMA|DATABASE|ROLE|USER|EXTENSION|FUNCTION|TYPE|TRIGGER|SEQUENCE)"
    r"|COPY\s+[\w.\"]+\s*(?:\(|FROM|TO)|GRANT\s+\w+\s+ON|SET\s+(?:LOCAL|SESSION|ROLE)\b|LISTEN\s+\w+|NOTIFY\s+\w+"
)
STATEMENT = re.compile(rf"\s*(?i:{SQL})", re.DOTALL)
CAPITALS = re.compile(rf"\b(?:{SQL})", re.DOTALL)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), filename=name_of(path))


def docstrings(tree: ast.Module) -> set[int]:
    """Ids of the constants that are docstrings, of attributes too."""
    return {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def strings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and text of every string literal that is not a docstring; an f-string is one, its values left out."""
    skipped = docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            constants = [part for part in node.values if isinstance(part, ast.Constant)]
            skipped |= {id(part) for part in constants}
            values = (str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
            yield node.lineno, "".join(values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.lineno, node.value


def is_sql(text: str) -> bool:
    return STATEMENT.match(text) is not None or CAPITALS.search(text) is not None


def identifiers(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and spelling of every name the module gives: variables, attributes, arguments, functions, classes."""
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield line, name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield line, name
            case ast.keyword(arg=str(name)) | ast.alias(asname=str(name)):
                yield line, name


def words_of(identifier: str) -> set[str]:
    return {word.lower() for part in identifier.split("_") for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", part)}


def imported(tree: ast.Module) -> set[str]:
    """Top-level packages a module imports, and liqgrid's own by their full names."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names.add(node.module or "")
    return {name if name.startswith("liqgrid") else name.partition(".")[0] for name in names}


def test_every_package_says_what_it_is() -> None:
    folders = sorted({path.parent for path in MODULES})
    undocumented = [
        name_of(folder)
        for folder in folders
        if not (folder / "__init__.py").exists() or not ast.get_docstring(tree_of(folder / "__init__.py"))
    ]
    assert undocumented == []


@pytest.mark.parametrize("room", ["market", "model"])
def test_market_and_model_import_numpy_and_the_standard_library_only(room: str) -> None:
    allowed = {"numpy", *sys.stdlib_module_names}
    rooms = ("liqgrid.engine.market", "liqgrid.engine.model")[: 1 if room == "market" else 2]
    strangers = {
        (name_of(path), name)
        for path in MODULES
        if path.is_relative_to(PACKAGE / "engine" / room)
        for name in imported(tree_of(path))
        if (name_of(path), name)
        != ("liqgrid/engine/model/compiled.py", "numba")  # how loops are compiled, and it alone
        and name not in allowed
        and not any(name == own or name.startswith(f"{own}.") for own in rooms)
    }
    assert strangers == set()


def test_sql_stands_in_sql_files_only() -> None:
    found = [
        f"{name_of(path)}:{line}: {text.strip()[:60]!r}"
        for path in MODULES
        if not path.is_relative_to(PACKAGE / "sql")
        for line, text in strings(tree_of(path))
        if is_sql(text)
    ]
    assert found == []


def test_modules_stay_short() -> None:
    lengths = {name_of(path): len(path.read_text("utf-8").splitlines()) for path in MODULES}
    assert {name: length for name, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_words_are_written_out() -> None:
    found = [
        f"{name_of(path)}:{line}: {name}"
        for path in MODULES
        for line, name in identifiers(tree_of(path))
        if words_of(name) & FORBIDDEN_WORDS
    ]
    assert found == []


def test_no_module_is_named_for_nothing() -> None:
    names = {name_of(path): {path.stem, path.parent.name} for path in MODULES}
    assert [name for name, parts in names.items() if parts & FORBIDDEN_MODULES] == []


@pytest.mark.parametrize(
    "source",
    [
        "a = 'SELECT 1'",
        "a = '  select x from y'",
        "a = 'insert into bar values (1)'",
        "a = f'SELECT {x} FROM bar'",
        "a = f'UPDATE {table} SET a = 1'",
        "a = 'WITH a AS (SELECT b FROM c) TABLE a'",
        "a = 'CREATE EXTENSION timescaledb'",
        "a = 'COPY bar (ts) FROM STDIN'",
        "a = 'SET LOCAL lock_timeout = 1'",
    ],
)
def test_the_check_finds_sql(source: str) -> None:
    assert any(is_sql(text) for _, text in strings(ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    [
        "def f():\n    'SELECT 1'",
        "a = 'choose another price range and select fewer rows'",
        "a = 'the update was set aside'",
        "a = 'Copy the key now; it is shown once'",
        "a = 'Create the database first'",
    ],
)
def test_the_check_leaves_prose_alone(source: str) -> None:
    assert not any(is_sql(text) for _, text in strings(ast.parse(source)))


@pytest.mark.parametrize(
    "source", ["px = 1", "a.last_px", "def f(qty): ...", "f(amt=1)", "class BidQty: ...", "PX = 1"]
)
def test_the_check_finds_forbidden_words(source: str) -> None:
    assert any(words_of(name) & FORBIDDEN_WORDS for _, name in identifiers(ast.parse(source)))


def test_the_check_knows_words_from_parts_of_words() -> None:
    names = [name for _, name in identifiers(ast.parse("pxe = amtrak = quantity = expx = 1"))]
    assert not any(words_of(name) & FORBIDDEN_WORDS for name in names)


def test_a_process_that_serves_never_loads_the_replay() -> None:
    code = (
        "import sys, liqgrid.api.app; print(*(f'liqgrid.engine.model.{n}' in sys.modules for n in ('kernel', 'rows')))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False", "True"]
