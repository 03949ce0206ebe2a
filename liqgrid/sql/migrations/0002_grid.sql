-- What the engine makes: builds, grid columns, checkpoints, predictions and skill.

CREATE TABLE build (
    build_id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instrument_id    integer NOT NULL REFERENCES instrument,
    model_version    text NOT NULL,
    parameters_hash  text NOT NULL,
    formula_version  text NOT NULL,
    built_from       timestamptz NOT NULL,                 -- open of the first bar replayed
    watermark        timestamptz NOT NULL,                 -- close of the last bar replayed
    bars             bigint NOT NULL,
    columns          bigint NOT NULL,
    duration_s       double precision NOT NULL,
    coverage         jsonb NOT NULL,                       -- what the inputs lacked, see docs/model.md
    finished_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX build_by_instrument ON build (instrument_id, build_id DESC);

-- One row per column: the book at ts, the close of an interval. Spans are little-endian float32, base units,
-- one per price bin, bin k covering [1.0005^k, 1.0005^(k+1)); see docs/decisions/0004-column-bytes.md.
CREATE TABLE grid_column (
    instrument_id       integer NOT NULL REFERENCES instrument,
    "interval"          text NOT NULL CHECK ("interval" IN ('1m', '5m', '15m', '1h', '4h', '1d')),
    ts                  timestamptz NOT NULL,              -- close time
    build_id            bigint NOT NULL,
    price               double precision NOT NULL,         -- longs lie below, shorts above
    open                double precision NOT NULL,
    high                double precision NOT NULL,
    low                 double precision NOT NULL,
    close               double precision NOT NULL,
    volume_base         double precision,                  -- NULL where that of a bar is unknown
    open_interest_base  double precision NOT NULL,
    open_interest_at    timestamptz NOT NULL,              -- time of the sample used; older than ts when carried on
    mark                boolean NOT NULL,                  -- the last bar's range was that of the mark price
    total_base          double precision NOT NULL,         -- of either side
    long_unplaced_base  double precision NOT NULL,
    short_unplaced_base double precision NOT NULL,
    long_first_bin      integer NOT NULL,
    long                bytea NOT NULL,
    long_outside_base   double precision NOT NULL,
    long_outside_quote  double precision NOT NULL,
    short_first_bin     integer NOT NULL,
    short               bytea NOT NULL,
    short_outside_base  double precision NOT NULL,
    short_outside_quote double precision NOT NULL,
    PRIMARY KEY (instrument_id, "interval", ts)
);

-- The carry state after the bar that closed at ts: a build continues from the newest that later rows left valid.
CREATE TABLE book_checkpoint (
    instrument_id   integer NOT NULL REFERENCES instrument,
    ts              timestamptz NOT NULL,
    model_version   text NOT NULL,
    parameters_hash text NOT NULL,
    book            bytea NOT NULL,
    PRIMARY KEY (instrument_id, ts)
);

-- What the book held to be liquidated in each replayed bar, made from the book as of the bar before.
CREATE TABLE predicted_liquidation (
    instrument_id integer NOT NULL REFERENCES instrument,
    ts            timestamptz NOT NULL,                    -- open time of the bar
    ends_at       timestamptz NOT NULL,                    -- close time of the bar
    long_base     double precision NOT NULL,
    short_base    double precision NOT NULL,
    PRIMARY KEY (instrument_id, ts)
);

CREATE TABLE skill (
    instrument_id integer NOT NULL REFERENCES instrument,
    "interval"    text NOT NULL,
    long          double precision NOT NULL,
    short         double precision NOT NULL,
    long_bars     integer NOT NULL,
    short_bars    integer NOT NULL,
    starts_at     timestamptz NOT NULL,
    ends_at       timestamptz NOT NULL,
    build_id      bigint NOT NULL,
    PRIMARY KEY (instrument_id, "interval")
);
