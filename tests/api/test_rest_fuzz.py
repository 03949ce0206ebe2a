"""Whatever the document allows, and more: no answer of 5xx, and every answer as the document says."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.conftest import Served

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
# A history is long, and every batch of it is the same: those are asked seldom.
EXAMPLES, EXAMPLES_OF_HISTORIES = 12, 3
PAIRS = ["BTC-USDT", "BTC-USDT", "ETH-USDT", "XRP-USDT"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_no_question_breaks_it(served: Served) -> None:
    url = f"{str(served.client.base_url).rstrip('/')}/openapi.json"
    document = schemathesis.openapi.from_url(url)
    statuses: Counter[int] = Counter()
    for found in document.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        few = "/export/" in operation.path

        @settings(
            max_examples=EXAMPLES_OF_HISTORIES if few else EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(), pair=st.sampled_from([None, *PAIRS]))
        def ask(case: Any, pair: str | None) -> None:
            for name in ("pair", "symbol"):
                if pair is not None and name in (case.path_parameters or {}):
                    case.path_parameters[name] = pair
            answer = case.call()
            statuses[answer.status_code] += 1
            case.validate_response(answer, checks=CHECKS)

        ask()
    assert statuses[200] > 40, statuses
    assert statuses[400] > 10, statuses
    assert served.client.get("/health").status_code == 200
