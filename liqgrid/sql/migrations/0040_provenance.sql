-- Where all of a database's market data comes from: real venues, or a simulated exchange. The first who stores some
-- writes the row; it never changes, so that simulated data can never pass for real, nor stand beside it.
CREATE TABLE provenance (
    only_row  boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    simulated boolean NOT NULL
);
-- What was stored before there was a simulation is real.
INSERT INTO provenance (simulated) SELECT false WHERE EXISTS (SELECT FROM instrument);
