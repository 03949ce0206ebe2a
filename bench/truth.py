"""How near the model comes to a market whose positions are known: ``python -m bench.truth [--days N] [--seeds N]``.

The figures of docs/model.md, "Truth on a simulated market". Asserts that what the model makes of bars and open
interest is nearer to the truth than a map that knows nothing, and with the market's true turnover nearer than one that
knows a day's chart.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np

from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.axis import COLUMN_REACH
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.sim.parameters import DEFAULT_COINS, SymbolParameters, symbol_parameters
from liqgrid.engine.sim.tape import Market, new_market, play_until
from liqgrid.engine.sim.truth import chart_map, likeness, modelled_maps, true_map, true_turnover_fraction

ORIGIN_MS = 1_789_948_800_000
DAY_MS, HOUR_MS = 86_400_000, 3_600_000
BURN_IN_DAYS = 5
OPENS_PER_MINUTE = 10.0  # more traders than the demo has, so that chance fills fewer bins


def crowded(coin: str) -> SymbolParameters:
    """Return a symbol with many traders."""
    symbol = symbol_parameters(coin)
    return replace(symbol, habits=replace(symbol.habits, opens_per_minute=OPENS_PER_MINUTE))


def measure(market: Market, name: str, days: int, interval: Interval) -> dict[str, F64]:
    """Return how like each kind of map is, (4,): rank correlation long, short; earth mover's distance long, short."""
    times_ms = [ORIGIN_MS + hour * HOUR_MS for hour in range(BURN_IN_DAYS * 24, days * 24 + 1, 6)]
    usual = ModelParameters()
    true = replace(usual, turnover_fraction=true_turnover_fraction(market, name))
    modelled = modelled_maps(market, name, usual, interval, times_ms)
    turned = modelled_maps(market, name, true, interval, times_ms)
    found: dict[str, list[F64]] = {}
    for ms, (price, map_) in modelled.items():
        truth = true_map(market, name, ms, price)
        estimates = {
            "model": map_,
            "model, true turnover": turned[ms][1],
            "a day's chart": chart_map(market, name, ms, price, usual),
            "uniform": np.ones((2, COLUMN_REACH)),
        }
        for label, estimate in estimates.items():
            like = likeness(truth, estimate)
            found.setdefault(label, []).append(np.concatenate([like.rank_correlation, like.earth_mover_percent]))
    return {label: np.mean(one, axis=0) for label, one in found.items()}


def main() -> None:
    """Measure every coin and seed and print the mean."""
    options = argparse.ArgumentParser()
    options.add_argument("--days", type=int, default=30)
    options.add_argument("--seeds", type=int, default=2)
    options.add_argument("--interval", type=Interval, default=Interval.M5)
    arguments = options.parse_args()
    results: dict[str, list[F64]] = {}
    for seed in range(arguments.seeds):
        for coin in DEFAULT_COINS:
            began = time.perf_counter()
            symbol = crowded(coin)
            market = new_market(seed, ORIGIN_MS, [symbol])
            play_until(market, ORIGIN_MS + arguments.days * DAY_MS)
            for label, one in measure(market, symbol.name, arguments.days, arguments.interval).items():
                results.setdefault(label, []).append(one)
            turnover = true_turnover_fraction(market, symbol.name)
            print(f"{coin} seed {seed}: true turnover {turnover:.3f}, {time.perf_counter() - began:.1f} s")
    print(f"{'map':24} rank long  short   earth mover's % long  short")
    means = {label: np.mean(one, axis=0) for label, one in results.items()}
    for label, mean in means.items():
        print(f"{label:24} {mean[0]:9.3f} {mean[1]:6.3f} {mean[2]:22.2f} {mean[3]:6.2f}")
    assert (means["model"][:2] > 0.15).all()
    assert (means["model"][2:] < means["uniform"][2:]).all()
    assert (means["model, true turnover"][:2] > means["a day's chart"][:2] + 0.05).all()


if __name__ == "__main__":
    main()
