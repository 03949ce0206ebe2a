"""What tests of the embedded server share."""

from __future__ import annotations

import os
from functools import partial

import psycopg

from tests.waiting import wait_until

ROOT = os.geteuid() == 0
SERVER_UID = 65534 if ROOT else os.geteuid()
QUICK = {"fsync": "off"}


until = partial(wait_until, patience_s=20)


def ask(dsn: str, query: str) -> object:
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]
