"""Workers on a database of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.jobs.workers import Workers, workers_on


@pytest.fixture
def workers(migrated_dsn: str, tmp_path: Path) -> Iterator[Workers]:
    """Starts workers on the test's database."""
    with workers_on(migrated_dsn, tmp_path) as made:
        yield made
