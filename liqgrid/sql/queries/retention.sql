-- What is old enough to go. Raw rows by the operator's setting, columns by the horizons of their intervals.

-- name: hypertables_exist
SELECT to_regclass('timescaledb_information.hypertables') IS NOT NULL

-- name: delete_old_bar
DELETE FROM bar WHERE ts < to_timestamp($1::double precision / 1000)

-- name: delete_old_open_interest
DELETE FROM open_interest WHERE ts < to_timestamp($1::double precision / 1000)

-- name: delete_old_funding_rate
DELETE FROM funding_rate WHERE ts < to_timestamp($1::double precision / 1000)

-- name: delete_old_long_short_ratio
DELETE FROM long_short_ratio WHERE ts < to_timestamp($1::double precision / 1000)

-- What goes is unknown from then on, not an hour without liquidations.
-- name: forget_liquidations_heard
UPDATE collect_cursor SET starts_at = least(to_timestamp($1::double precision / 1000), ts)
WHERE stream = 'liquidation' AND starts_at < to_timestamp($1::double precision / 1000)

-- name: delete_old_liquidation
DELETE FROM liquidation WHERE ts < to_timestamp($1::double precision / 1000)

-- name: delete_old_liquidation_bar
DELETE FROM liquidation_bar WHERE ts < to_timestamp($1::double precision / 1000)

-- Columns older than a horizon, counted from the instrument's newest: a history that has ended keeps its last columns.
-- name: delete_columns_beyond
DELETE FROM grid_column AS old
USING (SELECT instrument_id, max(watermark) AS built_until FROM build GROUP BY instrument_id) AS newest
WHERE old.instrument_id = newest.instrument_id AND old."interval" = $1::text
  AND old.ts <= newest.built_until - make_interval(secs => $2::double precision)
