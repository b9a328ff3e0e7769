-- Version 6 of the store: what a bucket was told. Its CORS rules are JSON as S3 has it
-- (`{"CORSRules": [...]}`), and NULL without rules. The location is the hint that the bucket was created
-- with, in lower case (`weur`), and NULL without a hint. The storage class is that of objects that are
-- stored without one.

ALTER TABLE buckets ADD COLUMN cors TEXT;
ALTER TABLE buckets ADD COLUMN location TEXT;
ALTER TABLE buckets ADD COLUMN storage_class TEXT NOT NULL DEFAULT 'Standard';
