-- Raw market data: what venues said, in base units and UTC, each row with the time it was received.
-- Every key begins with the instrument and ends with the time, so that the same tables can be hypertables.

CREATE TABLE instrument (
    instrument_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    venue         text NOT NULL,
    pair          text NOT NULL,
    coin          text NOT NULL,
    quote         text NOT NULL,
    -- Earliest time at or after which raw rows changed since the last build; NULL when the grid is up to date.
    changed_from  timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (venue, pair)
);

CREATE TABLE bar (
    instrument_id           integer NOT NULL REFERENCES instrument,
    "interval"              text NOT NULL CHECK ("interval" IN ('1m', '5m', '15m', '1h', '4h', '1d')),
    price_type              text NOT NULL CHECK (price_type IN ('last', 'mark')),
    ts                      timestamptz NOT NULL,          -- open time
    open                    double precision NOT NULL,
    high                    double precision NOT NULL,
    low                     double precision NOT NULL,
    close                   double precision NOT NULL,
    volume_base             double precision,              -- NULL for mark bars
    taker_buy_volume_base   double precision,
    trades                  bigint,
    taker_buy_trades        bigint,
    received_at             timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (instrument_id, "interval", price_type, ts)
);

CREATE TABLE open_interest (
    instrument_id      integer NOT NULL REFERENCES instrument,
    ts                 timestamptz NOT NULL,               -- the moment it was true
    open_interest_base double precision NOT NULL,          -- one side
    received_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (instrument_id, ts)
);

CREATE TABLE funding_rate (
    instrument_id integer NOT NULL REFERENCES instrument,
    ts            timestamptz NOT NULL,                    -- when it was paid
    rate_fraction double precision NOT NULL,               -- of notional; > 0: longs pay shorts
    received_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (instrument_id, ts)
);

CREATE TABLE long_short_ratio (
    instrument_id  integer NOT NULL REFERENCES instrument,
    ts             timestamptz NOT NULL,                   -- end of the period it speaks of
    ratio          double precision NOT NULL,              -- accounts net long / accounts net short
    long_fraction  double precision,
    short_fraction double precision,
    received_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (instrument_id, ts)
);

-- Single realised liquidations, as a venue published them.
CREATE TABLE liquidation (
    instrument_id   integer NOT NULL REFERENCES instrument,
    ts              timestamptz NOT NULL,
    liquidation_key text NOT NULL,                         -- the venue's order id, or a hash of the content
    side            text NOT NULL CHECK (side IN ('long', 'short')), -- of the position
    price           double precision NOT NULL,
    amount_base     double precision NOT NULL,
    raw             jsonb NOT NULL,
    received_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (instrument_id, ts, liquidation_key)
);

-- Realised liquidations summed over an interval, where a source gives only that.
CREATE TABLE liquidation_bar (
    instrument_id integer NOT NULL REFERENCES instrument,
    "interval"    text NOT NULL CHECK ("interval" IN ('1m', '5m', '15m', '1h', '4h', '1d')),
    ts            timestamptz NOT NULL,                    -- open time
    long_base     double precision NOT NULL,
    short_base    double precision NOT NULL,
    received_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (instrument_id, "interval", ts)
);

CREATE TABLE leverage_tier (
    instrument_id            integer NOT NULL REFERENCES instrument,
    valid_from               timestamptz NOT NULL,
    floor_quote              double precision NOT NULL,
    cap_quote                double precision NOT NULL,
    maintenance_margin_rate  double precision NOT NULL,    -- fraction of notional
    maintenance_amount_quote double precision NOT NULL,
    max_leverage             double precision NOT NULL,
    received_at              timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (instrument_id, valid_from, floor_quote)
);

-- How far a stream has been collected; moves in the same transaction as the rows.
CREATE TABLE collect_cursor (
    instrument_id integer NOT NULL REFERENCES instrument,
    stream        text NOT NULL,                           -- for example bar:last
    ts            timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (instrument_id, stream)
);

-- Missing stretches [starts_at, ends_at); filled by later rows, never by interpolation.
CREATE TABLE collect_gap (
    instrument_id integer NOT NULL REFERENCES instrument,
    stream        text NOT NULL,
    starts_at     timestamptz NOT NULL,
    ends_at       timestamptz NOT NULL,
    found_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (instrument_id, stream, starts_at)
);

-- Files already imported, by content, so that nothing is imported twice.
CREATE TABLE imported_file (
    instrument_id  integer NOT NULL REFERENCES instrument,
    "interval"     text NOT NULL,
    content_sha256 text NOT NULL,
    file_name      text NOT NULL,
    rows           bigint NOT NULL,
    starts_at      timestamptz NOT NULL,                   -- open of its first bar
    ends_at        timestamptz NOT NULL,                   -- close of its last bar
    imported_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (instrument_id, "interval", content_sha256)
);
