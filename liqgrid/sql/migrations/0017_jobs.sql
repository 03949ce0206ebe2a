-- Jobs stand in procrastinate's own tables (procrastinate_jobs and others), which `liqgrid migrate` makes beside these.

-- Up to which of procrastinate's migrations its tables are, one row.
CREATE TABLE queue_schema (
    only_row  boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    migration text NOT NULL
);

-- What failed and did not succeed since; a success deletes its row.
CREATE TABLE job_failure (
    task      text NOT NULL,
    subject   text NOT NULL,                               -- an instrument, binance:BTC-USDT, or `all`
    attempts  integer NOT NULL,                            -- in a row
    code      text NOT NULL,
    message   text NOT NULL,
    failed_at timestamptz NOT NULL,
    retry_at  timestamptz,                                 -- NULL: not before something new is queued
    PRIMARY KEY (task, subject)
);
