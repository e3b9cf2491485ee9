CREATE TABLE logto_token_records (
    key TEXT COLLATE "C" PRIMARY KEY,
    -- What the crate writes and reads; nothing in it is for SQL.
    data BYTEA NOT NULL,
    version BIGINT NOT NULL,
    -- Milliseconds since 1970: alive before, absent from then on.
    until BIGINT NOT NULL,
    -- The number of the latest lease, the number of the latest that was given back, and the end of the latest.
    fence BIGINT NOT NULL,
    released BIGINT NOT NULL,
    leased BIGINT NOT NULL,
    sub TEXT COLLATE "C",
    sid TEXT COLLATE "C"
) WITH (fillfactor = 80);

-- Tokens do not become smaller; and a lease writes no data anew that lies beside the row.
ALTER TABLE logto_token_records ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE INDEX logto_token_records_until ON logto_token_records (until);
CREATE INDEX logto_token_records_sub ON logto_token_records (sub) WHERE sub IS NOT NULL;
CREATE INDEX logto_token_records_sid ON logto_token_records (sid) WHERE sid IS NOT NULL;
