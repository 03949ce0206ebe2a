-- What builds read and write. A build is one transaction that holds the instrument's lock.

-- name: load_changed_from
SELECT (extract(epoch FROM changed_from) * 1000)::bigint FROM instrument WHERE instrument_id = $1::integer

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

-- Of older days only the last checkpoint is kept.
-- name: thin_checkpoints
DELETE FROM book_checkpoint c
WHERE instrument_id = $1::integer
  AND EXISTS (SELECT FROM book_checkpoint later
              WHERE later.instrument_id = c.instrument_id AND later.ts > c.ts
                AND date_trunc('day', later.ts, 'UTC') = date_trunc('day', c.ts, 'UTC'))

-- name: delete_old_columns
DELETE FROM grid_column
WHERE instrument_id = $1::integer AND "interval" = $2::text AND ts <= to_timestamp($3::double precision / 1000)

-- name: copy_grid_column
COPY grid_column (instrument_id, "interval", ts, build_id, price, open, high, low, close, volume_base,
                  open_interest_base, open_interest_at, mark, total_base, long_unplaced_base, short_unplaced_base,
                  long_first_bin, long, long_outside_base, long_outside_quote,
                  short_first_bin, short, short_outside_base, short_outside_quote) FROM STDIN (FORMAT binary)

-- name: copy_predicted_liquidation
COPY predicted_liquidation (instrument_id, ts, ends_at, long_base, short_base) FROM STDIN (FORMAT binary)

-- name: save_checkpoint
INSERT INTO book_checkpoint (instrument_id, ts, model_version, parameters_hash, book)
VALUES ($1::integer, to_timestamp($2::double precision / 1000), $3::text, $4::text, $5::bytea)

-- name: next_build
SELECT nextval(pg_get_serial_sequence('build', 'build_id'))

-- name: save_build
INSERT INTO build (build_id, instrument_id, model_version, parameters_hash, formula_version, built_from, watermark,
                   bars, columns, duration_s, coverage)
OVERRIDING SYSTEM VALUE
VALUES ($1::bigint, $2::integer, $3::text, $4::text, $5::text, to_timestamp($6::double precision / 1000),
        to_timestamp($7::double precision / 1000), $8::bigint, $9::bigint, $10::double precision, $11::jsonb)

-- name: newest_build
SELECT model_version, parameters_hash, formula_version FROM build WHERE instrument_id = $1::integer ORDER BY build_id DESC LIMIT 1

-- name: clear_changed
UPDATE instrument SET changed_from = NULL WHERE instrument_id = $1::integer

-- name: count_columns
SELECT "interval", count(*) FROM grid_column WHERE instrument_id = $1::integer GROUP BY "interval"

-- name: liquidation_intervals
SELECT DISTINCT "interval" FROM liquidation_bar WHERE instrument_id = $1::integer

-- name: load_realised
SELECT (extract(epoch FROM ts) * 1000)::bigint, long_base, short_base
FROM liquidation_bar WHERE instrument_id = $1::integer AND "interval" = $2::text
ORDER BY ts

-- name: load_predicted
SELECT (extract(epoch FROM ts) * 1000)::bigint, (extract(epoch FROM ends_at) * 1000)::bigint, long_base, short_base
FROM predicted_liquidation WHERE instrument_id = $1::integer
ORDER BY ts

-- name: delete_skill
DELETE FROM skill WHERE instrument_id = $1::integer

-- name: save_skill
INSERT INTO skill (instrument_id, "interval", long, short, long_bars, short_bars, starts_at, ends_at, build_id)
VALUES ($1::integer, $2::text, $3::double precision, $4::double precision, $5::integer, $6::integer,
        to_timestamp($7::double precision / 1000), to_timestamp($8::double precision / 1000), $9::bigint)
