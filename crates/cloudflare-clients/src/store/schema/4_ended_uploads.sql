-- Version 4 of the store: multipart uploads that have ended, for 7 days, to tell them from those that never were.

CREATE TABLE ended_uploads (
    bucket INTEGER NOT NULL REFERENCES buckets,
    key    BLOB NOT NULL,
    id     TEXT NOT NULL,
    ended  INTEGER NOT NULL,
    PRIMARY KEY (bucket, key, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ended_uploads_by_time ON ended_uploads (ended);
