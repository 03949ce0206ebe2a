-- What collection remembers: how far each stream reaches, what it tried to repair, which venues answer.

-- A stream is collected over [starts_at, ts): everything in there was asked for, and what the venue did not have is a
-- row of collect_gap.
ALTER TABLE collect_cursor ADD COLUMN starts_at timestamptz;
UPDATE collect_cursor SET starts_at = ts;
ALTER TABLE collect_cursor ALTER COLUMN starts_at SET NOT NULL;

-- A gap is asked for again, less and less often.
ALTER TABLE collect_gap ADD COLUMN attempts integer NOT NULL DEFAULT 0;
ALTER TABLE collect_gap ADD COLUMN tried_at timestamptz;

-- What a venue says of an instrument; NULL until it was asked.
ALTER TABLE instrument ADD COLUMN symbol text;                 -- the venue's own spelling
ALTER TABLE instrument ADD COLUMN linear boolean;              -- false: margined and settled in base (inverse)
ALTER TABLE instrument ADD COLUMN contract_size double precision; -- base units a contract; quote units where inverse

-- Whether a venue can be reached, as the collector last saw it.
CREATE TABLE venue_status (
    venue      text PRIMARY KEY,
    reachable  boolean NOT NULL,
    reason     text,                                           -- why not; NULL where reachable
    since      timestamptz NOT NULL DEFAULT now(),             -- from when on it is so
    checked_at timestamptz NOT NULL DEFAULT now()
);
