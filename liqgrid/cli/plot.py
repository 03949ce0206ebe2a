"""``liqgrid plot``: a stored grid as a picture."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from liqgrid.api.grids import Budget, GridRequest, load_grid
from liqgrid.api.heatmap import FORMATS, draw, to_heatmap
from liqgrid.cli.files import check_output, write_whole
from liqgrid.cli.progress import progress
from liqgrid.cli.reads import ask
from liqgrid.cli.text import say
from liqgrid.engine.market.errors import BadSetting
from liqgrid.engine.market.instrument import parse_instrument, parse_pair
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.times import utc_range

_ROWS = 400


def plot_pair(
    database: Callable[[], AbstractContextManager[str]], named: str, interval: Interval, last: int, output: Path
) -> None:
    """Draw the newest columns of a pair, or of one venue's instrument of it, and write the image.

    Raises
    ------
    BadSetting
        If the image cannot be written where it should go.
    UnknownPair, NotBuilt, BadRequest
        If there is no such grid.
    """
    file_format = output.suffix.lower().removeprefix(".")
    if file_format not in FORMATS:
        raise BadSetting(f"output was {output}; its name must end in {', '.join(f'.{one}' for one in FORMATS)}")
    check_output(output)
    request = _request(named, interval, last)
    with database() as dsn:
        grid = ask(dsn, lambda pool: load_grid(pool, request, Budget()))
    with progress(f"drawing {output.name}"):
        image = draw(to_heatmap(grid), file_format)
    write_whole(output, image)
    covered = utc_range(int(grid.close_ms[0]) - interval.ms, int(grid.close_ms[-1]))
    simulated = "SIMULATED " if grid.instruments[0].simulated else ""
    say("plot", f"{output}: {len(grid.close_ms)} columns of {simulated}{request.pair} {interval}, {covered}")


def _request(named: str, interval: Interval, last: int) -> GridRequest:
    if ":" in named:
        instrument = parse_instrument(named)
        return GridRequest(instrument.pair, interval, last=last, rows=_ROWS, venues=[instrument.venue])
    return GridRequest(parse_pair(named), interval, last=last, rows=_ROWS)
