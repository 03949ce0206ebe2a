-- Grid columns as plain rows, for people who live in psql. Ask for one instrument, interval and time range:
--   SELECT ts, price_low, price_high, long_base, short_base FROM grid_cell
--   WHERE instrument = 'binance:BTC-USDT' AND "interval" = '1h' AND ts >= now() - interval '1 day';

-- Value of the little-endian float32 at position i (from 0). Amounts are finite and not negative, so the sign bit
-- and the codes of infinity are never set.
CREATE FUNCTION float32_at(bytes bytea, i integer) RETURNS double precision
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE
    WHEN (get_byte(bytes, 4 * i + 3) << 1) + (get_byte(bytes, 4 * i + 2) >> 7) = 0
    THEN ((get_byte(bytes, 4 * i + 2) & 127) * 65536 + get_byte(bytes, 4 * i + 1) * 256 + get_byte(bytes, 4 * i))
         * 2.0::double precision ^ (-149)
    ELSE (8388608 + (get_byte(bytes, 4 * i + 2) & 127) * 65536 + get_byte(bytes, 4 * i + 1) * 256
          + get_byte(bytes, 4 * i))
         * 2.0::double precision ^ ((get_byte(bytes, 4 * i + 3) << 1) + (get_byte(bytes, 4 * i + 2) >> 7) - 150)
END;

CREATE VIEW grid_cell AS
SELECT i.venue || ':' || i.pair AS instrument,
       c."interval",
       c.ts,
       1.0005::double precision ^ k.bin AS price_low,
       1.0005::double precision ^ (k.bin + 1) AS price_high,
       CASE WHEN k.bin BETWEEN c.long_first_bin AND c.long_first_bin + length(c.long) / 4 - 1
            THEN float32_at(c.long, k.bin - c.long_first_bin) ELSE 0 END AS long_base,
       CASE WHEN k.bin BETWEEN c.short_first_bin AND c.short_first_bin + length(c.short) / 4 - 1
            THEN float32_at(c.short, k.bin - c.short_first_bin) ELSE 0 END AS short_base
FROM grid_column c
JOIN instrument i USING (instrument_id)
CROSS JOIN LATERAL generate_series(
    least(c.long_first_bin, c.short_first_bin),
    greatest(c.long_first_bin + length(c.long) / 4, c.short_first_bin + length(c.short) / 4) - 1
) AS k (bin);
