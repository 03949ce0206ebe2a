"""Writes what of the client follows from elsewhere: types and queries from the schema, the sync half from the async.

``python -m generator`` in ``client/`` writes it anew; a test holds the files to it. Not part of the distribution.
"""
