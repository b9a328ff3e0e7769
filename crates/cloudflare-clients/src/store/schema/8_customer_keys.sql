-- Version 8 of the store: objects that are encrypted by a key of the customer, of which no more than its MD5 is here.
-- The bytes of a segment with a `salt`, in `bytes` or its file, are encrypted: chunks of 256 KiB less 16 bytes (the last of what
-- is left), each with its tag of 16 bytes behind it, and so 256 KiB. `size` is that of the plain text; `md5` and `checksums` are
-- of what is stored. docs/architecture.md has the rest.

ALTER TABLE objects ADD COLUMN ssec_key_md5 BLOB;
ALTER TABLE uploads ADD COLUMN ssec_key_md5 BLOB;
ALTER TABLE segments ADD COLUMN salt BLOB;
-- The CRC-64/NVME of the plain text, of the encrypted parts of an upload that asked for one.
ALTER TABLE segments ADD COLUMN plain_crc64nvme BLOB;
