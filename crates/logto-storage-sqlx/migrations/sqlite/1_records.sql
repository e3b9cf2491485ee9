CREATE TABLE logto_token_records (
    key TEXT NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    -- Milliseconds since 1970: alive before, absent from then on.
    until INTEGER NOT NULL,
    -- The number of the latest lease, the number of the latest that was given back, and the end of the latest.
    fence INTEGER NOT NULL,
    released INTEGER NOT NULL,
    leased INTEGER NOT NULL,
    sub TEXT,
    sid TEXT,
    -- What the crate writes and reads; nothing in it is for SQL. Last, for SQLite reads rows from the front.
    data BLOB NOT NULL
);

CREATE INDEX logto_token_records_until ON logto_token_records (until);
CREATE INDEX logto_token_records_sub ON logto_token_records (sub) WHERE sub IS NOT NULL;
CREATE INDEX logto_token_records_sid ON logto_token_records (sid) WHERE sid IS NOT NULL;
