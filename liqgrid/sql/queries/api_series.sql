-- Series that the API pages through, each by its own key, so that no page repeats or skips a row.

-- name: funding_rates
SELECT (extract(epoch FROM ts) * 1000)::bigint AS ts_ms, rate_fraction
FROM funding_rate
WHERE instrument_id = $1::integer
  AND ts >= to_timestamp($2::bigint / 1000.0) AND ts < to_timestamp($3::bigint / 1000.0)
ORDER BY ts LIMIT $4::bigint

-- name: long_short_ratios
SELECT (extract(epoch FROM ts) * 1000)::bigint AS ts_ms, ratio, long_fraction, short_fraction
FROM long_short_ratio
WHERE instrument_id = $1::integer
  AND ts >= to_timestamp($2::bigint / 1000.0) AND ts < to_timestamp($3::bigint / 1000.0)
ORDER BY ts LIMIT $4::bigint

-- Single realised liquidations after a time and key; several may share a time.
-- name: liquidations
SELECT (extract(epoch FROM ts) * 1000000)::bigint AS ts_us, liquidation_key, side, price, amount_base
FROM liquidation
WHERE instrument_id = $1::integer
  AND ts >= to_timestamp($2::bigint / 1000.0) AND ts < to_timestamp($3::bigint / 1000.0)
  AND (ts, liquidation_key) > ('epoch'::timestamptz + $4::bigint * interval '1 microsecond', $5::text)
ORDER BY ts, liquidation_key LIMIT $6::bigint

-- Where a page of liquidation bars begins: the first liquidation stored in any form.
-- name: first_liquidation
SELECT (extract(epoch FROM min(earliest.ts)) * 1000)::bigint
FROM (SELECT min(ts) AS ts FROM liquidation
      WHERE instrument_id = $1::integer
        AND ts >= to_timestamp($3::bigint / 1000.0) AND ts < to_timestamp($4::bigint / 1000.0)
      UNION ALL
      SELECT min(b.ts) FROM unnest($2::text[]) AS one ("interval")
      CROSS JOIN LATERAL (
          SELECT ts FROM liquidation_bar l
          WHERE l.instrument_id = $1::integer AND l."interval" = one."interval"
            AND l.ts >= to_timestamp($3::bigint / 1000.0) AND l.ts < to_timestamp($4::bigint / 1000.0)
          ORDER BY l.ts LIMIT 1) AS b) AS earliest

-- Realised liquidations per bucket of $3 milliseconds. A source is the single liquidations, or the sums of one stored
-- interval; sources speak of the same liquidations and each may lack some, so they are never added: per side the
-- largest counts. Sums come without prices and are valued at the close of their bar, or of the last bar before it.
-- name: liquidation_bars
WITH part AS (
    SELECT 'single' AS source, ts,
           CASE side WHEN 'long' THEN amount_base ELSE 0 END AS long_base,
           CASE side WHEN 'short' THEN amount_base ELSE 0 END AS short_base, price
    FROM liquidation
    WHERE instrument_id = $1::integer
      AND ts >= to_timestamp($4::bigint / 1000.0) AND ts < to_timestamp($5::bigint / 1000.0)
    UNION ALL
    SELECT l."interval", l.ts, l.long_base, l.short_base,
           coalesce(b.close, (SELECT before.close
                              FROM unnest($2::text[]) AS one ("interval")
                              CROSS JOIN LATERAL (
                                  SELECT e.ts, e.close FROM bar e
                                  WHERE e.instrument_id = l.instrument_id AND e."interval" = one."interval"
                                    AND e.price_type = 'last' AND e.ts <= l.ts
                                  ORDER BY e.ts DESC LIMIT 1) AS before
                              ORDER BY before.ts DESC LIMIT 1))
    FROM liquidation_bar l
    LEFT JOIN bar b ON b.instrument_id = l.instrument_id AND b."interval" = l."interval"
                   AND b.price_type = 'last' AND b.ts = l.ts
    WHERE l.instrument_id = $1::integer AND l."interval" = ANY ($2::text[])
      AND l.ts >= to_timestamp($4::bigint / 1000.0) AND l.ts < to_timestamp($5::bigint / 1000.0)
), summed AS (
    SELECT source, floor(extract(epoch FROM ts) * 1000 / $3::bigint)::bigint * $3::bigint AS open_ms,
           sum(long_base) AS long_base, sum(short_base) AS short_base,
           coalesce(sum(long_base * price) FILTER (WHERE long_base > 0), 0) AS long_quote,
           coalesce(sum(short_base * price) FILTER (WHERE short_base > 0), 0) AS short_quote
    FROM part GROUP BY 1, 2
)
SELECT open_ms, max(long_base) AS long_base, max(short_base) AS short_base,
       max(long_quote) AS long_quote, max(short_quote) AS short_quote
FROM summed GROUP BY open_ms ORDER BY open_ms
