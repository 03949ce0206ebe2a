-- Who keeps answers must hear when what they were made of changes. Every statement that writes to a table the API reads
-- tells that table's name when its transaction commits, once a transaction, whoever wrote it.

CREATE FUNCTION tell_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('liqgrid_change', TG_TABLE_NAME);
    RETURN NULL;
END
$$;

CREATE TRIGGER tell_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON bar
    FOR EACH STATEMENT EXECUTE FUNCTION tell_change();
CREATE TRIGGER tell_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON build
    FOR EACH STATEMENT EXECUTE FUNCTION tell_change();
CREATE TRIGGER tell_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON funding_rate
    FOR EACH STATEMENT EXECUTE FUNCTION tell_change();
CREATE TRIGGER tell_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON grid_column
    FOR EACH STATEMENT EXECUTE FUNCTION tell_change();
CREATE TRIGGER tell_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON leverage_tier
    FOR EACH STATEMENT EXECUTE FUNCTION tell_change();
CREATE TRIGGER tell_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON liquidation
    FOR EACH STATEMENT EXECUTE FUNCTION tell_change();
CREATE TRIGGER tell_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON liquidation_bar
    FOR EACH STATEMENT EXECUTE FUNCTION tell_change();
CREATE TRIGGER tell_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON long_short_ratio
    FOR EACH STATEMENT EXECUTE FUNCTION tell_change();
CREATE TRIGGER tell_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON model
    FOR EACH STATEMENT EXECUTE FUNCTION tell_change();
CREATE TRIGGER tell_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON open_interest
    FOR EACH STATEMENT EXECUTE FUNCTION tell_change();
CREATE TRIGGER tell_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON provenance
    FOR EACH STATEMENT EXECUTE FUNCTION tell_change();
CREATE TRIGGER tell_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON skill
    FOR EACH STATEMENT EXECUTE FUNCTION tell_change();

-- Of these two the API reads only what seldom changes; what every write of rows touches besides is nobody's business.
CREATE TRIGGER tell_change
    AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF instrument_id, venue, pair, coin, quote ON instrument
    FOR EACH STATEMENT EXECUTE FUNCTION tell_change();
CREATE TRIGGER tell_change
    AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF instrument_id, stream, starts_at, ends_at, found_at ON collect_gap
    FOR EACH STATEMENT EXECUTE FUNCTION tell_change();
