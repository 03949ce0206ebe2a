"""Parameters of a URL: what each kind takes, and what a refusal says, also where a parameter has no bounds."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest

from liqgrid.api.rest.parameters import Kind, Parameter, parse, to_json_schema
from liqgrid.engine.market.errors import BadRequest

NUMBER = Parameter("x", Kind.NUMBER, "A number.")
INTEGER = Parameter("n", Kind.INTEGER, "A number.", minimum=1)
TIME = Parameter("at", Kind.TIME, "A time.")
MANY = Parameter("bands", Kind.NUMBER, "Numbers.", above=0, most=3, many=True)


@pytest.mark.parametrize(
    "text", ["nan", "inf", "-inf", "1e999", "-1e9999", "", " 1", "0x10", "1_0", "1,5", "٣", "1e", "."]
)
def test_what_is_no_finite_number_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="x was") as refusal:
        parse([("x", text)], [NUMBER])
    assert refusal.value.context == {"parameter": "x", "value": text}


@pytest.mark.parametrize(("text", "value"), [("1", 1.0), ("-.5", -0.5), ("2.", 2.0), ("1e-3", 0.001), ("+7", 7.0)])
def test_a_number_is_what_it_says(text: str, value: float) -> None:
    found = parse([("x", text)], [NUMBER])["x"]
    assert found == value
    assert math.isfinite(found)


def test_a_default_stands_for_what_is_not_given() -> None:
    assert parse([], [NUMBER, TIME, Parameter("k", Kind.TEXT, "A text.", default="a")]) == {
        "x": None,
        "at": None,
        "k": "a",
    }
    with pytest.raises(BadRequest, match="n is required: it must be a whole number from 1"):
        parse([], [Parameter("n", Kind.INTEGER, "A number.", required=True, minimum=1)])


def test_a_time_without_a_zone_is_utc() -> None:
    assert parse([("at", "2024-08-05")], [TIME])["at"] == datetime(2024, 8, 5, tzinfo=UTC)
    zoned = datetime(2024, 8, 5, 1, tzinfo=timezone(timedelta(hours=2)))
    assert parse([("at", "2024-08-05T01:00:00+02:00")], [TIME])["at"] == zoned


def test_several_values_are_separated_by_commas() -> None:
    assert parse([("bands", "0.1,0.2,")], [MANY])["bands"] == [0.1, 0.2]
    for text in (",", "1,2,3,4", "1,0"):
        with pytest.raises(BadRequest, match="bands was"):
            parse([("bands", text)], [MANY])


def test_a_refusal_repeats_little_of_what_was_sent() -> None:
    with pytest.raises(BadRequest) as refusal:
        parse([("x" * 10_000, "1")], [NUMBER])
    assert len(refusal.value.message) < 200


def test_the_document_says_the_same_bounds() -> None:
    assert to_json_schema(INTEGER) == {"type": "integer", "minimum": 1}
    assert to_json_schema(MANY) == {
        "type": "array",
        "items": {"type": "number", "exclusiveMinimum": 0},
        "minItems": 1,
        "maxItems": 3,
    }
