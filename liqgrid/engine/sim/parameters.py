"""What the simulated market assumes: its symbols and the habits of its traders (docs/simulation.md)."""

from __future__ import annotations

from dataclasses import dataclass

from liqgrid.engine.market.errors import BadSetting
from liqgrid.engine.market.instrument import Instrument, Pair
from liqgrid.engine.market.tiers import TierSet, published_tiers

STEP_MS = 5_000
STEPS_PER_MINUTE = 12
DAY_STEPS = 86_400_000 // STEP_MS
BLOCK_STEPS = DAY_STEPS  # the market is drawn and played a block at a time
BLOCK_MS = BLOCK_STEPS * STEP_MS
FUNDING_MS = 28_800_000


@dataclass(frozen=True, slots=True)
class Habits:
    """How traders of one symbol behave; the truth the model does not know. Durations in steps of 5 s.

    ``spread_fraction`` of the traders hold margin for all they have, so their effective leverage is any number:
    log-normal from ``min_leverage`` on. The others take one of the ``round_leverages``, as venues offer them. None is
    higher than the venue allows for the notional. A lifetime is log-normal, short for scalpers and long for holders,
    and shorter the higher the leverage: it is multiplied by (leverage / ``usual_leverage``) ** ``lifetime_exponent``.
    """

    opens_per_minute: float = 1.5
    notional_median_quote: float = 40_000.0
    notional_sigma: float = 1.1
    spread_fraction: float = 0.5
    leverage_median: float = 4.0
    leverage_sigma: float = 0.7
    min_leverage: float = 1.25
    round_leverages: tuple[float, ...] = (5, 10, 20, 25, 50, 75, 100)
    round_weights: tuple[float, ...] = (0.2, 0.3, 0.25, 0.1, 0.1, 0.02, 0.03)
    usual_leverage: float = 8.0
    scalper_fraction: float = 0.6
    scalper_median_steps: float = 1_080.0  # 1.5 hours
    holder_median_steps: float = 25_920.0  # 1.5 days
    lifetime_sigma: float = 1.0
    lifetime_exponent: float = -0.5
    trend_strength: float = 0.15  # how much more often traders buy after rising prices
    balance_strength: float = 1.5  # how strongly funding draws traders to the side that is short of them
    taker_fraction: float = 0.7
    churn_fraction: float = 0.4  # of all volume: trades that change nobody's position


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
    premium_sigma: float = 3e-4  # of the contract's price over the index, log price
    premium_half_life_minutes: float = 20.0
    noise_sigma: float = 4e-5  # of last prices around the market, log price
    wick_probability: float = 4e-4  # per step: a stray last price, which the mark price does not follow
    wick_mean: float = 0.002
    impact: float = 0.1  # log price per forced share of open interest
    lasting_impact: float = 0.25  # part of the impact that stays
    impact_half_life_steps: float = 120.0
    mark_share: float = 0.7  # part of the contract's distance from the index that the mark price follows


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
    "BTC": (64_000.0, 0.03, 1, 3),
    "ETH": (3_100.0, 0.038, 2, 3),
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
