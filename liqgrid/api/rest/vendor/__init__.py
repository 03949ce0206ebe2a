"""Paths, names and shapes of the field's best-known vendor, so that its clients need another base URL and no more.

The same shapes and no claim of the same numbers: what ours mean stands in docs/api.md.
"""
