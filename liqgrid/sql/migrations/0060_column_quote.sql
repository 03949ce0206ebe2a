-- The notional of all bins of a side, so that who asks for some of them is told the whole without reading the rest.
-- Columns of before lack it, so they go, with the checkpoints a build would continue from; every grid that was built is
-- out of date from its beginning, and the next build makes it anew.

UPDATE instrument SET changed_from = 'epoch'
WHERE EXISTS (SELECT FROM build WHERE build.instrument_id = instrument.instrument_id);
DELETE FROM grid_column;
DELETE FROM book_checkpoint;
DELETE FROM predicted_liquidation;

ALTER TABLE grid_column
    ADD COLUMN long_quote  double precision NOT NULL,   -- Σ base × mid price of the bins in `long`, before rounding
    ADD COLUMN short_quote double precision NOT NULL;
