-- Applied where the timescaledb extension is. Chunks are sized so that a busy instrument set stays within memory.
-- Only what the Apache-licensed build has: no compression, no policies; retention is liqgrid's own.
-- In a block, because yoyo prints what a SELECT returns.

DO $$
BEGIN
    PERFORM create_hypertable('bar', by_range('ts', INTERVAL '7 days'), migrate_data => true, if_not_exists => true);
    PERFORM create_hypertable('open_interest', by_range('ts', INTERVAL '30 days'), migrate_data => true, if_not_exists => true);
    PERFORM create_hypertable('funding_rate', by_range('ts', INTERVAL '90 days'), migrate_data => true, if_not_exists => true);
    PERFORM create_hypertable('long_short_ratio', by_range('ts', INTERVAL '30 days'), migrate_data => true, if_not_exists => true);
    PERFORM create_hypertable('liquidation', by_range('ts', INTERVAL '7 days'), migrate_data => true, if_not_exists => true);
    PERFORM create_hypertable('liquidation_bar', by_range('ts', INTERVAL '30 days'), migrate_data => true, if_not_exists => true);
    PERFORM create_hypertable('grid_column', by_range('ts', INTERVAL '7 days'), migrate_data => true, if_not_exists => true);
    PERFORM create_hypertable('predicted_liquidation', by_range('ts', INTERVAL '30 days'), migrate_data => true, if_not_exists => true);
END
$$;
