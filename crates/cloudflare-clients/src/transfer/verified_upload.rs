//! What proves an object that was uploaded.

use super::proof::Verified;
use crate::model::r2::multipart::is_md5_of_parts;
use crate::model::r2::{Checksum, ChecksumAlgorithm, Checksums, Crc64Nvme, StoredObject, UploadedPart};
use crate::r2::R2Service;

/// What proves that an object has the bytes that were sent, of which this is the CRC-64. It was sent in these
/// parts, which were compared one by one, or whole, with its CRC-64.
pub(super) async fn verified_upload(
    service: &R2Service,
    stored: &StoredObject,
    crc: Option<Crc64Nvme>,
    parts: &[UploadedPart],
) -> Verified {
    if !service.verifies() {
        return Verified::LengthOnly;
    }
    if has_crc(&stored.checksums, crc) {
        return Verified::Crc64;
    }
    // It was compared where the service did not repeat the CRC-64.
    if crc.is_some() && Checksum::from_etag(&stored.etag).is_some() {
        return Verified::Md5;
    }
    if !parts.is_empty() && is_md5_of_parts(&stored.etag, parts) == Some(true) {
        return Verified::PartMd5s;
    }
    if crc.is_none() {
        return Verified::LengthOnly;
    }
    // A service may say it of an object and not of an upload.
    match service.head(&stored.key).await {
        Ok(Some(object)) if object.etag == stored.etag && has_crc(&object.checksums, crc) => Verified::Crc64,
        _ => Verified::LengthOnly,
    }
}

fn has_crc(checksums: &Checksums, crc: Option<Crc64Nvme>) -> bool {
    crc.is_some_and(|crc| checksums.get(ChecksumAlgorithm::Crc64Nvme) == Some(&crc.checksum()))
}
