//! Checksums in documents, as `<ChecksumCRC64NVME>` and its like, in both directions.

use super::xml::{Element, Writer};
use crate::model::r2::{Checksum, ChecksumAlgorithm, Checksums};

/// The elements that S3 has.
const ELEMENTS: [(ChecksumAlgorithm, &str); 5] = [
    (ChecksumAlgorithm::Crc32, "ChecksumCRC32"),
    (ChecksumAlgorithm::Crc32c, "ChecksumCRC32C"),
    (ChecksumAlgorithm::Crc64Nvme, "ChecksumCRC64NVME"),
    (ChecksumAlgorithm::Sha1, "ChecksumSHA1"),
    (ChecksumAlgorithm::Sha256, "ChecksumSHA256"),
];

/// Adds an element for each checksum. MD5s are etags and have none.
pub fn write(checksums: &Checksums, element: &mut Writer) {
    for (algorithm, name) in ELEMENTS {
        if let Some(checksum) = checksums.get(algorithm) {
            element.text(name, checksum.to_base64());
        }
    }
}

/// Reads the checksums of an object or part. Checksums of checksums (`<base64>-<parts>`) are left out: they
/// are not of its bytes.
pub fn read(element: &Element) -> Checksums {
    let checksums = ELEMENTS.into_iter().filter_map(|(algorithm, name)| {
        Checksum::from_base64(algorithm, element.child(name)?.text().trim()).ok()
    });
    checksums.collect()
}
