-- What subscriptions read: what came after a position. A position knows the newest build it has seen of each instrument
-- ($4 instruments, $5 builds), for builds of different instruments commit in any order.

-- A build writes every column anew from where its inputs changed, so what is new are the columns from one time on: the first
-- that closes after $6, or, if the newest until then is of a later build, the first such one since $7. One statement, so that
-- no build can come in between. `waiting` is how many times are new, counted up to $8 + 1; `reaches_back` whether anything
-- stored closes at or before $6.
-- name: columns_since
WITH asked AS (
    SELECT i.instrument_id, i.venue, i.pair, i.coin, i.quote, coalesce(known.build_id, -1) AS known_build
    FROM instrument i
    LEFT JOIN unnest($4::integer[], $5::bigint[]) AS known (instrument_id, build_id) USING (instrument_id)
    WHERE i.pair = $1::text AND ($2::text[] IS NULL OR i.venue = ANY ($2))
), first AS (
    SELECT min(least(
        (SELECT c.ts FROM grid_column c
         WHERE c.instrument_id = a.instrument_id AND c."interval" = $3::text
           AND c.ts > to_timestamp($6::bigint / 1000.0)
         ORDER BY c.ts LIMIT 1),
        CASE WHEN (SELECT c.build_id FROM grid_column c
                   WHERE c.instrument_id = a.instrument_id AND c."interval" = $3::text
                     AND c.ts <= to_timestamp($6::bigint / 1000.0) AND c.ts >= to_timestamp($7::bigint / 1000.0)
                   ORDER BY c.ts DESC LIMIT 1) > a.known_build
             THEN (SELECT min(recent.ts)
                   FROM (SELECT c.ts, c.build_id FROM grid_column c
                         WHERE c.instrument_id = a.instrument_id AND c."interval" = $3::text
                           AND c.ts <= to_timestamp($6::bigint / 1000.0) AND c.ts >= to_timestamp($7::bigint / 1000.0)
                         ORDER BY c.ts DESC LIMIT $8::bigint + 1) AS recent
                   WHERE recent.build_id > a.known_build) END)) AS ts
    FROM asked a
), times AS (
    SELECT DISTINCT c.ts FROM grid_column c JOIN asked USING (instrument_id)
    WHERE c."interval" = $3::text AND c.ts >= (SELECT ts FROM first)
    ORDER BY c.ts LIMIT $8::bigint + 1
)
SELECT a.venue, a.pair, a.coin, a.quote, coalesce((SELECT simulated FROM provenance), false) AS simulated,
       (SELECT count(*) FROM times) AS waiting,
       EXISTS (SELECT FROM grid_column c JOIN asked USING (instrument_id)
               WHERE c."interval" = $3::text AND c.ts <= to_timestamp($6::bigint / 1000.0)) AS reaches_back,
       c.instrument_id, (extract(epoch FROM c.ts) * 1000)::bigint AS close_ms, c.build_id, c.price, c.open, c.high, c.low,
       c.close, c.volume_base, c.open_interest_base,
       (extract(epoch FROM c.open_interest_at) * 1000)::bigint AS open_interest_ms,
       c.mark, c.total_base, c.long_unplaced_base, c.short_unplaced_base,
       c.long_first_bin, c.long_exponent, c.long, c.long_quote, c.long_outside_quote,
       c.short_first_bin, c.short_exponent, c.short, c.short_quote, c.short_outside_quote,
       c.mark_low, c.mark_high, c.long_log_kept, c.short_log_kept
FROM grid_column c JOIN asked a USING (instrument_id)
WHERE c."interval" = $3::text AND c.ts IN (SELECT ts FROM times ORDER BY ts LIMIT $9::bigint)
ORDER BY c.ts, a.venue

-- name: newest_arrivals
SELECT i.instrument_id, coalesce((SELECT l.arrival FROM liquidation l
                                  WHERE l.instrument_id = i.instrument_id AND l.arrival IS NOT NULL
                                  ORDER BY l.arrival DESC LIMIT 1), 0) AS arrival
FROM instrument i WHERE i.pair = $1::text

-- Liquidations that arrived after a position ($2 instruments, $3 arrivals), in that order; an instrument the position does
-- not know came later, so all of its are new.
-- name: liquidations_since
WITH fresh AS (
    SELECT i.venue, i.pair, l.* FROM instrument i
    LEFT JOIN unnest($2::integer[], $3::bigint[]) AS known (instrument_id, arrival) USING (instrument_id)
    CROSS JOIN LATERAL (
        SELECT l.instrument_id, (extract(epoch FROM l.ts) * 1000)::bigint AS ts_ms, l.side, l.price, l.amount_base, l.arrival
        FROM liquidation l
        WHERE l.instrument_id = i.instrument_id AND l.arrival > coalesce(known.arrival, 0)
        ORDER BY l.arrival LIMIT $4::bigint + 1) AS l
    WHERE i.pair = $1::text
)
SELECT fresh.*, (SELECT count(*) FROM fresh) AS waiting FROM fresh ORDER BY arrival LIMIT $5::bigint
