-- What answers about one moment need beside its columns; nothing stamped after the moment is read.

-- Funding paid in the 24 hours up to $2 and in the 24 before, and the newest rate of the former.
-- name: funding_days
SELECT sum(rate_fraction) FILTER (WHERE ts > at - interval '24 hours') AS day_fraction,
       sum(rate_fraction) FILTER (WHERE ts <= at - interval '24 hours') AS before_fraction,
       (array_agg(rate_fraction ORDER BY ts DESC))[1] AS rate_fraction
FROM funding_rate CROSS JOIN to_timestamp($2::bigint / 1000.0) AS at
WHERE instrument_id = $1::integer AND ts > at - interval '48 hours' AND ts <= at

-- The newest open interest at or before a time, not older than an hour.
-- name: open_interest_at
SELECT open_interest_base FROM open_interest
WHERE instrument_id = $1::integer AND ts <= to_timestamp($2::bigint / 1000.0)
  AND ts > to_timestamp($2::bigint / 1000.0) - interval '1 hour'
ORDER BY ts DESC LIMIT 1

-- Columns of the past at midnight and noon, of interval 4h, that close in ($2, $3].
-- name: half_day_columns
SELECT instrument_id, (extract(epoch FROM ts) * 1000)::bigint AS close_ms, build_id, price, open, high, low, close,
       volume_base, open_interest_base, (extract(epoch FROM open_interest_at) * 1000)::bigint AS open_interest_ms,
       mark, total_base, long_unplaced_base, short_unplaced_base,
       long_first_bin, long_exponent, long, long_quote, long_outside_quote,
       short_first_bin, short_exponent, short, short_quote, short_outside_quote,
       mark_low, mark_high, long_log_kept, short_log_kept
FROM grid_column
WHERE instrument_id = ANY ($1::integer[]) AND "interval" = '4h'
  AND ts > to_timestamp($2::bigint / 1000.0) AND ts <= to_timestamp($3::bigint / 1000.0)
  AND extract(hour FROM ts AT TIME ZONE 'UTC') IN (0, 12)
ORDER BY ts
