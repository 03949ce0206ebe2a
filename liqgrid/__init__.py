"""liqgrid: a self-hosted data API for crypto liquidation heatmaps."""

from importlib.metadata import version

__version__ = version("liqgrid")
