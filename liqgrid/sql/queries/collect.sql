-- What collection remembers: cursors, gaps, contracts, venues.

-- name: load_cursors
SELECT stream, (extract(epoch FROM starts_at) * 1000)::bigint, (extract(epoch FROM ts) * 1000)::bigint
FROM collect_cursor WHERE instrument_id = $1::integer

-- Only ever longer: collection goes on at its end while backfill goes back from its start.
-- name: extend_cursor
INSERT INTO collect_cursor (instrument_id, stream, starts_at, ts)
VALUES ($1::integer, $2::text, to_timestamp($3::double precision / 1000), to_timestamp($4::double precision / 1000))
ON CONFLICT (instrument_id, stream) DO UPDATE
    SET starts_at = least(collect_cursor.starts_at, excluded.starts_at), ts = greatest(collect_cursor.ts, excluded.ts),
        updated_at = now()

-- name: load_gaps
SELECT (extract(epoch FROM starts_at) * 1000)::bigint, (extract(epoch FROM ends_at) * 1000)::bigint, attempts,
       (extract(epoch FROM now() - coalesce(tried_at, found_at)) * 1000)::bigint
FROM collect_gap WHERE instrument_id = $1::integer AND stream = $2::text
ORDER BY starts_at

-- Gaps that overlap or touch the new one become one with it; what was tried for is remembered.
-- name: record_gap
WITH joined AS (
    DELETE FROM collect_gap
    WHERE instrument_id = $1::integer AND stream = $2::text
      AND starts_at <= to_timestamp($4::double precision / 1000)
      AND ends_at >= to_timestamp($3::double precision / 1000)
    RETURNING starts_at, ends_at, found_at
)
INSERT INTO collect_gap (instrument_id, stream, starts_at, ends_at, found_at)
SELECT $1, $2, least(to_timestamp($3::double precision / 1000), min(starts_at)),
       greatest(to_timestamp($4::double precision / 1000), max(ends_at)), coalesce(min(found_at), now())
FROM joined
ON CONFLICT (instrument_id, stream, starts_at) DO UPDATE SET ends_at = excluded.ends_at

-- name: note_attempts
UPDATE collect_gap SET attempts = $5::integer, tried_at = now()
WHERE instrument_id = $1::integer AND stream = $2::text
  AND starts_at < to_timestamp($4::double precision / 1000) AND ends_at > to_timestamp($3::double precision / 1000)

-- Record where samples lie further apart than they should, from the last before a stretch to the first after it.
-- name: save_open_interest_gaps
INSERT INTO collect_gap (instrument_id, stream, starts_at, ends_at)
SELECT $1::integer, 'open_interest', before + make_interval(secs => $4::double precision / 1000), ts
FROM (
    SELECT ts, lag(ts) OVER (ORDER BY ts) AS before
    FROM open_interest
    WHERE instrument_id = $1
      AND ts >= coalesce((SELECT max(ts) FROM open_interest
                          WHERE instrument_id = $1 AND ts < to_timestamp($2::double precision / 1000)), '-infinity')
      AND ts <= coalesce((SELECT min(ts) FROM open_interest
                          WHERE instrument_id = $1 AND ts >= to_timestamp($3::double precision / 1000)), 'infinity')
) AS stored
WHERE ts - before > 1.5 * make_interval(secs => $4::double precision / 1000)
ON CONFLICT (instrument_id, stream, starts_at) DO UPDATE SET ends_at = excluded.ends_at

-- name: save_long_short_ratio_gaps
INSERT INTO collect_gap (instrument_id, stream, starts_at, ends_at)
SELECT $1::integer, 'long_short_ratio', before + make_interval(secs => $4::double precision / 1000), ts
FROM (
    SELECT ts, lag(ts) OVER (ORDER BY ts) AS before
    FROM long_short_ratio
    WHERE instrument_id = $1
      AND ts >= coalesce((SELECT max(ts) FROM long_short_ratio
                          WHERE instrument_id = $1 AND ts < to_timestamp($2::double precision / 1000)), '-infinity')
      AND ts <= coalesce((SELECT min(ts) FROM long_short_ratio
                          WHERE instrument_id = $1 AND ts >= to_timestamp($3::double precision / 1000)), 'infinity')
) AS stored
WHERE ts - before > 1.5 * make_interval(secs => $4::double precision / 1000)
ON CONFLICT (instrument_id, stream, starts_at) DO UPDATE SET ends_at = excluded.ends_at

-- name: save_contract
UPDATE instrument SET symbol = $2::text, linear = $3::boolean, contract_size = $4::double precision
WHERE instrument_id = $1::integer
  AND (symbol, linear, contract_size) IS DISTINCT FROM ($2, $3, $4)

-- name: save_venue_status
INSERT INTO venue_status (venue, reachable, reason) VALUES ($1::text, $2::boolean, $3::text)
ON CONFLICT (venue) DO UPDATE SET
    since = CASE WHEN venue_status.reachable = excluded.reachable THEN venue_status.since ELSE now() END,
    reachable = excluded.reachable, reason = excluded.reason, checked_at = now()

-- name: load_venue_status
SELECT venue, reachable, reason, (extract(epoch FROM since) * 1000)::bigint FROM venue_status ORDER BY venue
