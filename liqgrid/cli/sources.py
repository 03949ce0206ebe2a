"""``liqgrid import``: a verb for each kind of file."""

# ruff: noqa: PLC0415 - a verb imports what it needs when it is called

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from liqgrid.cli.options import HELP, BarInterval, Files, Symbol
from liqgrid.engine.collect.archive.names import ArchiveKind

_OWN_CSV = "csv"


class _ImportGroup(TyperGroup):
    """What follows ``import`` is files of our own CSV, unless it is the name of a source."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        if not args or args[0] not in {*self.commands, *ctx.help_option_names}:
            args = [_OWN_CSV, *args]
        return super().parse_args(ctx, args)


sources = typer.Typer(cls=_ImportGroup, context_settings=HELP)


@sources.command("binance")
def import_binance(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Archives, .zip or .csv, or folders of them.")],
    symbol: Symbol = None,
    kind: Annotated[ArchiveKind | None, typer.Option(help="What is in them; otherwise their names say it.")] = None,
    interval: BarInterval = None,
) -> None:
    """Import Binance's public archives of perpetual futures."""
    from liqgrid.cli.archives import check_archives, import_archives
    from liqgrid.cli.database import migrated
    from liqgrid.cli.settings import load_settings

    settings = load_settings()
    archives = check_archives(paths, symbol, kind, interval)
    with migrated(settings) as connection:
        failures = import_archives(connection, archives)
    if failures:
        raise failures[0]


@sources.command(_OWN_CSV)
def import_csv(files: Files, symbol: Symbol = None, interval: BarInterval = None) -> None:
    """Import bars in liqgrid's own CSV; `import FILE` is short for it."""
    from liqgrid.cli.database import migrated
    from liqgrid.cli.imports import check_file, import_file
    from liqgrid.cli.settings import load_settings

    settings = load_settings()
    checked = [check_file(path, symbol, interval) for path in files]
    with migrated(settings) as connection:
        for file in checked:
            import_file(connection, file)
