-- What builds read and write. A build is one transaction that holds the instrument's lock.

-- A build makes nothing that its raw rows could not make again, so its commit need not wait for the disk: a server that
-- crashes right after it has the old grid and still knows that it is out of date.
-- name: commit_without_waiting
SET LOCAL synchronous_commit = off

-- name: load_changes
SELECT (extract(epoch FROM changed_from) * 1000)::bigint, (extract(epoch FROM recent_from) * 1000)::bigint
FROM instrument WHERE instrument_id = $1::integer

-- name: bar_begun_before
SELECT (extract(epoch FROM ts) * 1000)::bigint FROM predicted_liquidation
WHERE instrument_id = $1::integer AND ts < to_timestamp($2::double precision / 1000)
  AND ts >= to_timestamp($2::double precision / 1000) - interval '1 day'
  AND ends_at > to_timestamp($2::double precision / 1000)
ORDER BY ts LIMIT 1

-- name: newest_checkpoint
SELECT book FROM book_checkpoint
WHERE instrument_id = $1::integer AND model_version = $2::text AND parameters_hash = $3::text
  AND ts <= to_timestamp($4::double precision / 1000)
ORDER BY ts DESC LIMIT 1

-- name: delete_checkpoints
DELETE FROM book_checkpoint WHERE instrument_id = $1::integer AND ts > to_timestamp($2::double precision / 1000)

-- name: delete_columns
DELETE FROM grid_column WHERE instrument_id = $1::integer AND ts > to_timestamp($2::double precision / 1000)

-- name: delete_predictions
DELETE FROM predicted_liquidation
WHERE instrument_id = $1::integer AND ts >= to_timestamp($2::double precision / 1000)

-- name: newest_checkpoint_time
SELECT (extract(epoch FROM max(ts)) * 1000)::bigint FROM book_checkpoint WHERE instrument_id = $1::integer

-- Kept are the last of each hour of the newest day, of each day of the newest fortnight, and of each week before.
-- name: thin_checkpoints
DELETE FROM book_checkpoint c
USING (SELECT ts, lead(ts) OVER (ORDER BY ts) AS next_ts, max(ts) OVER () AS newest_ts
       FROM book_checkpoint WHERE instrument_id = $1::integer) AS kept
WHERE c.instrument_id = $1 AND c.ts = kept.ts AND kept.next_ts IS NOT NULL
  AND CASE WHEN kept.ts > kept.newest_ts - interval '1 day'
           THEN date_trunc('hour', kept.next_ts, 'UTC') = date_trunc('hour', kept.ts, 'UTC')
           WHEN kept.ts > kept.newest_ts - interval '14 days'
           THEN date_trunc('day', kept.next_ts, 'UTC') = date_trunc('day', kept.ts, 'UTC')
           ELSE date_trunc('week', kept.next_ts, 'UTC') = date_trunc('week', kept.ts, 'UTC') END

-- name: delete_old_columns
DELETE FROM grid_column
WHERE instrument_id = $1::integer AND "interval" = $2::text AND ts <= to_timestamp($3::double precision / 1000)

-- Fields of one size first: they are laid out all at once (store/column_rows.py).
-- name: copy_grid_column
COPY grid_column (instrument_id, "interval", ts, build_id, price, open, high, low, close, mark_low, mark_high, mark,
                  open_interest_base, open_interest_at, total_base, long_unplaced_base, short_unplaced_base,
                  long_quote, short_quote, long_outside_base, short_outside_base, long_outside_quote, short_outside_quote,
                  long_log_kept, short_log_kept, long_first_bin, short_first_bin, long_exponent, short_exponent,
                  volume_base, long, short, shares) FROM STDIN (FORMAT binary)

-- name: copy_predicted_liquidation
COPY predicted_liquidation (instrument_id, ts, ends_at, long_base, short_base) FROM STDIN (FORMAT binary)

-- name: save_checkpoint
INSERT INTO book_checkpoint (instrument_id, ts, model_version, parameters_hash, book)
VALUES ($1::integer, to_timestamp($2::double precision / 1000), $3::text, $4::text, $5::bytea)

-- name: next_build
SELECT nextval(pg_get_serial_sequence('build', 'build_id'))

-- name: save_model
INSERT INTO model (model_version, parameters_hash, parameters) VALUES ($1::text, $2::text, $3::jsonb)
ON CONFLICT DO NOTHING

-- Who waits for new columns hears of the build when it commits.
-- name: notify_build
SELECT pg_notify('liqgrid_build', json_build_object('instrument_id', $1::integer, 'build_id', $2::bigint)::text)

-- name: save_build
INSERT INTO build (build_id, instrument_id, model_version, parameters_hash, formula_version, built_from, watermark,
                   bars, columns, duration_s, coverage)
OVERRIDING SYSTEM VALUE
VALUES ($1::bigint, $2::integer, $3::text, $4::text, $5::text, to_timestamp($6::double precision / 1000),
        to_timestamp($7::double precision / 1000), $8::bigint, $9::bigint, $10::double precision, $11::jsonb)

-- name: newest_build
SELECT model_version, parameters_hash, formula_version FROM build WHERE instrument_id = $1::integer ORDER BY build_id DESC LIMIT 1

-- name: clear_changes
UPDATE instrument
SET recent_from = NULL,
    changed_from = CASE WHEN changed_from < to_timestamp($2::double precision / 1000) THEN changed_from END
WHERE instrument_id = $1::integer

-- Single liquidations are summed over hours.
-- name: liquidation_intervals
SELECT DISTINCT "interval" FROM liquidation_bar WHERE instrument_id = $1::integer
UNION
SELECT '1h' FROM collect_cursor WHERE instrument_id = $1 AND stream = 'liquidation'

-- What a venue summed counts before what it told one by one. Of those an hour counts when all of it was listened to: an
-- hour without any is then a zero, and one with a gap is unknown.
-- name: load_realised
WITH summed AS (
    SELECT ts, long_base, short_base FROM liquidation_bar
    WHERE instrument_id = $1::integer AND "interval" = $2::text
), heard AS (
    SELECT hour AS ts
    FROM collect_cursor AS cursor
    CROSS JOIN generate_series(date_trunc('hour', starts_at - interval '1 microsecond', 'UTC') + interval '1 hour',
                               date_trunc('hour', cursor.ts, 'UTC') - interval '1 hour', interval '1 hour') AS hour
    WHERE $2 = '1h' AND instrument_id = $1 AND stream = 'liquidation'
      AND NOT EXISTS (SELECT FROM collect_gap AS gap
                      WHERE gap.instrument_id = $1 AND gap.stream = 'liquidation'
                        AND gap.starts_at < hour + interval '1 hour' AND gap.ends_at > hour)
      AND NOT EXISTS (SELECT FROM summed WHERE summed.ts = hour)
), told AS (
    SELECT date_trunc('hour', ts, 'UTC') AS ts, coalesce(sum(amount_base) FILTER (WHERE side = 'long'), 0) AS long_base,
           coalesce(sum(amount_base) FILTER (WHERE side = 'short'), 0) AS short_base
    FROM liquidation
    WHERE $2 = '1h' AND instrument_id = $1
    GROUP BY 1
)
SELECT string_agg(timestamptz_send(ts), ''), string_agg(float8send(long_base), ''),
       string_agg(float8send(short_base), '')
FROM (SELECT ts, long_base, short_base FROM summed
      UNION ALL
      SELECT ts, coalesce(long_base, 0), coalesce(short_base, 0) FROM heard LEFT JOIN told USING (ts)
      ORDER BY ts) AS ordered

-- name: load_predicted
SELECT string_agg(timestamptz_send(ts), ''), string_agg(timestamptz_send(ends_at), ''),
       string_agg(float8send(long_base), ''), string_agg(float8send(short_base), '')
FROM (SELECT ts, ends_at, long_base, short_base FROM predicted_liquidation
      WHERE instrument_id = $1::integer ORDER BY ts) AS ordered

-- name: load_scored_until
SELECT (extract(epoch FROM scored_until) * 1000)::bigint FROM instrument WHERE instrument_id = $1::integer

-- name: save_scored_until
UPDATE instrument SET scored_until = to_timestamp($2::double precision / 1000) WHERE instrument_id = $1::integer

-- name: delete_skill
DELETE FROM skill WHERE instrument_id = $1::integer

-- name: save_skill
INSERT INTO skill (instrument_id, "interval", long, short, long_bars, short_bars, starts_at, ends_at, build_id)
VALUES ($1::integer, $2::text, $3::double precision, $4::double precision, $5::integer, $6::integer,
        to_timestamp($7::double precision / 1000), to_timestamp($8::double precision / 1000), $9::bigint)
