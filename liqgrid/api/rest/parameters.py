"""Parameters of a URL: declared once, for reading them and for the OpenAPI document.

Every value is checked here, before anything is asked: what a client gets to read names the parameter, what it was, and
what is allowed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NoReturn

from liqgrid.engine.market.errors import BadRequest
from liqgrid.engine.market.times import in_utc

_SHOWN = 60  # characters of a value that an error repeats
_LONGEST = 200
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")


class Kind(StrEnum):
    """What a value is; the words are those of JSON Schema where it has one."""

    TEXT = "string"
    INTEGER = "integer"
    NUMBER = "number"
    TIME = "date-time"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: ``many`` are separated by commas; ``choices`` in the order they are told."""

    name: str
    kind: Kind
    description: str
    required: bool = False
    default: Any = None
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    choices: Sequence[str] = ()
    pattern: str | None = None
    many: bool = False
    most: int | None = None
    in_path: bool = False
    example: Any = None


def parse(given: Iterable[tuple[str, str]], parameters: Sequence[Parameter]) -> dict[str, Any]:
    """Return the value of every parameter, its default where it is not given.

    Raises
    ------
    BadRequest
        If one is unknown, given twice, lacking, or not what it must be.
    """
    known = {parameter.name: parameter for parameter in parameters}
    texts: dict[str, str] = {}
    for name, text in given:
        if name not in known:
            raise BadRequest(
                f"there is no parameter {name[:_SHOWN]!r} here; there are {', '.join(sorted(known)) or 'none'}",
                parameter=name[:_SHOWN],
            )
        if name in texts:
            _refuse(known[name], text, "give it once" + (", values separated by commas" if known[name].many else ""))
        texts[name] = text
    return {name: _value(parameter, texts) for name, parameter in known.items()}


def _value(parameter: Parameter, texts: Mapping[str, str]) -> Any:
    text = texts.get(parameter.name)
    if text is None:
        if parameter.required:
            raise BadRequest(f"{parameter.name} is required: {_allowed(parameter)}", parameter=parameter.name)
        return parameter.default
    if len(text) > _LONGEST * (parameter.most or 1):
        _refuse(parameter, text, f"it is {len(text)} characters long")
    if not parameter.many:
        return _one(parameter, text)
    parts = [part for part in text.split(",") if part]
    if not 1 <= len(parts) <= (parameter.most or len(parts)):
        _refuse(parameter, text, f"it has {len(parts)} values; give {_count(parameter)}")
    return [_one(parameter, part) for part in parts]


def _one(parameter: Parameter, text: str) -> Any:
    match parameter.kind:
        case Kind.INTEGER:
            return _within(parameter, text, int(text) if _INTEGER.fullmatch(text) else _refuse(parameter, text))
        case Kind.NUMBER:
            return _within(parameter, text, float(text) if _NUMBER.fullmatch(text) else _refuse(parameter, text))
        case Kind.TIME:
            return _time(parameter, text)
    if parameter.choices and text not in parameter.choices:
        _refuse(parameter, text)
    if parameter.pattern and re.fullmatch(parameter.pattern, text) is None:
        _refuse(parameter, text)
    if "\x00" in text:
        _refuse(parameter, text, "no stored text holds that character")
    return text


def _within(parameter: Parameter, text: str, value: float) -> float:
    low, high, above = parameter.minimum, parameter.maximum, parameter.above
    fits = (low is None or value >= low) and (high is None or value <= high) and (above is None or value > above)
    if not (fits and math.isfinite(value)):
        _refuse(parameter, text)
    return value


def _time(parameter: Parameter, text: str) -> datetime:
    try:
        return in_utc(datetime.fromisoformat(text))
    except ValueError:
        lost = " (a + in a URL is written %2B)" if " " in text else ""
        _refuse(parameter, text, f"{_allowed(parameter)}{lost}")


def _refuse(parameter: Parameter, text: str, reason: str | None = None) -> NoReturn:
    raise BadRequest(
        f"{parameter.name} was {text[:_SHOWN]!r}; {reason or _allowed(parameter)}",
        parameter=parameter.name,
        value=text[:_SHOWN],
    )


def _allowed(parameter: Parameter) -> str:
    """Return what a value must be."""
    each = "each of " + _count(parameter) + ", separated by commas, " if parameter.many else "it "
    if parameter.choices:
        return f"{each}must be one of {', '.join(parameter.choices)}"
    if parameter.kind is Kind.TIME:
        return f"{each}must be an ISO 8601 time up to the year 9999, for example 2024-08-05T12:00:00Z"
    if parameter.kind is Kind.TEXT:
        example = f", for example {parameter.example}" if parameter.example else ""
        return f"{each}must be {parameter.description[:1].lower()}{parameter.description[1:].rstrip('.')}{example}"
    noun = "a whole number" if parameter.kind is Kind.INTEGER else "a number"
    return f"{each}must be {noun}{_bounds(parameter)}"


def _bounds(parameter: Parameter) -> str:
    low, high, above = parameter.minimum, parameter.maximum, parameter.above
    least = f"above {above:g} and" if above is not None else "" if low is None else f"from {low:g}"
    return f" {least}{'' if high is None else f' up to {high:.15g}'}" if least or high is not None else ""


def _count(parameter: Parameter) -> str:
    return f"1 to {parameter.most}" if parameter.most else "one or more"


def to_json_schema(parameter: Parameter) -> dict[str, Any]:
    """Return a parameter as JSON Schema says it."""
    kind = "string" if parameter.kind is Kind.TIME else str(parameter.kind)
    schema: dict[str, Any] = {"type": kind}
    if parameter.kind is Kind.TIME:
        schema["format"] = "date-time"
    facts = {
        "enum": list(parameter.choices) or None,
        "minimum": parameter.minimum,
        "maximum": parameter.maximum,
        "exclusiveMinimum": parameter.above,
        "pattern": None if parameter.pattern is None else f"^{parameter.pattern}$",
    }
    schema |= {name: value for name, value in facts.items() if value is not None}
    if not parameter.many:
        return schema if parameter.default is None else {**schema, "default": parameter.default}
    array: dict[str, Any] = {"type": "array", "items": schema, "minItems": 1}
    if parameter.most:
        array["maxItems"] = parameter.most
    return array
