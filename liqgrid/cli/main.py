"""The command line: verbs, exit codes, signals.

A verb imports what it needs when it is called, so that help answers at once. Exit codes: 0 done, 1 failed,
2 misconfigured, 130 interrupted.
"""

# ruff: noqa: PLC0415 - a verb imports what it needs when it is called

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

from liqgrid.cli.interrupts import INTERRUPTED, end_like_ctrl_c
from liqgrid.cli.keys import keys
from liqgrid.cli.options import (
    HELP,
    AsJson,
    BarInterval,
    ConfigFile,
    Host,
    Inherited,
    Instruments,
    MaybeFiles,
    Open,
    Port,
    Symbol,
    WithParent,
    Workers,
)
from liqgrid.cli.sources import sources
from liqgrid.engine.market.errors import BadSetting, LiqgridError
from liqgrid.engine.market.interval import Interval
from liqgrid.engine.market.job import Queue

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # importing rich takes longer than everything else help does
    context_settings=HELP,
    help="A self-hosted data API for crypto liquidation heatmaps.",
    epilog="Start with a simulated market: liqgrid up --demo; with live ones: liqgrid up",
)
app.add_typer(keys, name="keys")


def main() -> None:
    """Run the command line; an expected failure is one line and an exit code, never a traceback."""
    end_like_ctrl_c("SIGTERM", "SIGHUP")
    try:
        app(prog_name="liqgrid")
    except LiqgridError as error:
        mark = typer.style(f"error {error.code}:", fg="red", bold=True)
        typer.echo(f"{mark} {error.message}", err=True)
        sys.exit(2 if isinstance(error, BadSetting) else 1)
    except KeyboardInterrupt:  # before a verb began; from then on typer sees to it
        sys.exit(INTERRUPTED)


@app.callback(invoke_without_command=True)
def overview(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Say what there is to do, when nothing was asked for."""
    if version:
        from liqgrid import __version__

        typer.echo(f"liqgrid {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def up(
    files: MaybeFiles = None,
    port: Port = 8000,
    host: Host = "127.0.0.1",
    symbol: Symbol = None,
    interval: BarInterval = None,
    open_to_all: Open = None,
    demo: Annotated[bool, typer.Option("--demo", help="Of a simulated market, in a database of its own.")] = False,
    speed: Annotated[
        float | None, typer.Option(help="With --demo: how many times as fast as time the market goes on (default 1).")
    ] = None,
    collect: Annotated[
        bool | None, typer.Option("--collect/--no-collect", help="Collect live; by default where no file is given.")
    ] = None,
    workers: Workers = 1,
) -> None:
    """Collect live or import files, build grids, serve them."""
    from liqgrid.cli.settings import load_settings

    if demo and (files or collect is False):
        raise BadSetting("--demo collects from its own market; leave files and --no-collect out")
    if speed is not None and not demo:
        raise BadSetting("--speed is of the simulated market; give --demo with it")
    settings = load_settings()
    if demo:
        from liqgrid.cli.demo import up_demo

        up_demo(settings, host, port, open_to_all, workers, speed=1.0 if speed is None else speed)
        return
    from liqgrid.cli import up as verb

    collects = not files if collect is None else collect
    verb.up(settings, files or [], host, port, symbol, interval, open_to_all, workers, collects=collects)


@app.command()
def migrate() -> None:
    """Bring the database to this liqgrid's schema."""
    from liqgrid.cli.database import database, describe
    from liqgrid.cli.settings import load_settings
    from liqgrid.engine.store.migrate import migrate as migrate_database

    settings = load_settings()
    with database(settings) as dsn:
        typer.echo(f"{migrate_database(dsn)}, {describe(settings)}: schema is up to date")


app.add_typer(sources, name="import", help="Import files: each whole or not at all, none twice.")


@app.command()
def backfill(
    instruments: Instruments = None,
    days: Annotated[float, typer.Option(min=0.01, help="How far back from now.")] = 30,
    config: ConfigFile = None,
    as_jobs: Annotated[bool, typer.Option("--as-jobs", help="Queue it for the workers, a job an instrument.")] = False,
) -> None:
    """Fetch the past from venues; begun again, it goes on from there."""
    from liqgrid.cli.collects import backfill as verb
    from liqgrid.cli.collects import plan_of, queue_backfills
    from liqgrid.cli.database import migrated_dsn
    from liqgrid.cli.settings import load_settings

    settings = load_settings()
    plan = plan_of(settings, config, instruments or [])
    with migrated_dsn(settings) as dsn:
        if as_jobs:
            queue_backfills(plan, dsn, days)
        else:
            raise typer.Exit(verb(plan, dsn, days))


@app.command()
def collect(
    instruments: Instruments = None,
    config: ConfigFile = None,
    backfill_days: Annotated[
        float | None, typer.Option("--backfill", min=0.01, help="Let workers fetch so many days of the past, too.")
    ] = None,
    with_parent: WithParent = False,
) -> None:
    """Collect live from venues until told to end."""
    from liqgrid.cli.children import end_with_parent
    from liqgrid.cli.collects import collect as verb
    from liqgrid.cli.collects import plan_of
    from liqgrid.cli.database import migrated_dsn
    from liqgrid.cli.settings import load_settings

    settings = load_settings()
    plan = plan_of(settings, config, instruments or [])
    with migrated_dsn(settings) as dsn:
        if with_parent:  # now, and not before: a database that this process uses is stopped by it
            end_with_parent()
        verb(plan, dsn, backfill_days)


@app.command("config")
def config_(config: ConfigFile = None) -> None:
    """Print the configuration in force, defaults included, as JSON."""
    from liqgrid.cli.config import load_config
    from liqgrid.cli.settings import load_settings

    typer.echo(load_config(load_settings().home, config).model_dump_json(indent=2))


@app.command()
def build(
    targets: Annotated[
        list[str] | None,
        typer.Argument(metavar="PAIR", help="Such as BTC-USDT or binance:BTC-USDT; without any, everything."),
    ] = None,
) -> None:
    """Bring grids up to the stored bars."""
    from liqgrid.cli.builds import build_each, choose
    from liqgrid.cli.database import migrated
    from liqgrid.cli.settings import load_settings

    settings = load_settings()
    with migrated(settings) as connection:
        failures = build_each(connection, choose(connection, targets or []))
    if failures:
        raise failures[0]


@app.command()
def worker(
    queues: Annotated[
        list[Queue] | None, typer.Option("--queue", help="Take jobs from this queue only; may be given several times.")
    ] = None,
    drain: Annotated[bool, typer.Option("--drain", help="End when no job is due.")] = False,
    with_parent: WithParent = False,
) -> None:
    """Run builds and backfills as jobs, on any number of hosts."""
    from liqgrid.cli.children import end_with_parent
    from liqgrid.cli.database import migrated_dsn
    from liqgrid.cli.settings import load_settings
    from liqgrid.cli.worker import work

    settings = load_settings()
    with migrated_dsn(settings) as dsn:
        if with_parent:  # now, and not before: a database that this process uses is stopped by it
            end_with_parent()
        work(settings, dsn, queues or [], drain=drain)


@app.command()
def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    open_to_all: Open = None,
    workers: Workers = 1,
    listener: Inherited = None,
    shared: Inherited = None,
    ready: Inherited = None,
    with_parent: WithParent = False,
) -> None:
    """Serve the API on a database that has been migrated."""
    from liqgrid.cli.access import check_access
    from liqgrid.cli.children import end_with_parent
    from liqgrid.cli.database import database
    from liqgrid.cli.listen import listening
    from liqgrid.cli.serve import Inheritance, serve_api, serve_inherited
    from liqgrid.cli.settings import load_settings
    from liqgrid.engine.store.database import connected
    from liqgrid.engine.store.migrate import check_schema

    settings = load_settings()
    if listener is not None and shared is not None and ready is not None:
        with database(settings) as dsn:
            if with_parent:  # now, and not before: a database that this process uses is stopped by it
                end_with_parent()
            serve_inherited(dsn, settings, open_to_all, Inheritance(listener, shared, ready))
        return
    with listening(host, port) as bound, database(settings) as dsn:
        with connected(dsn) as connection:
            check_schema(connection)
            check_access(connection, bound, open_to_all)
        serve_api(dsn, bound, settings, open_to_all, workers)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Say what is stored and how far it is built."""
    from liqgrid.cli.database import database, describe
    from liqgrid.cli.settings import load_settings
    from liqgrid.cli.status import print_status

    settings = load_settings()
    with database(settings) as dsn:
        print_status(dsn, describe(settings), as_json=as_json)


@app.command()
def score(
    file: Annotated[Path, typer.Argument(help="Bars with realised liquidations in liqgrid's own CSV.")],
    symbol: Symbol = None,
    interval: BarInterval = None,
    as_json: AsJson = False,
    predictions: Annotated[
        Path | None, typer.Option(metavar="OUT.csv", help="Write the predicted liquidations of every bar here.")
    ] = None,
) -> None:
    """Measure what the map knew of a file; needs no database."""
    from liqgrid.cli.score import score_file

    score_file(file, symbol, interval, predictions, as_json=as_json)


@app.command()
def plot(
    pair: Annotated[str, typer.Argument(help="Such as BTC-USDT, or binance:BTC-USDT for one venue of it.")],
    interval: Annotated[Interval, typer.Option(help="Interval of the grid.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Image to write: .png, .svg or .pdf.")
    ] = Path("heatmap.png"),
    last: Annotated[int, typer.Option(min=2, help="Columns, newest last.")] = 720,
) -> None:
    """Draw a grid as a heatmap, with the price on top."""
    from liqgrid.cli.database import database
    from liqgrid.cli.plot import plot_pair
    from liqgrid.cli.settings import load_settings

    plot_pair(lambda: database(load_settings()), pair, interval, last, output)


@app.command()
def exchange(
    coins: Annotated[
        list[str] | None, typer.Argument(metavar="COIN", help="Such as BTC; without any, BTC, ETH, SOL and XRP.")
    ] = None,
    port: Port = 8090,
    seed: Annotated[int, typer.Option(min=0, help="The same seed and day give the same market.")] = 1,
    speed: Annotated[float, typer.Option(help="How many times as fast as time the market goes on.")] = 1.0,
    days: Annotated[int, typer.Option(min=0, max=400, help="History before now.")] = 30,
    weight_limit: Annotated[int, typer.Option(min=0, help="Request weight a minute; 0 for no limit.")] = 0,
    fault: Annotated[
        list[str] | None, typer.Option(metavar="NAME=CHANCE", help="Such as stall=0.001; may be repeated.")
    ] = None,
    origin_ms: Annotated[int | None, typer.Option("--origin-ms", hidden=True)] = None,
    listener: Annotated[int | None, typer.Option("--listener", hidden=True)] = None,
    with_parent: WithParent = False,
) -> None:
    """Serve a simulated market as Binance serves a real one."""
    from liqgrid.cli.children import end_with_parent
    from liqgrid.cli.exchange import ExchangeOptions, serve_exchange
    from liqgrid.cli.listen import listening
    from liqgrid.engine.sim.parameters import DEFAULT_COINS

    options = ExchangeOptions(
        tuple(coins or DEFAULT_COINS), seed, speed, days, weight_limit, tuple(fault or ()), origin_ms
    )
    if with_parent:
        end_with_parent()
    with listening("127.0.0.1", port) if listener is None else socket.socket(fileno=listener) as socket_:
        serve_exchange(options, socket_)


@app.command()
def schema() -> None:
    """Print the GraphQL schema."""
    from liqgrid.api.graphql.schema import sdl

    typer.echo(sdl(), nl=False)
