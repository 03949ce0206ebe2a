-- What an answer needs to say why a level is there: how much of it a side has kept since an earlier column, the range of
-- the price that liquidates, and the part of each leverage class. Columns of the earlier model lack all of it, so they go;
-- the next build makes every column anew.

DELETE FROM grid_column;
DELETE FROM book_checkpoint;
DELETE FROM predicted_liquidation;

ALTER TABLE grid_column
    ADD COLUMN mark_low       double precision NOT NULL,   -- range of the price that liquidates, over the interval
    ADD COLUMN mark_high      double precision NOT NULL,
    ADD COLUMN long_log_kept  double precision NOT NULL,   -- sum of ln(part left by closing) since the history began
    ADD COLUMN short_log_kept double precision NOT NULL,
    ADD COLUMN long_exponent  smallint NOT NULL,           -- that of the span's largest bin
    ADD COLUMN short_exponent smallint NOT NULL,
    -- By side, leverage class and block of 8 bins: the part of the class in the block, in 255ths. A bit for each that is not
    -- 0, then a byte for each of those. The classes are those of the build's parameters; blocks count from that of the side's
    -- bin farthest below.
    ADD COLUMN shares         bytea NOT NULL;

-- Spans are now little-endian 16-bit codes, see docs/decisions/0007-column-codes.md. A row then fits into a page: it is not
-- cut into pieces, and no time is lost on trying to compress what does not repeat.
ALTER TABLE grid_column SET (toast_tuple_target = 8160);
ALTER TABLE grid_column
    ALTER COLUMN long SET STORAGE EXTERNAL, ALTER COLUMN short SET STORAGE EXTERNAL,
    ALTER COLUMN shares SET STORAGE EXTERNAL;
ALTER TABLE book_checkpoint ALTER COLUMN book SET STORAGE EXTERNAL;

-- Base units of the bin at position i (from 0) of a span.
CREATE FUNCTION span_base(codes bytea, exponent smallint, i integer) RETURNS double precision
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE
    WHEN get_byte(codes, 2 * i + 1) < 8 THEN 0
    ELSE (2048 + (get_byte(codes, 2 * i + 1) & 7) * 256 + get_byte(codes, 2 * i))
         * 2.0::double precision ^ ((get_byte(codes, 2 * i + 1) >> 3) + exponent - 42)
END;

CREATE OR REPLACE VIEW grid_cell AS
SELECT i.venue || ':' || i.pair AS instrument,
       c."interval",
       c.ts,
       1.0005::double precision ^ k.bin AS price_low,
       1.0005::double precision ^ (k.bin + 1) AS price_high,
       CASE WHEN k.bin BETWEEN c.long_first_bin AND c.long_first_bin + length(c.long) / 2 - 1
            THEN span_base(c.long, c.long_exponent, k.bin - c.long_first_bin) ELSE 0 END AS long_base,
       CASE WHEN k.bin BETWEEN c.short_first_bin AND c.short_first_bin + length(c.short) / 2 - 1
            THEN span_base(c.short, c.short_exponent, k.bin - c.short_first_bin) ELSE 0 END AS short_base
FROM grid_column c
JOIN instrument i USING (instrument_id)
CROSS JOIN LATERAL generate_series(
    least(c.long_first_bin, c.short_first_bin),
    greatest(c.long_first_bin + length(c.long) / 2, c.short_first_bin + length(c.short) / 2) - 1
) AS k (bin);

DROP FUNCTION float32_at(bytea, integer);

-- The parameters behind each hash, so that anyone can make the same columns again.
CREATE TABLE model (
    model_version   text NOT NULL,
    parameters_hash text NOT NULL,
    parameters      jsonb NOT NULL,
    PRIMARY KEY (model_version, parameters_hash)
);

-- Close of the last bar skill was measured on; measured again when the day changes, not with every bar.
ALTER TABLE instrument ADD COLUMN scored_until timestamptz;

-- Amounts that no replay can work with stop here, whoever writes them; NaN is not under infinity.
ALTER TABLE open_interest ADD CONSTRAINT open_interest_is_positive
    CHECK (open_interest_base > 0 AND open_interest_base < 'infinity');
