-- Version 3 of the store: what the bytes of a segment have to be. `checksums` has the CRC-64/NVME of each 256 KiB of it, the last
-- of what is left, 8 bytes each, big-endian. A segment of an older version has none: its MD5 says what it has to be as a whole.

ALTER TABLE segments ADD COLUMN checksums BLOB;
