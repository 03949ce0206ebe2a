"""The examples of the client's pages run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = {"client/README.md": 6, "README.md": 1, "docs/api.md": 1}
ADDRESS = '"http://localhost:8000", key=None'  # of the example that shows where it goes


@pytest.mark.parametrize("page", PAGES)
def test_examples_run(url: str, tmp_path: Path, page: str) -> None:
    blocks = [block for block in BLOCK.findall((ROOT / page).read_text("utf-8")) if "liqgrid_client" in block]
    assert len(blocks) == PAGES[page]
    program = "\n".join(blocks).replace(ADDRESS, "")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path, env={**os.environ, "LIQGRID_URL": url}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
