"""Benchmarks: each asserts its answer as well as it measures. Run one with ``python -m bench.NAME``."""
