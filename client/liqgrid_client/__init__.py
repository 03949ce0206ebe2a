"""Liquidation heatmaps of liqgrid as numpy arrays: ``Client`` and, for asyncio, ``AsyncClient``."""

from liqgrid_client.asynchronous.client import AsyncClient
from liqgrid_client.asynchronous.pages import AsyncPages
from liqgrid_client.errors import CursorTooOld, LiqgridError, NotBuilt, RateLimited, UnknownPair, Unreachable
from liqgrid_client.synchronous.client import Client
from liqgrid_client.synchronous.pages import Pages
from liqgrid_client.types import Grid, GridColumnEvent, RealisedLiquidation
from liqgrid_client.version import __version__

__all__ = [
    "AsyncClient",
    "AsyncPages",
    "Client",
    "CursorTooOld",
    "Grid",
    "GridColumnEvent",
    "LiqgridError",
    "NotBuilt",
    "Pages",
    "RateLimited",
    "RealisedLiquidation",
    "UnknownPair",
    "Unreachable",
    "__version__",
]
