-- Asked only of a database that has the extension.

-- name: hypertables
SELECT hypertable_name::text FROM timescaledb_information.hypertables

-- Whole chunks, the quickest way; a chunk goes when all of it is too old. No trigger tells of it.
-- name: drop_chunks
SELECT count(*)
FROM (SELECT pg_notify('liqgrid_change', $1::text)) AS told,
     drop_chunks($1::text::regclass, older_than => to_timestamp($2::double precision / 1000))
