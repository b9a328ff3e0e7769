-- Version 1 of the store: R2. Times are milliseconds since 1970; metadata is JSON; keys are compared as bytes.

CREATE TABLE buckets (
    id      INTEGER PRIMARY KEY,
    name    TEXT NOT NULL UNIQUE,
    created INTEGER NOT NULL
) STRICT;

-- Which body an object or upload gets next. One row.
CREATE TABLE next_body (id INTEGER NOT NULL) STRICT;
INSERT INTO next_body VALUES (1);

-- Listings walk this table, so it holds no bytes of bodies.
CREATE TABLE objects (
    bucket          INTEGER NOT NULL REFERENCES buckets,
    key             BLOB NOT NULL,     -- in NFC, which is what identifies it
    uploaded_key    TEXT,              -- as it was last uploaded, where that differs
    version         TEXT NOT NULL,
    size            INTEGER NOT NULL,
    etag            TEXT NOT NULL,
    uploaded        INTEGER NOT NULL,
    storage_class   TEXT NOT NULL,
    checksum        TEXT,              -- what was given with the put: 'sha256:<hex>'
    body            INTEGER NOT NULL UNIQUE,
    http_metadata   TEXT,
    custom_metadata TEXT,
    PRIMARY KEY (bucket, key)
) STRICT, WITHOUT ROWID;

-- Multipart uploads that are neither completed nor aborted.
CREATE TABLE uploads (
    bucket          INTEGER NOT NULL REFERENCES buckets,
    key             BLOB NOT NULL,
    id              TEXT NOT NULL UNIQUE,
    uploaded_key    TEXT,
    initiated       INTEGER NOT NULL,
    storage_class   TEXT NOT NULL,
    body            INTEGER NOT NULL UNIQUE,
    http_metadata   TEXT,
    custom_metadata TEXT,
    PRIMARY KEY (bucket, key, id)
) STRICT, WITHOUT ROWID;

-- The bytes of objects and uploads: `id` is body * 65536 + part number, so that the segments of a body lie together and in
-- order. A segment is either here (`bytes`) or a file in blobs/ (`blob`), which belongs to this row alone.
CREATE TABLE segments (
    id    INTEGER PRIMARY KEY,
    size  INTEGER NOT NULL,
    md5   BLOB NOT NULL,
    blob  TEXT,
    bytes BLOB,
    CHECK ((blob IS NULL) <> (bytes IS NULL))
) STRICT;
CREATE UNIQUE INDEX segments_by_blob ON segments (blob) WHERE blob IS NOT NULL;

-- Files that no segment has any more, until they are removed.
CREATE TABLE garbage (blob TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
