-- Version 7 of the store: checksums of objects in parts. An upload has the name of the algorithm that it was begun with (`sha256`), in
-- place of whether that was CRC-64/NVME, and each of its parts the checksum that it was compared with, or that of this algorithm
-- ('sha256:<hex>'). The CRC-64/NVME of a part is still made of the checksums of its blocks. The `checksum` of an object may be one of
-- the checksums of its parts: 'sha256:<hex>-<parts>'.

ALTER TABLE uploads ADD COLUMN checksum_algorithm TEXT;
UPDATE uploads SET checksum_algorithm = 'crc64nvme' WHERE full_object_crc64nvme;
ALTER TABLE uploads DROP COLUMN full_object_crc64nvme;
ALTER TABLE segments ADD COLUMN checksum TEXT;  -- of parts alone
