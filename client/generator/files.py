"""The generated files and their text."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from graphql import build_schema

from generator.blocking import blocking
from generator.documents import documents_module
from generator.types import types_module

CLIENT = Path(__file__).parents[1]
FOLDER = CLIENT / "liqgrid_client"
SDL = CLIENT.parent / "docs" / "schema.graphql"
_BY_HAND = {"system.py"}  # what differs by nature: sleeping, and receiving with a time limit


def generated() -> dict[str, str]:
    """Return the text of every generated file by its name in the package."""
    schema = build_schema(SDL.read_text("utf-8"))
    files = {"types.py": types_module(schema), "documents.py": documents_module(schema)}
    for path in sorted((FOLDER / "asynchronous").glob("*.py")):
        if path.name not in _BY_HAND:
            files[f"synchronous/{path.name}"] = blocking(path.read_text("utf-8"))
    return {name: _formatted(text, FOLDER / name) for name, text in files.items()}


def _formatted(text: str, path: Path) -> str:
    """Return source as ``ruff`` sorts and formats it."""
    for command in (["check", "--fix-only", "--select", "I"], ["format"]):
        text = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--quiet", "--stdin-filename", path, "-"],
            input=text, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
    return text
