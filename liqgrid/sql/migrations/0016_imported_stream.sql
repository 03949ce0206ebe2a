-- Files are remembered by what they fill, `bar:last:1m` or `metrics`: archives hold more than bars of an interval.

ALTER TABLE imported_file RENAME COLUMN "interval" TO stream;
UPDATE imported_file SET stream = 'bar:last:' || stream;
