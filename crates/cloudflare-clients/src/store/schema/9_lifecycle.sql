-- Version 9 of the store: lifecycle policies. A bucket's is JSON as Cloudflare's API has it
-- (`{"rules":[...]}`): NULL stands for that of a new bucket, and one without rules for no policy. The progress is JSON, too: for each
-- action on objects, in the order of the rules, the time up to which objects were uploaded that need not be looked at
-- again.

ALTER TABLE buckets ADD COLUMN lifecycle TEXT;
ALTER TABLE buckets ADD COLUMN lifecycle_progress TEXT;

-- What has come of age is found by these.
CREATE INDEX objects_by_time ON objects (bucket, uploaded);
CREATE INDEX uploads_by_time ON uploads (bucket, initiated);
