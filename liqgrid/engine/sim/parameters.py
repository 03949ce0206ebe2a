"""What the simulated market assumes: its symbols and the habits of its traders (docs/simulation.md)."""

from __future__ import annotations

from dataclasses import dataclass

from liqgrid.engine.market.errors import BadSetting
from liqgrid.engine.market.instrument import Instrument, Pair
from liqgrid.engine.market.tiers import TierSet, published_tiers

STEP_MS = 5_000
STEPS_PER_MINUTE = 12
BLOCK_STEPS = 4_320  # six hours, so that funding times fall on every third bound of two blocks
BLOCK_MS = BLOCK_STEPS * STEP_MS
FUNDING_MS = 28_800_000
DAY_STEPS = 86_400_000 // STEP_MS


@dataclass(frozen=True, slots=True)
class Habits:
    """How traders of one symbol behave; the truth the model does not know. Durations in steps of 5 s.

    Leverage is log-normal, continuous between ``min_leverage`` and what the venue allows at the position's notional.
    A lifetime is log-normal, short for scalpers and long for holders, and shorter the higher the leverage: it is
    multiplied by (leverage / ``leverage_median``) ** ``lifetime_exponent``.
    """

    opens_per_minute: float = 1.5
    notional_median_quote: float = 40_000.0
    notional_sigma: float = 1.1
    leverage_median: float = 8.0
    leverage_sigma: float = 0.9
    min_leverage: float = 1.25
    scalper_fraction: float = 0.6
    scalper_median_steps: float = 1_080.0  # 1.5 hours
    holder_median_steps: float = 25_920.0  # 1.5 days
    lifetime_sigma: float = 1.0
    lifetime_exponent: float = -0.5
    trend_strength: float = 0.15  # how much more often traders buy after rising prices
    balance_strength: float = 1.5  # how strongly funding draws traders to the side that is short of them
    taker_fraction: float = 0.7
    churn_fraction: float = 0.5  # of all volume: trades that change nobody's position


@dataclass(frozen=True, slots=True)
class PriceModel:
    """How the price moves by itself and under forced orders."""

    market_correlation: float = 0.7  # of the symbols' returns and volatility
    fast_volatility_sigma: float = 0.45
    fast_volatility_half_life_minutes: float = 180.0
    slow_volatility_sigma: float = 0.35
    slow_volatility_half_life_minutes: float = 2_880.0
    jumps_per_day: float = 0.5
    jump_mean: float = 0.012  # size of a jump, log price
    jump_down_fraction: float = 0.65
    jump_steps: int = 60  # a jump is spread over up to five minutes
    noise_sigma: float = 4e-5  # of last prices around the market, log price
    wick_probability: float = 4e-4  # per step: a stray last price, which the mark price does not follow
    wick_mean: float = 0.002
    impact: float = 0.1  # log price per forced share of open interest
    lasting_impact: float = 0.25  # part of the impact that stays
    impact_half_life_steps: float = 120.0
    mark_share: float = 0.7  # part of the passing impact that the mark price follows, as other venues do


@dataclass(frozen=True, slots=True)
class SymbolParameters:
    """One USDT-margined perpetual. ``price_decimals`` and ``amount_decimals`` are those of its tick and lot."""

    pair: Pair
    first_price: float
    daily_volatility: float
    price_decimals: int
    amount_decimals: int
    tiers: tuple[TierSet, ...]
    habits: Habits = Habits()
    price: PriceModel = PriceModel()

    @property
    def name(self) -> str:
        """The venue's spelling, ``BTCUSDT``."""
        return f"{self.pair.base}{self.pair.quote}"

    @property
    def lot_base(self) -> float:
        """Smallest amount, base units; every amount is a whole number of lots."""
        return float(f"1e-{self.amount_decimals}")


_KNOWN = {
    "BTC": (64_000.0, 0.026, 1, 3),
    "ETH": (3_100.0, 0.034, 2, 3),
    "SOL": (148.0, 0.045, 4, 2),
    "XRP": (0.61, 0.04, 4, 1),
}


def symbol_parameters(base: str) -> SymbolParameters:
    """Return the perpetual of a coin against USDT: the known ones as they are, others made up, with BTC's tiers.

    Raises
    ------
    BadSetting
        If ``base`` is no name of a coin.
    """
    if not (base.isascii() and base.isalnum() and base.isupper() and len(base) <= 20):
        raise BadSetting(f"coin was {base[:40]!r}; write it like BTC")
    price, volatility, price_decimals, amount_decimals = _KNOWN.get(base, (10.0, 0.05, 4, 2))
    published = published_tiers()
    pair = Pair(base, "USDT")
    tiers = published.get(Instrument("binance", pair)) or published[Instrument("binance", Pair("BTC", "USDT"))]
    return SymbolParameters(pair, price, volatility, price_decimals, amount_decimals, tiers)


DEFAULT_COINS = tuple(_KNOWN)
