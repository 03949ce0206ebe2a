"""What tests of the embedded server share."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import psycopg

ROOT = os.geteuid() == 0
SERVER_UID = 65534 if ROOT else os.geteuid()
QUICK = {"fsync": "off"}


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "did not happen within 20 s"
        time.sleep(0.01)


def ask(dsn: str, query: str) -> object:
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]
