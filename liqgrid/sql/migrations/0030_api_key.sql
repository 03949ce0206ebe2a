-- Keys of the API. A key is random and long, so its SHA-256 tells nothing of it and nobody can try them all.

CREATE TABLE api_key (
    key_id              text PRIMARY KEY,              -- the part of the key that is no secret; logs have it
    name                text NOT NULL,                 -- whose it is, for people
    key_hash            bytea NOT NULL,                -- SHA-256 of the whole key
    scopes              text[] NOT NULL,               -- read, stream, export
    requests_per_minute integer NOT NULL CHECK (requests_per_minute > 0),
    cost_per_minute     integer NOT NULL CHECK (cost_per_minute > 0),
    created_at          timestamptz NOT NULL DEFAULT now(),
    last_used_at        timestamptz,                   -- to a minute; NULL: never
    revoked_at          timestamptz                    -- NULL: it opens
);
