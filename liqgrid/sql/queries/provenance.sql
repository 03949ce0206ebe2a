-- Whether a database holds real market data or simulated; written once.

-- name: claim
INSERT INTO provenance (simulated) VALUES ($1::boolean) ON CONFLICT (only_row) DO NOTHING

-- name: load
SELECT simulated FROM provenance
