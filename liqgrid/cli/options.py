"""Options and arguments that several verbs take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from liqgrid.engine.market.errors import BadRequest
from liqgrid.engine.market.interval import Interval

HELP = {"help_option_names": ["-h", "--help"]}


def _checked_symbol(text: str | None) -> str | None:
    from liqgrid.engine.market.instrument import parse_instrument  # noqa: PLC0415 - only where one is given

    try:
        return None if text is None else str(parse_instrument(text))
    except BadRequest as error:
        raise typer.BadParameter(error.message) from error


Files = Annotated[list[Path], typer.Argument(metavar="FILE", help="Bars in liqgrid's own CSV.")]
MaybeFiles = Annotated[list[Path] | None, typer.Argument(metavar="FILE.csv", help="Bars in liqgrid's own CSV.")]
Symbol = Annotated[
    str | None,
    typer.Option(callback=_checked_symbol, help="Such as binance:BTC-USDT; otherwise the file's name says it."),
]
BarInterval = Annotated[Interval | None, typer.Option(help="Length of the bars; otherwise the file's name says it.")]
Host = Annotated[str, typer.Option(help="Address to serve on.")]
Open = Annotated[
    bool | None,
    typer.Option("--open/--closed", help="Let in everybody, or nobody, without a key; otherwise only this machine."),
]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to serve on; 0 for any that is free.")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Instead of config.toml in LIQGRID_HOME.")
]
Workers = Annotated[int, typer.Option(min=1, max=64, help="Processes that serve, all on the one port.")]
Inherited = Annotated[int | None, typer.Option(hidden=True)]  # a descriptor that the process which started us left open
WithParent = Annotated[bool, typer.Option("--with-parent", hidden=True)]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Instruments = Annotated[
    list[str] | None,
    typer.Argument(metavar="INSTRUMENT", help="Such as binance:BTC-USDT; without any, all of config.toml."),
]
