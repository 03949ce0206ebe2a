"""Venue formulas against worked examples of the venues' own pages, and against margin balances solved by bisection."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest

from liqgrid.engine.market.contract import Contract
from liqgrid.engine.market.errors import BadData
from liqgrid.engine.market.instrument import parse_instrument
from liqgrid.engine.model.formulas import (
    FORMULA_VERSIONS,
    Factors,
    formula_at,
    formula_version,
    inverse_at_entry,
    inverse_at_mark,
    linear_at_entry,
    linear_at_mark,
)

LONG, SHORT = 0, 1


def factor(formula: Factors, side: int, leverage: float, rate: float, amount_fraction: float = 0.0) -> float:
    return float(formula(np.array([leverage]), np.array([rate]), np.array([amount_fraction]))[side, 0])


def ms(date: str) -> int:
    return int(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp() * 1000)


# ------------------------------------------------------------------------------------------------- worked examples


@pytest.mark.parametrize(
    ("side", "entry", "leverage", "level"),
    [
        # Bybit help, "Liquidation Price (USDT Contract)", isolated, MMR 0.5 %: 20 000 − (400 − 100)
        (LONG, 20_000, 50, 19_700),
        # the same page in 2020: 10 000 × (1 − 2 % + 0.5 %) and 8 000 × (1 + 2.5 % − 0.5 %)
        (LONG, 10_000, 50, 9_850),
        (SHORT, 8_000, 40, 8_160),
    ],
)
def test_bybit_linear_as_its_help_page_works_it(side: int, entry: float, leverage: float, level: float) -> None:
    formula = formula_at(parse_instrument("bybit:BTC-USDT"), ms("2024-09-10"))
    found = formula.factor(np.array([leverage]), np.array([0.005]), np.zeros(1))[side, 0] * entry
    assert found == pytest.approx(level, rel=1e-12)


def test_bybit_inverse_as_its_help_page_works_it() -> None:
    # Bybit help, "Liquidation Price Calculation under Isolated Mode (Unified Trading Account)", 2024: 60 000 USD short
    # at 50 000, 10x, MMR 0.5 %: value 1.2 BTC, initial margin 0.12, maintenance margin 0.006:
    # 60 000 / [1.2 − (0.12 − 0.006)]
    formula = formula_at(parse_instrument("bybit:BTC-USD"), ms("2024-09-10"))
    found = formula.factor(np.array([10.0]), np.array([0.005]), np.zeros(1))[SHORT, 0] * 50_000
    assert found == pytest.approx(60_000 / (1.2 - (0.12 - 0.006)), rel=1e-12)


def test_bybit_inverse_at_mark_as_its_help_page_states_it() -> None:
    # The page of 2026-05-27, without extra margin:
    # long size (1 + MMR) / (size/entry + size/entry/leverage + deduction),
    # short size (1 − MMR) / (size/entry − size/entry/leverage − deduction)
    size, entry, leverage, rate, deduction = 9e6, 60_000.0, 20.0, 0.01, 0.4
    value = size / entry
    formula = formula_at(parse_instrument("bybit:BTC-USD"), ms("2026-05-27"))
    found = formula.factor(np.array([leverage]), np.array([rate]), np.array([deduction / value]))[:, 0] * entry
    assert found[LONG] == pytest.approx(size * (1 + rate) / (value + value / leverage + deduction), rel=1e-12)
    assert found[SHORT] == pytest.approx(size * (1 - rate) / (value - value / leverage - deduction), rel=1e-12)


@pytest.mark.parametrize(
    ("venue", "side", "amount", "level"),
    [
        # freqtrade, tests/freqtradebot/test_freqtradebot.py, test_execute_entry, without buffer: 1 unit at 10, 5x,
        # MMR 1 %, Binance with a maintenance amount of 0.01, OKX with a taker fee of 0.06 %
        ("binance", SHORT, 0.01, 11.89108910891089),
        ("okx", SHORT, 0.0, 11.87413417771621),
        ("okx", LONG, 0.0, 8.085708510208207),
        ("bybit", SHORT, 0.0, 11.9),
        ("bybit", LONG, 0.0, 8.1),
    ],
)
def test_linear_as_freqtrade_works_them(venue: str, side: int, amount: float, level: float) -> None:
    formula = FORMULA_VERSIONS[venue, Contract.LINEAR][0]
    rate = 0.01 + (0.0006 if venue == "okx" else 0.0)
    assert 10 * factor(formula.factors, side, 5, rate, amount / 10) == pytest.approx(level, rel=1e-12)


@pytest.mark.parametrize(
    ("side", "entry", "size", "margin", "max_leverage", "level"),
    [
        # Positions of Hyperliquid with the venue's own liquidation price and margin, and the highest leverage of their
        # time: freqtrade, tests/exchange/test_hyperliquid.py
        (LONG, 145.83, 0.33, 24.045107, 20, 74.83696193),
        (LONG, 62739.0, 0.00077, 24.137992, 50, 31708.03843631),
        (SHORT, 2642.8, 0.019, 25.091876, 50, 3924.18322043),
        (SHORT, 68595.0, 0.00069, 23.64871, 50, 101849.99354283),
        (LONG, 173.06, 0.6, 20.735658, 20, 142.05186667),
        (SHORT, 68139.0, 0.00145, 19.72573, 50, 80933.61590987),
        (LONG, 0.13284, 360.0, 15.943218, 20, 0.09082388),
        (LONG, 250.0, 0.5, 25.0, 10, 210.5263157894737),
        (SHORT, 190.0, 0.5, 9.5, 10, 199.04761904761904),
    ],
)
def test_hyperliquid_as_the_venue_stated_it(
    side: int, entry: float, size: float, margin: float, max_leverage: float, level: float
) -> None:
    formula = FORMULA_VERSIONS["hyperliquid", Contract.LINEAR][0]
    leverage = np.array([entry * size / margin])
    found = formula.factor(leverage, np.array([1 / (2 * max_leverage)]), np.zeros(1))[side, 0] * entry
    assert found == pytest.approx(level, rel=1e-4)  # funding paid since moves the margin a little


def test_binance_linear_by_the_formula_of_its_page() -> None:
    # Binance support, "How to Calculate Liquidation Price of USDⓈ-M Futures Contracts", isolated, one way:
    # (WB + cum − side × size × entry) / (size × MMR − side × size), with WB = size × entry / leverage
    size, entry, leverage, rate, cum = 16.0, 62_500.0, 50.0, 0.0065, 950.0
    formula = FORMULA_VERSIONS["binance", Contract.LINEAR][0]
    for row, sign in ((LONG, 1), (SHORT, -1)):
        stated = (size * entry / leverage + cum - sign * size * entry) / (size * rate - sign * size)
        found = factor(formula.factor, row, leverage, rate, cum / (size * entry)) * entry
        assert found == pytest.approx(stated, rel=1e-12)


def test_binance_inverse_by_the_formula_of_its_page() -> None:
    # Binance support, "How to Calculate Liquidation Price of COIN-M Futures Contracts", isolated, one way:
    # (size × MMR + side × size) / ((WB + cum) / contract size + side × size / entry), WB and cum in coin
    contracts, contract_size, entry, leverage, rate, cum = 4000.0, 100.0, 50_000.0, 20.0, 0.01, 0.055
    coins = contracts * contract_size / entry
    formula = FORMULA_VERSIONS["binance", Contract.INVERSE][0]
    for row, sign in ((LONG, 1), (SHORT, -1)):
        stated = (contracts * rate + sign * contracts) / (
            (coins / leverage + cum) / contract_size + sign * contracts / entry
        )
        found = factor(formula.factor, row, leverage, rate, cum / coins) * entry
        assert found == pytest.approx(stated, rel=1e-12)


# ------------------------------------------------------------------------------------------------- first principles


def left_over(kind: str, side: int, q: float, margin: float, rate: float, amount: float) -> Callable[[float], float]:
    """Margin + profit − maintenance margin of q units opened at 1, by price; inverse: q is a sum of quote currency."""
    sign = 1 if side == LONG else -1
    return {
        "linear at mark": lambda p: margin + sign * q * (p - 1) - (rate * q * p - amount),
        "linear at entry": lambda p: margin + sign * q * (p - 1) - (rate * q - amount),
        "inverse at mark": lambda p: margin + sign * q * (1 - 1 / p) - (rate * q / p - amount),
        "inverse at entry": lambda p: margin + sign * q * (1 - 1 / p) - (rate * q - amount),
    }[kind]


def bisected(balance: Callable[[float], float], side: int) -> float:
    """Where the balance of a position is used up: in (0, 1) for a long, in (1, 10⁶) for a short."""
    good, bad = (1.0, 1e-9) if side == LONG else (1.0, 1e6)
    assert balance(good) > 0 > balance(bad)
    for _ in range(200):
        middle = (good + bad) / 2
        good, bad = (middle, bad) if balance(middle) > 0 else (good, middle)
    return (good + bad) / 2


KINDS: dict[str, Factors] = {
    "linear at mark": linear_at_mark,
    "linear at entry": linear_at_entry,
    "inverse at mark": inverse_at_mark,
    "inverse at entry": inverse_at_entry,
}


@pytest.mark.parametrize("side", [LONG, SHORT])
@pytest.mark.parametrize("kind", KINDS)
def test_at_the_level_what_is_left_is_the_maintenance_margin(kind: str, side: int) -> None:
    random = np.random.default_rng(7)
    for _ in range(200):
        leverage = random.uniform(1.5, 150)
        rate = random.uniform(0.05, 0.95) / leverage
        quantity = 10 ** random.uniform(-3, 8)
        amount = random.uniform(0, 0.9) * rate * quantity
        # 1/L + d/N stays under 1: a position that cannot be liquidated has no level to compare
        solved = bisected(left_over(kind, side, quantity, quantity / leverage, rate, amount), side)
        assert factor(KINDS[kind], side, leverage, rate, amount / quantity) == pytest.approx(solved, rel=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_higher_leverage_is_nearer_and_on_its_side(kind: str) -> None:
    leverage = np.array([2, 3, 5, 10, 20, 50, 100, 125.0])
    long, short = KINDS[kind](leverage, np.full(8, 0.004), np.zeros(8))
    assert (np.diff(long) > 0).all()
    assert (np.diff(short) < 0).all()
    assert (long > 0).all()
    assert (long < 1).all()
    assert (short > 1).all()


def test_an_inverse_short_at_1x_is_never_liquidated() -> None:
    assert factor(inverse_at_mark, SHORT, 1, 0.004) == math.inf
    assert factor(inverse_at_mark, SHORT, 1, 0.004, 0.001) == math.inf
    assert factor(inverse_at_mark, LONG, 1, 0.004) == pytest.approx(1.004 / 2)


def test_a_linear_long_at_1x_has_no_level_above_nothing() -> None:
    assert factor(linear_at_mark, LONG, 1, 0.004) == 0
    assert factor(linear_at_mark, LONG, 1, 0.004, 0.001) == 0


@pytest.mark.parametrize(
    ("leverage", "overstated"), [(5, 0.02), (10, 0.04), (25, 0.11), (50, 0.24), (100, 0.66), (125, 0.99)]
)
def test_the_naive_distance_is_overstated(leverage: float, overstated: float) -> None:
    long = factor(linear_at_mark, LONG, leverage, 0.004)
    assert (1 / leverage) / (1 - long) - 1 == pytest.approx(overstated, abs=0.006)


# ------------------------------------------------------------------------------------------------- which rule, when


def test_bybit_keeps_margin_at_entry_until_2_september_2025_and_at_mark_since() -> None:
    for name, before, since in (
        ("bybit:BTC-USDT", linear_at_entry, linear_at_mark),
        ("bybit:BTC-USD", inverse_at_entry, inverse_at_mark),
    ):
        instrument = parse_instrument(name)
        assert formula_at(instrument, ms("2025-09-02") - 1).factors is before
        assert formula_at(instrument, ms("2025-09-02")).factors is since
        assert formula_version(instrument) == formula_at(instrument, ms("2026-01-01")).name


def test_okx_counts_the_taker_fee_and_no_maintenance_amount() -> None:
    for name, plain in (("okx:BTC-USDT", linear_at_mark), ("okx:BTC-USD", inverse_at_mark)):
        formula = formula_at(parse_instrument(name), ms("2026-01-01"))
        found = formula.factor(np.array([20.0]), np.array([0.01]), np.array([0.005]))
        assert found == pytest.approx(plain(np.array([20.0]), np.array([0.0105]), np.zeros(1)), rel=1e-15)


def test_every_rule_has_a_name_of_its_own_and_one_holds_at_all_times() -> None:
    names = [formula.name for formulas in FORMULA_VERSIONS.values() for formula in formulas]
    assert len(set(names)) == len(names)
    for formulas in FORMULA_VERSIONS.values():
        dates = [formula.valid_from_ms for formula in formulas]
        assert dates[0] == 0
        assert dates == sorted(set(dates))


@pytest.mark.parametrize("name", ["nowhere:BTC-USDT", "gate:BTC-USDT", "gate:BTC-USD"])
def test_a_venue_without_a_formula_is_refused(name: str) -> None:
    with pytest.raises(BadData, match=rf"{name}: no liquidation formula for (linear|inverse) contracts of venue"):
        formula_version(parse_instrument(name))
