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
    -- Part of each leverage class in each block of 8 bins, in 255ths: a row of one byte a class for every block from that
    -- of the side's first bin to that of its last. The classes are those of the build's parameters.
    ADD COLUMN long_shares    bytea NOT NULL,
    ADD COLUMN short_shares   bytea NOT NULL;

-- Spans hold little that repeats: trying to compress them costs half of a build and saves a quarter of the space.
ALTER TABLE grid_column
    ALTER COLUMN long SET STORAGE EXTERNAL, ALTER COLUMN short SET STORAGE EXTERNAL,
    ALTER COLUMN long_shares SET STORAGE EXTERNAL, ALTER COLUMN short_shares SET STORAGE EXTERNAL;
ALTER TABLE book_checkpoint ALTER COLUMN book SET STORAGE EXTERNAL;

-- The parameters behind each hash, so that anyone can make the same columns again.
CREATE TABLE model (
    model_version   text NOT NULL,
    parameters_hash text NOT NULL,
    parameters      jsonb NOT NULL,
    PRIMARY KEY (model_version, parameters_hash)
);

-- Close of the last bar skill was measured on; measured again when the day changes, not with every bar.
ALTER TABLE instrument ADD COLUMN scored_until timestamptz;
