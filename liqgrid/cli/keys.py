"""``liqgrid keys``: make, list and take back keys of the API."""

# ruff: noqa: PLC0415 - a verb imports what it needs when it is called

from __future__ import annotations

import json
from typing import Annotated

import typer

from liqgrid.cli.options import AsJson
from liqgrid.engine.market.api_key import Scope

keys = typer.Typer(help="Make, list and revoke keys of the API.", no_args_is_help=True)


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose it is; keys may share a name.")],
    scope: Annotated[
        list[Scope] | None, typer.Option(help="read, stream or export; may be repeated. Without any, all.")
    ] = None,
    requests: Annotated[int, typer.Option(min=1, max=2**31 - 1, help="Requests a minute.")] = 600,
    cost: Annotated[int, typer.Option(min=1, max=2**31 - 1, help="Points of query cost a minute.")] = 60_000,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it, once: it is stored hashed and cannot be had again."""
    from liqgrid.cli.database import migrated
    from liqgrid.cli.settings import load_settings
    from liqgrid.cli.text import say
    from liqgrid.engine.market.api_key import id_of
    from liqgrid.engine.store.keys import create_key

    scopes = scope or list(Scope)
    with migrated(load_settings()) as connection:
        key = create_key(connection, name, scopes, requests, cost)
    if as_json:
        print(json.dumps({"id": id_of(key), "name": name, "key": key}))
        return
    say("key", key)
    say("", f"for {name}: {', '.join(scopes)}; send it as X-API-Key. It is not shown again.")


@keys.command("list")
def list_(as_json: AsJson = False) -> None:
    """List keys by their ids, with what they open and when they were last used."""
    from dataclasses import asdict

    from liqgrid.cli.database import migrated
    from liqgrid.cli.settings import load_settings
    from liqgrid.engine.market.times import utc
    from liqgrid.engine.store.keys import list_keys

    with migrated(load_settings()) as connection:
        rows = list_keys(connection)
    if as_json:
        print(json.dumps({"keys": [asdict(row) for row in rows]}))
        return
    for row in rows:
        used = "never used" if row.last_used_ms is None else f"last used {utc(row.last_used_ms)} UTC"
        state = used if row.revoked_ms is None else f"revoked {utc(row.revoked_ms)} UTC"
        limits = f"{row.requests_per_minute} requests and {row.cost_per_minute} points a minute"
        print(f"{row.key_id}  {row.name}: {', '.join(row.scopes)}; {limits}; {state}")


@keys.command()
def revoke(key_id: Annotated[str, typer.Argument(metavar="ID", help="As `liqgrid keys list` shows it.")]) -> None:
    """Take a key back; servers refuse it within seconds."""
    from liqgrid.cli.database import migrated
    from liqgrid.cli.settings import load_settings
    from liqgrid.cli.text import say
    from liqgrid.engine.store.keys import revoke_key

    with migrated(load_settings()) as connection:
        say("revoked", f"{key_id}, {revoke_key(connection, key_id)}")
