-- Version 2 of the store: Workers KV.

CREATE TABLE namespaces (
    number  INTEGER PRIMARY KEY,
    id      TEXT NOT NULL UNIQUE,     -- 32 hex characters
    title   TEXT NOT NULL UNIQUE,
    created INTEGER NOT NULL
) STRICT;

-- The value of a key is the body's only segment, its part 1. Listings walk this table, so it holds no bytes of values.
CREATE TABLE pairs (
    namespace  INTEGER NOT NULL REFERENCES namespaces,
    key        BLOB NOT NULL,
    body       INTEGER NOT NULL UNIQUE,
    size       INTEGER NOT NULL,
    expiration INTEGER,               -- seconds since 1970, from which on the key is gone
    metadata   TEXT,
    PRIMARY KEY (namespace, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX pairs_by_expiration ON pairs (expiration) WHERE expiration IS NOT NULL;
