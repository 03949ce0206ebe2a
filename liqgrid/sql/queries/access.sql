-- Keys of the API, and the role it reads as.

-- name: create_key
INSERT INTO api_key (key_id, name, key_hash, scopes, requests_per_minute, cost_per_minute)
VALUES ($1::text, $2::text, $3::bytea, $4::text[], $5::integer, $6::integer)

-- name: list_keys
SELECT key_id, name, scopes, requests_per_minute, cost_per_minute,
       (extract(epoch FROM created_at) * 1000)::bigint AS created_ms,
       (extract(epoch FROM last_used_at) * 1000)::bigint AS last_used_ms,
       (extract(epoch FROM revoked_at) * 1000)::bigint AS revoked_ms
FROM api_key ORDER BY created_at, key_id

-- name: revoke_key
UPDATE api_key SET revoked_at = coalesce(revoked_at, now()) WHERE key_id = $1::text RETURNING name

-- name: any_key
SELECT EXISTS (SELECT FROM api_key WHERE revoked_at IS NULL)

-- The keys that open, as the API holds them.
-- name: live_keys
SELECT key_id, key_hash, scopes, requests_per_minute, cost_per_minute FROM api_key WHERE revoked_at IS NULL

-- The one thing the API writes.
-- name: note_use
UPDATE api_key SET last_used_at = now() WHERE key_id = $1::text

-- name: allow_write
SET TRANSACTION READ WRITE

-- Roles belong to the whole server: another database's migration may make it at the same moment.
-- name: create_role
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'liqgrid_api') THEN
        CREATE ROLE liqgrid_api NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$

-- name: join_role
DO $$ BEGIN
    IF NOT pg_has_role('liqgrid_api',
                       CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END)
    THEN
        GRANT liqgrid_api TO CURRENT_USER;
    END IF;
    IF NOT has_schema_privilege('liqgrid_api', current_schema(), 'USAGE') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO liqgrid_api', current_schema());
    END IF;
END $$

-- What the API reads, and no more; a query that needs another table needs a line here.
-- name: grant_reads
GRANT SELECT ON _yoyo_migration, api_key, bar, build, collect_gap, funding_rate, grid_column, instrument,
                job_failure, leverage_tier, liquidation, liquidation_bar, long_short_ratio, model, open_interest,
                procrastinate_jobs, provenance, skill, venue_status
TO liqgrid_api

-- name: grant_note_use
GRANT UPDATE (last_used_at) ON api_key TO liqgrid_api

-- Become the role where this session may, and where a migration prepared it.
-- name: become_role
SELECT set_config('role', rolname, false)
FROM pg_roles
WHERE rolname = 'liqgrid_api'
  AND pg_has_role(oid, CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END)
  AND has_table_privilege(oid, to_regclass('api_key'), 'SELECT')
  AND has_schema_privilege(oid, current_schema(), 'USAGE')

-- name: who_reads
SELECT current_user::text AS name, has_table_privilege(to_regclass('bar'), 'INSERT') AS may_write
