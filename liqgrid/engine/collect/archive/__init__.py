"""Binance's public archives of perpetual futures: what a file is, its rows, and the import of it."""
