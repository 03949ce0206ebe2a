-- What the API reads to say why a cluster is there and what it was before. Times go in and out as epoch milliseconds.

-- Parts of each leverage class in columns of one time, and which classes those are.
-- name: leverage_shares
SELECT c.instrument_id, c.shares, m.parameters -> 'leverages' AS leverages
FROM grid_column c JOIN build b USING (build_id) JOIN model m USING (model_version, parameters_hash)
WHERE c.instrument_id = ANY ($1::integer[]) AND c."interval" = $2::text AND c.ts = to_timestamp($3::bigint / 1000.0)
  AND c.build_id = ANY ($4::bigint[])

-- For each instrument and each time before: its newest column by then, of some intervals, and the range of the
-- liquidating price from that column's close to $4.
-- name: earlier_columns
SELECT one.instrument_id, wanted.before_ms, c.long_first_bin, c.long_exponent, c.long, c.long_log_kept,
       c.short_first_bin, c.short_exponent, c.short, c.short_log_kept, reached.mark_low, reached.mark_high
FROM unnest($1::integer[]) AS one (instrument_id)
CROSS JOIN unnest($3::bigint[]) AS wanted (before_ms)
CROSS JOIN LATERAL (
    SELECT newest.* FROM unnest($2::text[]) AS stored ("interval")
    CROSS JOIN LATERAL (
        SELECT g.* FROM grid_column g
        WHERE g.instrument_id = one.instrument_id AND g."interval" = stored."interval"
          AND g.ts <= to_timestamp(wanted.before_ms / 1000.0)
        ORDER BY g.ts DESC LIMIT 1) AS newest
    ORDER BY newest.ts DESC LIMIT 1) AS c
CROSS JOIN LATERAL (
    SELECT min(g.mark_low) AS mark_low, max(g.mark_high) AS mark_high FROM grid_column g
    WHERE g.instrument_id = one.instrument_id AND g."interval" = ANY ($2)
      AND g.ts > c.ts AND g.ts <= to_timestamp($4::bigint / 1000.0)
      AND g.ts - g."interval"::interval >= c.ts) AS reached

-- Range of the liquidating price of each instrument from $3 to $4, by columns of some intervals.
-- name: reached
SELECT g.instrument_id, min(g.mark_low) AS mark_low, max(g.mark_high) AS mark_high FROM grid_column g
WHERE g.instrument_id = ANY ($1::integer[]) AND g."interval" = ANY ($2::text[])
  AND g.ts > to_timestamp($3::bigint / 1000.0) AND g.ts <= to_timestamp($4::bigint / 1000.0)
  AND g.ts - g."interval"::interval >= to_timestamp($3 / 1000.0)
GROUP BY g.instrument_id

-- Which columns there are between two times, the newest first, and what built them.
-- name: column_keys
SELECT (extract(epoch FROM ts) * 1000)::bigint AS close_ms,
       array_agg(build_id ORDER BY instrument_id) AS build_ids
FROM grid_column
WHERE instrument_id = ANY ($1::integer[]) AND "interval" = $2::text
  AND ts >= to_timestamp($3::bigint / 1000.0) AND ts <= to_timestamp($4::bigint / 1000.0)
GROUP BY ts ORDER BY ts DESC LIMIT $5::bigint
