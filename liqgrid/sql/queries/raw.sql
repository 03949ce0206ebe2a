-- Raw rows: lock, write, read. Writes take the fast way (COPY straight into the table) where nothing stored lies at
-- or after the new rows, else by way of a temporary table, where only rows that differ are written. NULL is "this
-- source does not know", so it never replaces a value.

-- name: lock_instrument
SELECT pg_advisory_xact_lock(7116, $1::integer)

-- name: ensure_instrument
WITH added AS (
    INSERT INTO instrument (venue, pair, coin, quote) VALUES ($1::text, $2::text, $3::text, $4::text)
    ON CONFLICT (venue, pair) DO NOTHING
    RETURNING instrument_id
)
SELECT instrument_id FROM added
UNION ALL
SELECT instrument_id FROM instrument WHERE venue = $1 AND pair = $2

-- name: list_instruments
SELECT instrument_id, venue, pair FROM instrument ORDER BY venue, pair

-- Remember from when on the grid is out of date, and queue the build that mends it: both with the rows, or neither. A
-- build goes on from the newest book of the days before a change, so what reaches further back than two days is a matter
-- of seconds, and waits in a queue of its own; some seconds, as late rows come in crowds. New bars do not wait for that:
-- they are built onto the grid as it is. A job that waits already stands for all of its kind. Of one instrument one job runs
-- at a time, new bars first. Jobs are procrastinate's; its own function would end this transaction where one waits.
-- name: mark_changed
WITH built AS (
    SELECT max(watermark) AS until FROM build
    WHERE build_id = (SELECT max(build_id) FROM build WHERE instrument_id = $1::integer)
), change AS (
    SELECT since, until IS NOT NULL AS built, coalesce(since < until - interval '2 days', true) AS late
    FROM built, to_timestamp($2::double precision / 1000) AS since
), changed AS (
    UPDATE instrument
    SET changed_from = least(changed_from, since),
        recent_from = CASE WHEN late THEN recent_from ELSE least(recent_from, since) END
    FROM change WHERE instrument_id = $1
)
INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args, scheduled_at)
SELECT CASE WHEN late THEN 'rebuild' ELSE 'live' END, task, (NOT late)::integer, 'build:' || $1, task || ':' || $1,
       jsonb_build_object('instrument_id', $1), CASE WHEN late AND built THEN now() + interval '5 seconds' END
FROM change, LATERAL (SELECT CASE WHEN late THEN 'rebuild' ELSE 'build' END) AS named (task)
ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING

-- A file counts as imported unless another one wrote into its time since.
-- name: find_import
SELECT rows FROM imported_file AS found
WHERE instrument_id = $1::integer AND stream = $2::text AND content_sha256 = $3::text
  AND NOT EXISTS (
      SELECT FROM imported_file AS later
      WHERE later.instrument_id = found.instrument_id AND later.stream = found.stream
        AND later.imported_at > found.imported_at
        AND later.starts_at < found.ends_at AND later.ends_at > found.starts_at)

-- name: save_import
INSERT INTO imported_file (instrument_id, stream, content_sha256, file_name, rows, starts_at, ends_at, imported_at)
VALUES ($1::integer, $2::text, $3::text, $4::text, $5::bigint, to_timestamp($6::double precision / 1000),
        to_timestamp($7::double precision / 1000), clock_timestamp())
ON CONFLICT (instrument_id, stream, content_sha256) DO UPDATE SET imported_at = excluded.imported_at

-- name: delete_gaps
DELETE FROM collect_gap
WHERE instrument_id = $1::integer AND stream = $2::text
  AND ends_at > to_timestamp($3::double precision / 1000) AND starts_at < to_timestamp($4::double precision / 1000)

-- Record where no bar of any interval covers the time, from the last bar before a stretch to the first after it. The
-- longest bar is a day, so what covers the stretch's start opens on that day or is the last bar before it. The key begins
-- with the interval, so each one is looked up by itself: the newest of all of them would be found by reading them all.
-- name: save_bar_gaps
INSERT INTO collect_gap (instrument_id, stream, starts_at, ends_at)
SELECT $1::integer, $2::text, covered_until, ts
FROM (
    SELECT ts, max(ts + "interval"::interval) OVER (
               ORDER BY ts, "interval"::interval ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS covered_until
    FROM bar
    WHERE instrument_id = $1 AND price_type = $3::text
      AND "interval" = ANY (ARRAY['1m', '5m', '15m', '1h', '4h', '1d'])
      AND ts >= coalesce(
          (SELECT date_trunc('day', max(before.ts), 'UTC')
           FROM unnest(ARRAY['1m', '5m', '15m', '1h', '4h', '1d']) AS one ("interval")
           CROSS JOIN LATERAL (
               SELECT b.ts FROM bar AS b
               WHERE b.instrument_id = $1 AND b."interval" = one."interval" AND b.price_type = $3
                 AND b.ts < to_timestamp($4::double precision / 1000)
               ORDER BY b.ts DESC LIMIT 1) AS before), '-infinity')
      AND ts <= coalesce(
          (SELECT min(after.ts)
           FROM unnest(ARRAY['1m', '5m', '15m', '1h', '4h', '1d']) AS one ("interval")
           CROSS JOIN LATERAL (
               SELECT b.ts FROM bar AS b
               WHERE b.instrument_id = $1 AND b."interval" = one."interval" AND b.price_type = $3
                 AND b.ts >= to_timestamp($5::double precision / 1000)
               ORDER BY b.ts LIMIT 1) AS after), 'infinity')
) AS stored
WHERE ts > covered_until
ON CONFLICT (instrument_id, stream, starts_at) DO UPDATE SET ends_at = excluded.ends_at

-- name: bar_is_appended
SELECT NOT EXISTS (
    SELECT FROM bar WHERE instrument_id = $1::integer AND "interval" = $2::text AND price_type = $3::text
    AND ts >= to_timestamp($4::double precision / 1000))

-- name: copy_bar
COPY bar (instrument_id, "interval", price_type, ts, open, high, low, close, volume_base, taker_buy_volume_base,
          trades, taker_buy_trades) FROM STDIN (FORMAT binary)

-- name: stage_bar
CREATE TEMPORARY TABLE IF NOT EXISTS staged_bar (LIKE bar INCLUDING DEFAULTS) ON COMMIT DELETE ROWS

-- name: copy_staged_bar
COPY staged_bar (instrument_id, "interval", price_type, ts, open, high, low, close, volume_base,
                 taker_buy_volume_base, trades, taker_buy_trades) FROM STDIN (FORMAT binary)

-- name: merge_bar
WITH merged AS (
    INSERT INTO bar SELECT * FROM staged_bar
    ON CONFLICT (instrument_id, "interval", price_type, ts) DO UPDATE SET
        open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,
        volume_base = coalesce(excluded.volume_base, bar.volume_base),
        taker_buy_volume_base = coalesce(excluded.taker_buy_volume_base, bar.taker_buy_volume_base),
        trades = coalesce(excluded.trades, bar.trades),
        taker_buy_trades = coalesce(excluded.taker_buy_trades, bar.taker_buy_trades),
        received_at = excluded.received_at
    WHERE (bar.open, bar.high, bar.low, bar.close, bar.volume_base, bar.taker_buy_volume_base, bar.trades,
           bar.taker_buy_trades)
       IS DISTINCT FROM
          (excluded.open, excluded.high, excluded.low, excluded.close,
           coalesce(excluded.volume_base, bar.volume_base),
           coalesce(excluded.taker_buy_volume_base, bar.taker_buy_volume_base),
           coalesce(excluded.trades, bar.trades), coalesce(excluded.taker_buy_trades, bar.taker_buy_trades))
    RETURNING ts
), emptied AS (DELETE FROM staged_bar)
SELECT count(*), extract(epoch FROM min(ts))::double precision * 1000 FROM merged

-- name: open_interest_is_appended
SELECT NOT EXISTS (
    SELECT FROM open_interest WHERE instrument_id = $1::integer AND ts >= to_timestamp($2::double precision / 1000))

-- name: copy_open_interest
COPY open_interest (instrument_id, ts, open_interest_base) FROM STDIN (FORMAT binary)

-- name: stage_open_interest
CREATE TEMPORARY TABLE IF NOT EXISTS staged_open_interest (LIKE open_interest INCLUDING DEFAULTS) ON COMMIT DELETE ROWS

-- name: copy_staged_open_interest
COPY staged_open_interest (instrument_id, ts, open_interest_base) FROM STDIN (FORMAT binary)

-- name: merge_open_interest
WITH merged AS (
    INSERT INTO open_interest SELECT * FROM staged_open_interest
    ON CONFLICT (instrument_id, ts) DO UPDATE
        SET open_interest_base = excluded.open_interest_base, received_at = excluded.received_at
    WHERE open_interest.open_interest_base IS DISTINCT FROM excluded.open_interest_base
    RETURNING ts
), emptied AS (DELETE FROM staged_open_interest)
SELECT count(*), extract(epoch FROM min(ts))::double precision * 1000 FROM merged

-- name: long_short_ratio_is_appended
SELECT NOT EXISTS (
    SELECT FROM long_short_ratio
    WHERE instrument_id = $1::integer AND ts >= to_timestamp($2::double precision / 1000))

-- name: copy_long_short_ratio
COPY long_short_ratio (instrument_id, ts, ratio, long_fraction, short_fraction) FROM STDIN (FORMAT binary)

-- name: stage_long_short_ratio
CREATE TEMPORARY TABLE IF NOT EXISTS staged_long_short_ratio (LIKE long_short_ratio INCLUDING DEFAULTS)
ON COMMIT DELETE ROWS

-- name: copy_staged_long_short_ratio
COPY staged_long_short_ratio (instrument_id, ts, ratio, long_fraction, short_fraction) FROM STDIN (FORMAT binary)

-- name: merge_long_short_ratio
WITH merged AS (
    INSERT INTO long_short_ratio SELECT * FROM staged_long_short_ratio
    ON CONFLICT (instrument_id, ts) DO UPDATE
        SET ratio = excluded.ratio,
            long_fraction = coalesce(excluded.long_fraction, long_short_ratio.long_fraction),
            short_fraction = coalesce(excluded.short_fraction, long_short_ratio.short_fraction),
            received_at = excluded.received_at
    WHERE (long_short_ratio.ratio, long_short_ratio.long_fraction, long_short_ratio.short_fraction)
       IS DISTINCT FROM
          (excluded.ratio, coalesce(excluded.long_fraction, long_short_ratio.long_fraction),
           coalesce(excluded.short_fraction, long_short_ratio.short_fraction))
    RETURNING ts
), emptied AS (DELETE FROM staged_long_short_ratio)
SELECT count(*), extract(epoch FROM min(ts))::double precision * 1000 FROM merged

-- name: liquidation_bar_is_appended
SELECT NOT EXISTS (
    SELECT FROM liquidation_bar WHERE instrument_id = $1::integer AND "interval" = $2::text
    AND ts >= to_timestamp($3::double precision / 1000))

-- name: copy_liquidation_bar
COPY liquidation_bar (instrument_id, "interval", ts, long_base, short_base) FROM STDIN (FORMAT binary)

-- name: stage_liquidation_bar
CREATE TEMPORARY TABLE IF NOT EXISTS staged_liquidation_bar (LIKE liquidation_bar INCLUDING DEFAULTS)
ON COMMIT DELETE ROWS

-- name: copy_staged_liquidation_bar
COPY staged_liquidation_bar (instrument_id, "interval", ts, long_base, short_base) FROM STDIN (FORMAT binary)

-- name: merge_liquidation_bar
WITH merged AS (
    INSERT INTO liquidation_bar SELECT * FROM staged_liquidation_bar
    ON CONFLICT (instrument_id, "interval", ts) DO UPDATE
        SET long_base = excluded.long_base, short_base = excluded.short_base, received_at = excluded.received_at
    WHERE (liquidation_bar.long_base, liquidation_bar.short_base)
       IS DISTINCT FROM (excluded.long_base, excluded.short_base)
    RETURNING ts
), emptied AS (DELETE FROM staged_liquidation_bar)
SELECT count(*), extract(epoch FROM min(ts))::double precision * 1000 FROM merged

-- name: funding_rate_is_appended
SELECT NOT EXISTS (
    SELECT FROM funding_rate WHERE instrument_id = $1::integer AND ts >= to_timestamp($2::double precision / 1000))

-- name: copy_funding_rate
COPY funding_rate (instrument_id, ts, rate_fraction) FROM STDIN (FORMAT binary)

-- name: stage_funding_rate
CREATE TEMPORARY TABLE IF NOT EXISTS staged_funding_rate (LIKE funding_rate INCLUDING DEFAULTS) ON COMMIT DELETE ROWS

-- name: copy_staged_funding_rate
COPY staged_funding_rate (instrument_id, ts, rate_fraction) FROM STDIN (FORMAT binary)

-- name: merge_funding_rate
WITH merged AS (
    INSERT INTO funding_rate SELECT * FROM staged_funding_rate
    ON CONFLICT (instrument_id, ts) DO UPDATE
        SET rate_fraction = excluded.rate_fraction, received_at = excluded.received_at
    WHERE funding_rate.rate_fraction IS DISTINCT FROM excluded.rate_fraction
    RETURNING ts
), emptied AS (DELETE FROM staged_funding_rate)
SELECT count(*), extract(epoch FROM min(ts))::double precision * 1000 FROM merged

-- Single liquidations come in any order and more than once, so they always go by way of a temporary table.
-- name: stage_liquidation
CREATE TEMPORARY TABLE IF NOT EXISTS staged_liquidation (
    instrument_id integer, ts_ms bigint, liquidation_key text, side text, price double precision,
    amount_base double precision, raw text
) ON COMMIT DELETE ROWS

-- name: copy_staged_liquidation
COPY staged_liquidation (instrument_id, ts_ms, liquidation_key, side, price, amount_base, raw) FROM STDIN (FORMAT binary)

-- name: merge_liquidation
WITH merged AS (
    INSERT INTO liquidation (instrument_id, ts, liquidation_key, side, price, amount_base, raw)
    SELECT instrument_id, to_timestamp(ts_ms / 1000.0), liquidation_key, side, price, amount_base, raw::jsonb
    FROM staged_liquidation
    ON CONFLICT (instrument_id, ts, liquidation_key) DO NOTHING
    RETURNING ts
), emptied AS (DELETE FROM staged_liquidation)
SELECT count(*) FROM merged

-- Who follows liquidations live hears of new ones when they commit; the same text counts once a transaction.
-- name: notify_liquidation
SELECT pg_notify('liqgrid_liquidation', json_build_object('instrument_id', $1::integer)::text)

-- Values strung together by the server: one row to fetch instead of one for each bar, three times as fast.
-- name: load_bars
SELECT string_agg(timestamptz_send(ts), ''), string_agg(float8send(open), ''), string_agg(float8send(high), ''),
       string_agg(float8send(low), ''), string_agg(float8send(close), ''),
       string_agg(float8send(coalesce(volume_base, 'NaN')), '')
FROM (SELECT ts, open, high, low, close, volume_base FROM bar
      WHERE instrument_id = $1::integer AND price_type = $2::text AND "interval" = $3::text
        AND ts >= to_timestamp($4::double precision / 1000)
      ORDER BY ts) AS ordered

-- From the newest sample at or before a time on: that is the one in force then.
-- name: load_open_interest
SELECT string_agg(timestamptz_send(ts), ''), string_agg(float8send(open_interest_base), '')
FROM (SELECT ts, open_interest_base FROM open_interest
      WHERE instrument_id = $1::integer
        AND ts >= coalesce((SELECT max(ts) FROM open_interest
                            WHERE instrument_id = $1 AND ts <= to_timestamp($2::double precision / 1000)), '-infinity')
      ORDER BY ts) AS ordered

-- name: bar_intervals
SELECT kind.price_type, one."interval"
FROM unnest(ARRAY['last', 'mark']) AS kind (price_type)
CROSS JOIN unnest(ARRAY['1m', '5m', '15m', '1h', '4h', '1d']) AS one ("interval")
WHERE EXISTS (SELECT FROM bar WHERE instrument_id = $1::integer AND bar."interval" = one."interval"
              AND bar.price_type = kind.price_type)

-- name: load_tiers
SELECT (extract(epoch FROM valid_from) * 1000)::bigint, floor_quote, cap_quote, maintenance_margin_rate,
       maintenance_amount_quote, max_leverage
FROM leverage_tier WHERE instrument_id = $1::integer
ORDER BY valid_from, floor_quote

-- name: delete_tiers
DELETE FROM leverage_tier WHERE instrument_id = $1::integer AND valid_from = to_timestamp($2::double precision / 1000)

-- name: save_tier
INSERT INTO leverage_tier (instrument_id, valid_from, floor_quote, cap_quote, maintenance_margin_rate,
                           maintenance_amount_quote, max_leverage)
VALUES ($1::integer, to_timestamp($2::double precision / 1000), $3::double precision, $4::double precision,
        $5::double precision, $6::double precision, $7::double precision)
