"""Data in: liqgrid's own CSV today; venues, streams, backfill and public archives join here.

The only place that may import ccxt.
"""
