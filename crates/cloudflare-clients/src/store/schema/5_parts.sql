-- Version 5 of the store: when each part of an upload came, which of an older version nobody knows, and
-- whether the object is to have the CRC-64/NVME of all its bytes. That is made of the checksums of its
-- blocks.

ALTER TABLE segments ADD COLUMN uploaded INTEGER;  -- of parts alone
ALTER TABLE uploads ADD COLUMN full_object_crc64nvme INTEGER NOT NULL DEFAULT 0;
