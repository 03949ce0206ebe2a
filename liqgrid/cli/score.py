"""``liqgrid score``: what the map knew of a file's realised liquidations."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from liqgrid.cli.files import check_output, write_whole
from liqgrid.cli.imports import describe_gaps
from liqgrid.cli.text import warn
from liqgrid.engine.collect.own_csv import CsvSource, csv_source, read_whole
from liqgrid.engine.market.arrays import F64
from liqgrid.engine.market.bars import Bars, gaps
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.tiers import assumed_tiers, published_tiers
from liqgrid.engine.market.times import iso, utc_range
from liqgrid.engine.model.formulas import formula_version
from liqgrid.engine.model.parameters import MODEL_VERSION, ModelParameters
from liqgrid.engine.model.predict import predict
from liqgrid.engine.model.skill import Skill, measure_skill, realised_of

_MEANING = (
    "Skill: rank correlation of predicted with realised liquidations, beyond what price move and turnover explain; "
    "0 knows nothing, 1 everything."
)


def score_file(
    path: Path, symbol: str | None, interval: Interval | None, predictions: Path | None, *, as_json: bool
) -> None:
    """Replay a file, print its skill, and write the predictions where that was asked for.

    Raises
    ------
    BadData
        If the file is wrong, its venue has no formula, or too few liquidations to measure skill.
    BadSetting
        If the predictions cannot be written where they should go.
    """
    if predictions is not None:
        check_output(predictions)
    source = csv_source(path, symbol, interval)
    formula_version(source.instrument)  # a venue without a formula is refused before the file is read
    tier_sets = published_tiers().get(source.instrument)
    if tier_sets is None:
        tier_sets = (assumed_tiers(source.instrument),)
        highest = tier_sets[0].tiers[0].max_leverage
        warn(f"{source.instrument}: no margin tiers are known; up to {highest:g}x at every size is assumed")
    parameters = ModelParameters()
    rows = read_whole(source)
    bars = rows.bars.bars
    predicted = predict(rows, tier_sets, parameters)
    if predictions is not None:
        write_whole(predictions, predictions_csv(bars, predicted))
    missing = gaps(bars.open_ms, bars.close_ms)
    if missing:
        warn(f"{path.name}: {describe_gaps(missing)}")
    skill = measure_skill(bars, predicted, realised_of(bars, rows.liquidation_bars))
    print(_json(source, skill, parameters) if as_json else _table(source, bars, skill, parameters))


def predictions_csv(bars: Bars, predicted_base: F64) -> bytes:
    """Return the predictions (2, T) of bars (T,) as CSV; empty where none was made."""
    lines = ["open_time_utc,predicted_long_base,predicted_short_base"]
    for open_ms, *amounts in zip(bars.open_ms.tolist(), *predicted_base.tolist(), strict=True):
        lines.append(",".join([iso(open_ms), *("" if np.isnan(amount) else repr(amount) for amount in amounts)]))
    return ("\n".join(lines) + "\n").encode()


def _json(source: CsvSource, skill: Skill, parameters: ModelParameters) -> str:
    return json.dumps(
        {
            "skill": skill.mean,
            "skill_long": skill.long,
            "skill_short": skill.short,
            "bars_long": skill.long_bars,
            "bars_short": skill.short_bars,
            "symbol": str(source.instrument),
            "interval": str(source.interval),
            "model_version": MODEL_VERSION,
            "parameters_hash": parameters.digest(),
        }
    )


def _table(source: CsvSource, bars: Bars, skill: Skill, parameters: ModelParameters) -> str:
    covered = utc_range(int(bars.open_ms[0]), int(bars.close_ms[-1]))
    return "\n".join(
        [
            f"{source.instrument} {source.interval}: {len(bars)} bars, {covered}",
            "",
            "        skill   bars",
            f"long   {skill.long:6.3f} {skill.long_bars:6}",
            f"short  {skill.short:6.3f} {skill.short_bars:6}",
            f"mean   {skill.mean:6.3f}",
            "",
            f"model {MODEL_VERSION}, parameters {parameters.digest()}",
            _MEANING,
        ]
    )
