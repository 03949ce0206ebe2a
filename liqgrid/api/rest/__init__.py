"""REST and bulk: what GraphQL answers, as JSON, CSV, NDJSON, Arrow, Parquet or a picture, and whole histories."""
