from __future__ import annotations

import pytest

from liqgrid.engine.market.instrument import Side
from liqgrid.engine.model.exposure import Band
from liqgrid.engine.model.signals import Funding, OpenInterest, Trend, agree, heavier_side, squeezed_side

LONGS, SHORTS, EVEN = Band(0.05, 60.0, 40.0), Band(0.05, 40.0, 60.0), Band(0.05, 52.0, 48.0)
RISING, FLAT, UNKNOWN = OpenInterest(103.0, 100.0), OpenInterest(101.0, 100.0), OpenInterest(103.0, None)


def paid(day: float, before: float | None = 0.0) -> Funding:
    return Funding(0.0001, day, before)


@pytest.mark.parametrize(
    ("band", "side"),
    [
        (LONGS, Side.LONG), (SHORTS, Side.SHORT), (EVEN, None), (Band(0.05, 0.0, 0.0), None),
        (Band(0.05, 55.0, 45.0), Side.LONG), (Band(0.05, 54.9, 45.1), None), (Band(0.05, 0.0, 1.0), Side.SHORT),
    ],
)  # fmt: skip
def test_a_side_is_heavier_from_55_percent_on(band: Band, side: Side | None) -> None:
    assert heavier_side(band) is side


@pytest.mark.parametrize(
    ("day", "paying"),
    [(0.00031, Side.LONG), (0.0003, None), (0.0001, None), (0.0, None), (-0.00001, Side.SHORT)],
)
def test_longs_pay_over_the_usual_interest_and_shorts_below_nothing(day: float, paying: Side | None) -> None:
    assert paid(day).paying is paying


@pytest.mark.parametrize(
    ("day", "before", "trend"),
    [(3e-4, 1e-4, Trend.RISING), (1e-4, 3e-4, Trend.FALLING), (1e-4, 5e-5, Trend.FLAT), (1e-4, None, None)],
)
def test_funding_has_a_trend_from_a_hundredth_of_a_percent_on(
    day: float, before: float | None, trend: Trend | None
) -> None:
    assert paid(day, before).trend is trend


def test_open_interest_has_a_trend_from_two_percent_on() -> None:
    assert [one.trend for one in (RISING, FLAT, UNKNOWN, OpenInterest(97.0, 100.0))] == [
        Trend.RISING, Trend.FLAT, None, Trend.FALLING
    ]  # fmt: skip
    assert RISING.change_fraction == pytest.approx(0.03)


@pytest.mark.parametrize(
    ("band", "day", "interest", "agreed", "squeezed"),
    [
        (SHORTS, -1e-4, RISING, True, Side.SHORT),
        (SHORTS, 5e-5, RISING, False, Side.SHORT),  # low, but shorts do not pay
        (SHORTS, 1e-4, RISING, False, None),
        (SHORTS, -1e-4, FLAT, False, None),
        (SHORTS, 4e-4, RISING, False, None),
        (LONGS, 4e-4, RISING, True, Side.LONG),
        (LONGS, -1e-4, RISING, False, None),
        (LONGS, 2e-4, RISING, False, None),
        (EVEN, -1e-4, RISING, False, None),
    ],
)
def test_they_agree_and_squeeze_as_documented(
    band: Band, day: float, interest: OpenInterest, agreed: bool, squeezed: Side | None
) -> None:
    assert agree(band, paid(day), interest) is agreed
    assert squeezed_side(band, paid(day), interest) is squeezed


@pytest.mark.parametrize(
    ("funding", "interest"), [(None, RISING), (paid(-1e-4), None), (paid(-1e-4), UNKNOWN), (None, None)]
)
def test_what_is_missing_makes_no_verdict(funding: Funding | None, interest: OpenInterest | None) -> None:
    assert agree(SHORTS, funding, interest) is None
    assert squeezed_side(SHORTS, funding, interest) is None
