//! How an uploaded object was verified.

use super::proof::Verified;
use crate::model::r2::multipart::is_md5_of_parts;
use crate::model::r2::{Checksum, Checksums, CompositeChecksum, StoredObject, UploadedPart};
use crate::r2::R2Service;

/// Returns what shows that an object has the bytes that were sent. `whole` is their checksum. `parts` are
/// those that were sent and compared one by one; without them, the object was compared whole with `whole`.
pub(super) async fn verified_upload(
    service: &R2Service,
    stored: &StoredObject,
    whole: Option<Checksum>,
    parts: &[UploadedPart],
) -> Verified {
    if !service.verifies() {
        return Verified::LengthOnly;
    }
    if let Some(verified) = has(&stored.checksums, whole) {
        return verified;
    }
    if is_composite_of(&stored.checksums, parts) {
        return Verified::Checksum;
    }
    // The etag was compared if the service did not return the checksum.
    if whole.is_some() && stored.md5_of_etag().is_some() {
        return Verified::Md5;
    }
    let is_plain = stored.ssec_key_md5.is_none();
    if is_plain && !parts.is_empty() && is_md5_of_parts(&stored.etag, parts) == Some(true) {
        return Verified::PartMd5s;
    }
    if whole.is_none() {
        return Verified::LengthOnly;
    }
    // A service may return the checksum for an object, but not for an upload.
    match service.head(&stored.key).await {
        Ok(Some(object)) if object.etag == stored.etag => {
            has(&object.checksums, whole).unwrap_or(Verified::LengthOnly)
        }
        _ => Verified::LengthOnly,
    }
}

fn has(checksums: &Checksums, whole: Option<Checksum>) -> Option<Verified> {
    let whole = whole?;
    (checksums.get(whole.algorithm()) == Some(&whole)).then_some(match whole {
        Checksum::Crc64Nvme(_) => Verified::Crc64,
        _ => Verified::Checksum,
    })
}

/// Whether the object has a composite checksum of the checksums that its parts were compared with.
fn is_composite_of(checksums: &Checksums, parts: &[UploadedPart]) -> bool {
    let Some(stored) = checksums.composite() else { return false };
    let algorithm = stored.algorithm();
    let parts: Option<Vec<_>> = parts.iter().map(|part| part.checksums.get(algorithm).copied()).collect();
    parts.and_then(|parts| CompositeChecksum::of_parts(algorithm, parts).ok()).as_ref() == Some(stored)
}
