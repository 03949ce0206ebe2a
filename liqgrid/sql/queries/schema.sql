-- What the database is and how far it has been migrated.

-- name: detect
SELECT current_setting('server_version'),
       current_setting('shared_preload_libraries'),
       (SELECT default_version FROM pg_available_extensions WHERE name = 'timescaledb'),
       current_setting('timescaledb.license', true)

-- name: lock_schema
SELECT pg_advisory_lock(7115)

-- name: create_timescale
CREATE EXTENSION IF NOT EXISTS timescaledb

-- name: is_migrated
SELECT to_regclass('_yoyo_migration') IS NOT NULL

-- name: applied
SELECT migration_id FROM _yoyo_migration
