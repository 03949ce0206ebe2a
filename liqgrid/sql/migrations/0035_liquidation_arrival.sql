-- In which order single liquidations arrived. Venues tell them late and out of order, so who follows them live goes by
-- this and not by their time. Writers hold the instrument's lock: within an instrument the order is that of commits.
-- Rows from before have none; nobody followed them.

CREATE SEQUENCE liquidation_arrival AS bigint;
ALTER TABLE liquidation ADD COLUMN arrival bigint;
ALTER TABLE liquidation ALTER COLUMN arrival SET DEFAULT nextval('liquidation_arrival');
CREATE INDEX liquidation_by_arrival ON liquidation (instrument_id, arrival);
