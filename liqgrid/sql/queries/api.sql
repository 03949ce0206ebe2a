-- What the API reads; it never writes. Times go in and out as epoch milliseconds.

-- name: ping
SELECT 1

-- name: schema_is_there
SELECT to_regclass('_yoyo_migration') IS NOT NULL

-- name: schema_applied
SELECT migration_id FROM _yoyo_migration

-- name: database_kind
SELECT current_setting('server_version')

-- name: is_simulated
SELECT simulated FROM provenance

-- name: timescale_version
SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'

-- Instruments with what is known of them now, largest open interest first.
-- name: instruments
SELECT i.instrument_id, i.venue, i.pair, i.coin, i.quote,
       oi.open_interest_base,
       (SELECT (extract(epoch FROM max(newest.ts)) * 1000)::bigint
        FROM unnest(ARRAY['1m', '5m', '15m', '1h', '4h', '1d']) AS one ("interval")
        CROSS JOIN LATERAL (
            SELECT b.ts FROM bar b
            WHERE b.instrument_id = i.instrument_id AND b."interval" = one."interval" AND b.price_type = 'last'
            ORDER BY b.ts DESC LIMIT 1) AS newest) AS last_bar_ms,
       (extract(epoch FROM built.watermark) * 1000)::bigint AS built_until_ms,
       (extract(epoch FROM built.finished_at) * 1000)::bigint AS built_at_ms,
       built.model_version, built.parameters_hash, built.formula_version,
       coalesce((SELECT simulated FROM provenance), false) AS simulated
FROM instrument i
LEFT JOIN LATERAL (SELECT open_interest_base FROM open_interest o
                   WHERE o.instrument_id = i.instrument_id ORDER BY ts DESC LIMIT 1) oi ON true
LEFT JOIN LATERAL (SELECT * FROM build WHERE build.instrument_id = i.instrument_id
                   ORDER BY build_id DESC LIMIT 1) built ON true
WHERE ($1::text[] IS NULL OR i.pair = ANY ($1)) AND ($2::text IS NULL OR i.venue = $2)
  AND ($3::text IS NULL OR i.coin = $3)
ORDER BY i.pair, oi.open_interest_base DESC NULLS LAST, i.venue

-- name: pair_page
SELECT DISTINCT pair FROM instrument
WHERE ($1::text IS NULL OR venue = $1) AND ($2::text IS NULL OR coin = $2) AND ($3::text IS NULL OR pair > $3)
ORDER BY pair LIMIT $4::bigint

-- name: built_intervals
SELECT instrument_id, "interval", count(*) AS columns,
       (extract(epoch FROM min(ts)) * 1000)::bigint AS first_ms,
       (extract(epoch FROM max(ts)) * 1000)::bigint AS last_ms
FROM grid_column WHERE instrument_id = ANY ($1::integer[])
GROUP BY instrument_id, "interval"

-- name: gaps
SELECT instrument_id, stream, (extract(epoch FROM starts_at) * 1000)::bigint AS starts_ms,
       (extract(epoch FROM ends_at) * 1000)::bigint AS ends_ms
FROM collect_gap
WHERE instrument_id = ANY ($1::integer[])
  AND ends_at > to_timestamp($2::bigint / 1000.0) AND starts_at < to_timestamp($3::bigint / 1000.0)
ORDER BY starts_at LIMIT 1000

-- name: newest_column
SELECT (extract(epoch FROM max(newest.ts)) * 1000)::bigint
FROM unnest($1::integer[]) AS one (instrument_id)
CROSS JOIN LATERAL (
    SELECT g.ts FROM grid_column g
    WHERE g.instrument_id = one.instrument_id AND g."interval" = $2::text
      AND g.ts <= coalesce(to_timestamp($3::bigint / 1000.0), 'infinity')
    ORDER BY g.ts DESC LIMIT 1) AS newest

-- The newest $5 columns from a time (or from the beginning) to another (or now): when the first and the last of them
-- close, how many there are, and between which prices.
-- name: extent
WITH times AS (
    SELECT DISTINCT own.ts
    FROM unnest($1::integer[]) AS one (instrument_id)
    CROSS JOIN LATERAL (
        SELECT g.ts FROM grid_column g
        WHERE g.instrument_id = one.instrument_id AND g."interval" = $2::text
          AND g.ts >= to_timestamp($3::bigint / 1000.0)
          AND g.ts <= coalesce(to_timestamp($4::bigint / 1000.0), 'infinity')
        ORDER BY g.ts DESC LIMIT $5::bigint) AS own
    ORDER BY own.ts DESC LIMIT $5::bigint
), prices AS (
    SELECT min(low) AS low, max(high) AS high FROM grid_column
    WHERE instrument_id = ANY ($1::integer[]) AND "interval" = $2::text
      AND ts >= (SELECT min(ts) FROM times) AND ts <= (SELECT max(ts) FROM times)
)
SELECT (extract(epoch FROM min(ts)) * 1000)::bigint AS first_ms, (extract(epoch FROM max(ts)) * 1000)::bigint AS last_ms,
       count(*) AS columns, (SELECT low FROM prices) AS low, (SELECT high FROM prices) AS high
FROM times

-- Columns with their bins from $5 to before $6, or with all of them.
-- name: columns
SELECT g.instrument_id, (extract(epoch FROM g.ts) * 1000)::bigint AS close_ms, g.build_id, g.price, g.open, g.high, g.low,
       g.close, g.volume_base, g.open_interest_base,
       (extract(epoch FROM g.open_interest_at) * 1000)::bigint AS open_interest_ms,
       g.mark, g.total_base, g.long_unplaced_base, g.short_unplaced_base,
       long.first, g.long_exponent,
       substr(g.long, 2 * (long.first - g.long_first_bin) + 1, 2 * greatest(long.stop - long.first, 0)) AS long,
       g.long_quote, g.long_outside_quote,
       short.first, g.short_exponent,
       substr(g.short, 2 * (short.first - g.short_first_bin) + 1, 2 * greatest(short.stop - short.first, 0)) AS short,
       g.short_quote, g.short_outside_quote,
       g.mark_low, g.mark_high, g.long_log_kept, g.short_log_kept
FROM grid_column g
CROSS JOIN LATERAL (SELECT greatest(g.long_first_bin, $5::integer) AS first,
                           least(g.long_first_bin + length(g.long) / 2, $6::integer) AS stop) AS long
CROSS JOIN LATERAL (SELECT greatest(g.short_first_bin, $5::integer) AS first,
                           least(g.short_first_bin + length(g.short) / 2, $6::integer) AS stop) AS short
WHERE g.instrument_id = ANY ($1::integer[]) AND g."interval" = $2::text
  AND g.ts >= to_timestamp($3::bigint / 1000.0) AND g.ts <= to_timestamp($4::bigint / 1000.0)
ORDER BY g.ts, g.instrument_id

-- name: builds
SELECT build_id, model_version, parameters_hash, formula_version,
       (extract(epoch FROM finished_at) * 1000)::bigint AS finished_ms, instrument_id,
       coalesce((coverage ->> 'tiers_assumed')::boolean, false) AS tiers_assumed,
       coalesce((coverage ->> 'bars_without_volume')::integer, 0) AS bars_without_volume,
       model.parameters::text AS parameters
FROM build JOIN model USING (model_version, parameters_hash)
WHERE build_id = ANY ($1::bigint[])

-- The newest column of each instrument at or before a time: since when one is missing in an answer.
-- name: newest_columns
SELECT one.instrument_id, (extract(epoch FROM newest.ts) * 1000)::bigint AS close_ms
FROM unnest($1::integer[]) AS one (instrument_id)
CROSS JOIN LATERAL (
    SELECT g.ts FROM grid_column g
    WHERE g.instrument_id = one.instrument_id AND g."interval" = $2::text
      AND g.ts <= to_timestamp($3::bigint / 1000.0)
    ORDER BY g.ts DESC LIMIT 1) AS newest

-- name: first_tiers
SELECT instrument_id, (extract(epoch FROM min(valid_from)) * 1000)::bigint AS valid_from_ms
FROM leverage_tier WHERE instrument_id = ANY ($1::integer[]) GROUP BY instrument_id

-- Bars of the columns that close in ($3, $4], ascending, without their books; a row for each instrument that has any.
-- name: column_bars
SELECT instrument_id, array_agg(open ORDER BY ts) AS open, array_agg(close ORDER BY ts) AS close,
       array_agg(volume_base ORDER BY ts) AS volume_base
FROM grid_column
WHERE instrument_id = ANY ($1::integer[]) AND "interval" = $2::text
  AND ts > to_timestamp($3::bigint / 1000.0) AND ts <= to_timestamp($4::bigint / 1000.0)
GROUP BY instrument_id

-- Where a page of bars begins: the first bar of any interval up to the one asked for.
-- name: first_bar
SELECT (extract(epoch FROM min(earliest.ts)) * 1000)::bigint
FROM unnest($2::text[]) AS one ("interval")
CROSS JOIN LATERAL (
    SELECT b.ts FROM bar b
    WHERE b.instrument_id = $1::integer AND b."interval" = one."interval" AND b.price_type = 'last'
      AND b.ts >= to_timestamp($3::bigint / 1000.0) AND b.ts < to_timestamp($4::bigint / 1000.0)
    ORDER BY b.ts LIMIT 1) AS earliest

-- Bars by interval, strung together as in raw.sql: a page of hours may be made of a hundred thousand minutes.
-- name: bars
SELECT one."interval", strung.*
FROM unnest($2::text[]) AS one ("interval")
CROSS JOIN LATERAL (
    SELECT string_agg(timestamptz_send(ts), '') AS ts, string_agg(float8send(open), ''), string_agg(float8send(high), ''),
           string_agg(float8send(low), ''), string_agg(float8send(close), ''),
           string_agg(float8send(coalesce(volume_base, 'NaN')), '')
    FROM (SELECT ts, open, high, low, close, volume_base FROM bar
          WHERE instrument_id = $1::integer AND price_type = 'last' AND "interval" = one."interval"
            AND ts >= to_timestamp($3::bigint / 1000.0) AND ts < to_timestamp($4::bigint / 1000.0)
          ORDER BY ts) AS ordered) AS strung
WHERE strung.ts IS NOT NULL

-- name: open_interest
SELECT (extract(epoch FROM ts) * 1000)::bigint AS ts_ms, open_interest_base
FROM open_interest
WHERE instrument_id = $1::integer
  AND ts >= to_timestamp($2::bigint / 1000.0) AND ts < to_timestamp($3::bigint / 1000.0)
ORDER BY ts LIMIT $4::bigint

-- name: skills
SELECT i.venue, s."interval", s.long, s.short, s.long_bars, s.short_bars,
       (extract(epoch FROM s.starts_at) * 1000)::bigint AS starts_ms,
       (extract(epoch FROM s.ends_at) * 1000)::bigint AS ends_ms,
       b.model_version, b.parameters_hash
FROM skill s JOIN instrument i USING (instrument_id) JOIN build b USING (build_id)
WHERE i.pair = $1::text
ORDER BY i.venue, s."interval"

-- name: venues
SELECT venue, reachable, reason, (extract(epoch FROM since) * 1000)::bigint AS since_ms FROM venue_status ORDER BY venue

-- What waits and what is under way.
-- name: queues
SELECT queue_name,
       count(*) FILTER (WHERE status = 'todo') AS waiting,
       count(*) FILTER (WHERE status = 'doing') AS running
FROM procrastinate_jobs WHERE status IN ('todo', 'doing')
GROUP BY queue_name ORDER BY queue_name

-- name: job_failures
SELECT task, subject, attempts, code, message, (extract(epoch FROM failed_at) * 1000)::bigint AS failed_ms,
       (extract(epoch FROM retry_at) * 1000)::bigint AS retry_ms
FROM job_failure ORDER BY failed_at DESC
