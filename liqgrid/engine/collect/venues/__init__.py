"""Venues: one module each, holding only what differs; loaded when asked for, since ccxt is slow to import."""

from __future__ import annotations

from importlib import import_module

from liqgrid.engine.collect.venues.venue import Venue

NAMES = ("binance", "bybit", "okx", "gate", "bitget", "hyperliquid")


def load_venue(name: str) -> Venue:
    """Return a venue of ``NAMES``."""
    venue: Venue = import_module(f"liqgrid.engine.collect.venues.{name}").VENUE
    return venue
