//! Checksums in documents, such as `<ChecksumCRC64NVME>`, in both directions.

use super::xml::{Element, Writer};
use crate::model::r2::{ChecksumAlgorithm, ChecksumType, Checksums, ObjectChecksum};

/// The elements that S3 defines.
const ELEMENTS: [(ChecksumAlgorithm, &str); 5] = [
    (ChecksumAlgorithm::Crc32, "ChecksumCRC32"),
    (ChecksumAlgorithm::Crc32c, "ChecksumCRC32C"),
    (ChecksumAlgorithm::Crc64Nvme, "ChecksumCRC64NVME"),
    (ChecksumAlgorithm::Sha1, "ChecksumSHA1"),
    (ChecksumAlgorithm::Sha256, "ChecksumSHA256"),
];

/// Adds an element for each checksum of bytes. MD5s are etags and have no element.
pub fn write(checksums: &Checksums, element: &mut Writer) {
    for (algorithm, name) in ELEMENTS {
        if let Some(checksum) = checksums.get(algorithm) {
            element.text(name, checksum.to_base64());
        }
    }
}

/// Adds elements for the checksum that is [stored](Checksums::kept) with an object, and its type.
pub fn write_of_object(checksums: &Checksums, element: &mut Writer) {
    let Some(kept) = checksums.kept() else { return };
    if let Some((_, name)) = ELEMENTS.into_iter().find(|(algorithm, _)| *algorithm == kept.algorithm()) {
        element.text(name, kept.to_base64());
        element.text("ChecksumType", kept.checksum_type());
    }
}

/// Adds elements for the checksum algorithm of an upload or an object, unless S3 does not have it.
pub fn write_algorithm(algorithm: ChecksumAlgorithm, kind: Option<ChecksumType>, element: &mut Writer) {
    if let Some(kind) = kind.filter(|_| algorithm.type_of_parts().is_some()) {
        element.text("ChecksumAlgorithm", algorithm.name().to_uppercase());
        element.text("ChecksumType", kind);
    }
}

/// Reads the checksum algorithm of an upload.
pub fn read_algorithm(element: &Element) -> Option<ChecksumAlgorithm> {
    ChecksumAlgorithm::from_name(element.child("ChecksumAlgorithm")?.text().trim())
}

/// Reads the checksums of an object or part: those of its bytes, or of the checksums of its parts
/// (`<base64>-<parts>`).
pub fn read(element: &Element) -> Checksums {
    let mut checksums = Checksums::default();
    for (algorithm, name) in ELEMENTS {
        let text = element.child(name).map(|child| child.text().trim());
        checksums.extend(text.and_then(|text| ObjectChecksum::from_base64(algorithm, text).ok()));
    }
    checksums
}
