"""The examples of client/README.md and docs/api.md run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = [
    pytest.param(block.replace('"http://localhost:8000", key=None', ""), id=f"{page}-{number}")
    for page in ("client/README.md", "README.md", "docs/api.md")
    for number, block in enumerate(BLOCK.findall((ROOT / page).read_text("utf-8")))
    if "liqgrid_client" in block
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_run(url: str, tmp_path: Path, example: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", example],
        cwd=tmp_path, env={**os.environ, "LIQGRID_URL": url}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_there_are_examples_of_every_page() -> None:
    assert {str(one.id).rpartition("-")[0] for one in EXAMPLES} == {"client/README.md", "README.md", "docs/api.md"}
    assert len(EXAMPLES) >= 8
