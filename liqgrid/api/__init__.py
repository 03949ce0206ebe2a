"""Everything that serves data; the only place that imports asyncpg, starlette and strawberry.

It slices, sums and ranks stored grids; it never replays a book.
"""
