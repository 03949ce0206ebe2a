"""Parameters: each value is checked, and each is in the digest."""

from __future__ import annotations

import math
import re
from dataclasses import fields
from typing import Any

import pytest

from liqgrid.engine.market.errors import BadSetting, ErrorCode
from liqgrid.engine.model import parameters
from liqgrid.engine.model.parameters import ModelParameters

OTHERS: dict[str, object] = {
    "leverages": (2, 3),
    "profile_exponent": -0.5,
    "turnover_fraction": 0.5,
    "modelled_share": 0.5,
    "position_median_quote": 20_000.0,
    "position_spread": 1.0,
    "inverse_median_fraction": 0.1,
    "max_gap_ms": 1,
}


def changed(name: str, value: object) -> ModelParameters:
    values: dict[str, Any] = {field.name: getattr(ModelParameters(), field.name) for field in fields(ModelParameters)}
    return ModelParameters(**values | {name: value})


def test_every_parameter_is_tested_here() -> None:
    assert {field.name for field in fields(ModelParameters)} == set(OTHERS)


def test_the_defaults_are_those_of_the_model_page() -> None:
    default = ModelParameters()
    assert list(default.leverages) == [2, 3, 5, 7, 10, 15, 20, 25, 33, 50, 75, 100, 125]
    assert (default.profile_exponent, default.turnover_fraction, default.modelled_share) == (-1, 1, 1)
    assert (default.position_median_quote, default.position_spread) == (100_000, 2)
    assert (default.inverse_median_fraction, default.max_gap_ms) == (0.3, 24 * 3600 * 1000)


def test_a_digest_is_sixteen_hexadecimal_digits_and_stays() -> None:
    assert re.fullmatch("[0-9a-f]{16}", ModelParameters().digest())
    assert ModelParameters().digest() == ModelParameters().digest()


@pytest.mark.parametrize("name", OTHERS)
def test_every_field_changes_the_digest(name: str) -> None:
    assert changed(name, OTHERS[name]).digest() != ModelParameters().digest()


def test_the_model_version_changes_the_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    before = ModelParameters().digest()
    monkeypatch.setattr(parameters, "MODEL_VERSION", "another")
    assert ModelParameters().digest() != before


@pytest.mark.parametrize(
    ("name", "value"),
    [("leverages", tuple(float(x) for x in ModelParameters().leverages)), ("turnover_fraction", 1)],
)
def test_equal_parameters_have_one_digest(name: str, value: object) -> None:
    assert changed(name, value) == ModelParameters()
    assert changed(name, value).digest() == ModelParameters().digest()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("leverages", ()),
        ("leverages", (1, 2)),
        ("leverages", (3, 2)),
        ("leverages", (2, 2)),
        ("leverages", (2, 1001)),
        ("leverages", (math.nan,)),
        ("profile_exponent", -5.1),
        ("profile_exponent", math.nan),
        ("turnover_fraction", -0.1),
        ("turnover_fraction", 10.1),
        ("turnover_fraction", math.nan),
        ("modelled_share", 0),
        ("modelled_share", 1.01),
        ("modelled_share", math.nan),
        ("position_median_quote", 0),
        ("position_median_quote", math.inf),
        ("position_spread", 0),
        ("position_spread", math.nan),
        ("position_spread", 10.1),
        ("inverse_median_fraction", 0),
        ("inverse_median_fraction", math.inf),
        ("max_gap_ms", 0),
        ("max_gap_ms", -1),
    ],
)
def test_a_value_out_of_range_is_a_bad_setting(name: str, value: object) -> None:
    with pytest.raises(BadSetting, match=f"model parameter {name} was .*out of range") as caught:
        changed(name, value)
    assert caught.value.code is ErrorCode.BAD_SETTING
