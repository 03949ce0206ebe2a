"""Waiting for what another thread or process does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def wait_until(holds: Callable[[], Any], patience_s: float = 60) -> Any:
    """Return what ``holds`` returns once that is true; fail where it is not for so long."""
    end = time.monotonic() + patience_s
    while not (found := holds()):
        assert time.monotonic() < end, f"did not happen within {patience_s} s"
        time.sleep(0.01)
    return found
