-- What only REST asks: when an answer may have changed, and batches of whole histories.

-- Everything an answer about a pair or coin is made of, told apart by what each change moves: builds, columns of the
-- interval, gaps, tiers, and the newest samples.
-- name: versions
SELECT i.instrument_id,
       (SELECT max(build_id) FROM build b WHERE b.instrument_id = i.instrument_id) AS build_id,
       (SELECT min(ts) FROM grid_column g
        WHERE g.instrument_id = i.instrument_id AND g."interval" = $2::text) AS oldest,
       (SELECT max(ts) FROM grid_column g
        WHERE g.instrument_id = i.instrument_id AND g."interval" = $2::text) AS newest,
       (SELECT count(*) FROM collect_gap c WHERE c.instrument_id = i.instrument_id) AS gaps,
       (SELECT max(found_at) FROM collect_gap c WHERE c.instrument_id = i.instrument_id) AS gap_found_at,
       (SELECT max(received_at) FROM leverage_tier t WHERE t.instrument_id = i.instrument_id) AS tiers_at,
       (SELECT max(ts) FROM open_interest o WHERE o.instrument_id = i.instrument_id) AS open_interest_at,
       (SELECT max(ts) FROM funding_rate f WHERE f.instrument_id = i.instrument_id) AS funding_at
FROM instrument i
WHERE i.pair = $1::text OR i.coin = $1::text
ORDER BY i.instrument_id

-- Where a batch of an export ends: the close of the $5-th column time from a time on.
-- name: column_batch
SELECT (extract(epoch FROM max(ts)) * 1000)::bigint
FROM (SELECT DISTINCT ts FROM grid_column
      WHERE instrument_id = ANY ($1::integer[]) AND "interval" = $2::text
        AND ts >= to_timestamp($3::bigint / 1000.0) AND ts < to_timestamp($4::bigint / 1000.0)
      ORDER BY ts LIMIT $5::bigint) AS batch

-- When something was liquidated last, of what is stored of some instruments.
-- name: newest_liquidation
SELECT (extract(epoch FROM max(newest.ts)) * 1000)::bigint
FROM unnest($1::integer[]) AS one (instrument_id)
CROSS JOIN LATERAL (
    SELECT max(ts) AS ts FROM liquidation l WHERE l.instrument_id = one.instrument_id
    UNION ALL
    SELECT max(latest.ts) FROM unnest(ARRAY['1m', '5m', '15m', '1h', '4h', '1d']) AS step ("interval")
    CROSS JOIN LATERAL (
        SELECT b.ts FROM liquidation_bar b
        WHERE b.instrument_id = one.instrument_id AND b."interval" = step."interval"
        ORDER BY b.ts DESC LIMIT 1) AS latest) AS newest
