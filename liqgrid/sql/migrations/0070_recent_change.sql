-- What changed shortly before the newest column or after it is built at once, though a change of long ago still waits for its
-- rebuild; so the two are remembered apart.

ALTER TABLE instrument
    ADD COLUMN recent_from timestamptz;   -- like changed_from, of rows that were not late; NULL, or not before changed_from
