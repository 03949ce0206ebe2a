"""Builds: which instruments, and what came of them."""

from __future__ import annotations

from liqgrid.cli.progress import progress
from liqgrid.cli.text import say, warn
from liqgrid.engine.build import BuildReport, build_instrument
from liqgrid.engine.market.errors import BadData, UnknownPair
from liqgrid.engine.market.instrument import parse_instrument, parse_pair
from liqgrid.engine.model.parameters import ModelParameters
from liqgrid.engine.store.database import Connection
from liqgrid.engine.store.raw import StoredInstrument, list_instruments


def choose(connection: Connection, targets: list[str]) -> list[StoredInstrument]:
    """Return the stored instruments that pairs and instruments name; without any, all.

    Raises
    ------
    BadRequest
        If a target cannot be read.
    UnknownPair
        If nothing stored has that name.
    """
    stored = list_instruments(connection)
    wanted: set[int] = set()
    for target in targets:
        named = parse_instrument(target) if ":" in target else parse_pair(target)
        found = {one.instrument_id for one in stored if named in {one.instrument, one.instrument.pair}}
        if not found:
            known = ", ".join(str(one.instrument) for one in stored) or "nothing"
            raise UnknownPair(f"{target} is not stored here; there is {known}", pair=target)
        wanted |= found
    return [one for one in stored if one.instrument_id in wanted or not targets]


def build_each(connection: Connection, instruments: list[StoredInstrument]) -> list[BadData]:
    """Build every instrument and say what came of it; return what kept some from being built."""
    failures = []
    for stored in instruments:
        try:
            with progress(f"building {stored.instrument}", "bars") as report:
                done = build_instrument(connection, stored, ModelParameters(), report)
        except BadData as error:
            warn(f"{stored.instrument} is not built: {error.message}")
            failures.append(error)
        else:
            say("build", f"{stored.instrument}: {'up to date' if done is None else describe_build(done)}")
    return failures


def describe_build(done: BuildReport) -> str:
    """Return what a build made, for people."""
    columns = ", ".join(f"{count} of {interval}" for interval, count in done.columns.items()) or "none"
    skill = "".join(f"; skill {skill.mean:.3f} at {interval}" for interval, skill in done.skill.items())
    left_out = done.bars_without_open_interest
    before = f" ({left_out} before the first open interest left out)" if left_out else ""
    return f"{done.bars} bars{before} in {done.duration_s:.1f} s; columns: {columns}{skill}"
