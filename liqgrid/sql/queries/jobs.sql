-- Jobs: queued, taken up again, failed. They stand in procrastinate's tables. Its own function for queueing raises where a
-- job of the same queueing lock waits, which would end the transaction that queues it; so jobs are inserted here.

-- name: load_queue_migration
SELECT migration FROM queue_schema

-- name: save_queue_migration
INSERT INTO queue_schema (migration) VALUES ($1::text)
ON CONFLICT (only_row) DO UPDATE SET migration = excluded.migration

-- Queue a task of an instrument, unless one waits already. A build and a rebuild of one never run at once.
-- name: queue_job
INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args, scheduled_at)
VALUES ($1::text, $2::text, ($2 = 'build')::integer, CASE $2 WHEN 'rebuild' THEN 'build' ELSE $2 END || ':' || $3::integer,
        $2 || ':' || $3, jsonb_build_object('instrument_id', $3) || $4::jsonb,
        CASE WHEN $5::double precision > 0 THEN now() + make_interval(secs => $5) END)
ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING

-- Queue the rebuild of every instrument whose rows changed: for those that changed before there were jobs, and those whose
-- job was lost because the database went away while its worker ended.
-- name: queue_changed
INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args)
SELECT 'rebuild', 'rebuild', 'build:' || instrument_id, 'rebuild:' || instrument_id,
       jsonb_build_object('instrument_id', instrument_id)
FROM instrument
WHERE changed_from IS NOT NULL
  AND NOT EXISTS (SELECT FROM procrastinate_jobs AS running
                  WHERE running.queueing_lock = 'rebuild:' || instrument_id AND running.status = 'doing')
ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING

-- A worker that was killed shows no heartbeat. Its jobs go back to those that wait, or away where the same waits already.
-- name: take_up_stalled
WITH stalled AS (
    SELECT job.id, job.queueing_lock
    FROM procrastinate_jobs AS job
    LEFT JOIN procrastinate_workers AS worker ON worker.id = job.worker_id
    WHERE job.status = 'doing'
      AND (worker.id IS NULL OR worker.last_heartbeat < now() - make_interval(secs => $1::double precision))
    FOR UPDATE OF job SKIP LOCKED
), superseded AS (
    DELETE FROM procrastinate_jobs AS job USING stalled
    WHERE job.id = stalled.id
      AND EXISTS (SELECT FROM procrastinate_jobs AS other
                  WHERE other.queueing_lock = stalled.queueing_lock AND other.status = 'todo')
    RETURNING job.id
)
UPDATE procrastinate_jobs AS job SET status = 'todo', attempts = attempts + 1, scheduled_at = NULL
FROM stalled
WHERE job.id = stalled.id AND job.id NOT IN (SELECT id FROM superseded)
RETURNING job.id

-- name: save_failure
INSERT INTO job_failure (task, subject, attempts, code, message, failed_at)
VALUES ($1::text, $2::text, 1, $3::text, $4::text, now())
ON CONFLICT (task, subject) DO UPDATE SET
    attempts = job_failure.attempts + 1, code = excluded.code, message = excluded.message,
    failed_at = excluded.failed_at, retry_at = NULL
RETURNING attempts

-- name: save_retry
UPDATE job_failure SET retry_at = now() + make_interval(secs => $3::double precision)
WHERE task = $1::text AND subject = $2::text

-- name: delete_failure
DELETE FROM job_failure WHERE task = $1::text AND subject = $2::text

-- Finished jobs whose last event is older than this many hours; their events go with them.
-- name: delete_finished_jobs
DELETE FROM procrastinate_jobs AS job
WHERE job.status IN ('succeeded', 'failed', 'cancelled', 'aborted')
  AND NOT EXISTS (SELECT FROM procrastinate_periodic_defers AS periodic WHERE periodic.job_id = job.id)
  AND NOT EXISTS (SELECT FROM procrastinate_events AS event
                  WHERE event.job_id = job.id AND event.at >= now() - make_interval(hours => $1::integer))

-- name: is_any_due
SELECT EXISTS (
    SELECT FROM procrastinate_jobs
    WHERE status = 'todo' AND queue_name = ANY ($1::text[]) AND (scheduled_at IS NULL OR scheduled_at <= now()))
