"""The only place that imports psycopg: migrations, raw writes, grid writes, the embedded server."""
