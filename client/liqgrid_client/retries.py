"""What is asked again, and when: only what cannot do harm, less and less often."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tenacity import RetryCallState

from liqgrid_client.errors import LiqgridError

# Every question only reads, so it may be asked again. One that timed out may not: the server is at work on it.
_PASSING = frozenset({"UNREACHABLE", "RATE_LIMITED", "STORE_UNAVAILABLE"})
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 15.0


def is_passing(error: BaseException) -> bool:
    """Whether the same question may be answered a little later."""
    return isinstance(error, LiqgridError) and error.code in _PASSING


def pause_s(failures: int, error: BaseException | None) -> float:
    """Return how long to wait after so many failures: what the server said, or twice as long each time, with chance."""
    longest = min(FIRST_PAUSE_S * 2.0 ** min(failures - 1, 20), LONGEST_PAUSE_S)
    pause = longest * random.uniform(0.5, 1)  # noqa: S311 - so that clients do not come back all at once
    told = error.retry_after if isinstance(error, LiqgridError) else None
    return pause if told is None else told


def wait(state: RetryCallState) -> float:
    """Return the pause before the next attempt, for tenacity."""
    return pause_s(state.attempt_number, None if state.outcome is None else state.outcome.exception())


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return how long a server asks to wait: seconds, or until a date; None if it does not say."""
    told = headers.get("retry-after", "").strip()
    if told.isdecimal():
        return float(told)
    try:
        until = parsedate_to_datetime(told)
    except ValueError:
        return None
    aware = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
    return max((aware - datetime.now(UTC)).total_seconds(), 0.0)
