//! Whether both sides have the same content.

use std::path::Path;
use std::time::{Duration, SystemTime};

use futures_util::future::try_join;

use super::entry::Entry;
use crate::client::pace::Pace;
use crate::error::Result;
use crate::model::r2::{Checksum, ChecksumAlgorithm, Object};
use crate::r2::R2Service;
use crate::transfer::modified_time;
use crate::transfer::pieces::Piece;
use crate::transfer::proof::Proof;
use crate::transfer::read_checksums::{read_checksums, read_md5s};

/// Objects up to this size are hashed without a further request, in bytes.
const MAX_HASHED: u64 = 1024 * 1024;

/// Listings give times to the millisecond.
const PRECISION: Duration = Duration::from_millis(1);

/// How a transfer of many objects decides whether the target is up to date. Every method detects different
/// sizes, and none detects different metadata.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compare {
    /// By modification times and, if these are inconclusive, by content.
    ///
    /// A file is unchanged if it was written before its object was uploaded, or if it has the time of its
    /// object. Other files are hashed, and transferred only if their bytes differ. Two objects are compared
    /// by their etags.
    ///
    /// A change is missed if writing to a file sets an earlier time, or if the service's clock is ahead of
    /// this machine's while the file is written to. [`Checksum`](Self::Checksum) detects such changes.
    #[default]
    Time,
    /// By content: files are read and hashed, and compared with the checksums of their objects. If the
    /// service has no usable checksum, the same as [`Time`](Self::Time).
    Checksum,
    /// By size only.
    Size,
    /// Compares nothing and transfers everything.
    Nothing,
}

/// A file on one side and an object on the other.
pub(super) struct Pair<'a> {
    pub(super) service: &'a R2Service,
    pub(super) path: &'a Path,
    pub(super) file: &'a Entry,
    pub(super) object: &'a Entry,
    /// Whether the file was downloaded, and so has the object's time unless it was written to.
    pub(super) is_download: bool,
}

impl Pair<'_> {
    pub(super) async fn is_unchanged(&self, compare: Compare, pace: &Pace) -> Result<bool> {
        if compare == Compare::Nothing || self.file.size != self.object.size {
            return Ok(false);
        }
        let by_time = self.is_unchanged_by_time();
        match compare {
            Compare::Size => Ok(true),
            Compare::Time if by_time => Ok(true),
            _ => {
                let _slot = pace.slot().await;
                Ok(self.has_same_bytes(compare).await?.unwrap_or(by_time))
            }
        }
    }

    fn is_unchanged_by_time(&self) -> bool {
        if self.is_download {
            is_same_time(self.file.modified, self.object.modified)
        } else {
            self.file.modified <= self.object.modified
        }
    }

    /// Compares the content. `None` if the service has no usable checksum.
    async fn has_same_bytes(&self, compare: Compare) -> Result<Option<bool>> {
        let Some(listed) = self.object.object.as_deref() else { return Ok(None) };
        let whole = Piece { number: 1, offset: 0, length: listed.size };
        let is_small = listed.size <= MAX_HASHED && self.service.ssec_key().is_none();
        if let Some(md5) = Checksum::from_etag(&listed.etag).filter(|_| is_small) {
            return Ok(Some(read_md5s(self.path.to_owned(), vec![whole]).await? == [md5]));
        }
        let Some(object) = self.service.head(&listed.key).await? else { return Ok(Some(false)) };
        if object.size != listed.size {
            return Ok(Some(false));
        }
        let is_by_time = compare == Compare::Time;
        if is_by_time && modified_time::of(&object).is_some_and(|time| is_same_time(time, self.file.modified))
        {
            return Ok(Some(true));
        }
        let proof = Proof::of(self.service, &object).await?;
        if matches!(proof, Proof::LengthOnly) {
            return Ok(None);
        }
        let md5_pieces = proof.md5_pieces(object.size);
        let crc = read_checksums(self.path, whole, None).await?.crc64nvme;
        let md5s = if md5_pieces.is_empty() {
            Vec::new()
        } else {
            read_md5s(self.path.to_owned(), md5_pieces).await?
        };
        Ok(Some(proof.check(crc, &md5s).is_ok()))
    }
}

fn is_same_time(one: SystemTime, other: SystemTime) -> bool {
    let apart = one.duration_since(other).unwrap_or_else(|error| error.duration());
    apart < PRECISION
}

/// Whether the target object has the source's bytes.
pub(super) async fn are_unchanged(
    compare: Compare,
    (source_service, source): (&R2Service, &Entry),
    (target_service, target): (&R2Service, &Entry),
) -> Result<bool> {
    if compare == Compare::Nothing || source.size != target.size {
        return Ok(false);
    }
    let (Some(one), Some(other)) = (source.object.as_deref(), target.object.as_deref()) else {
        return Ok(false);
    };
    if compare == Compare::Size || (one.etag == other.etag && !one.etag.is_empty()) {
        return Ok(true);
    }
    let md5s = [one, other].map(|object| Checksum::from_etag(&object.etag));
    let is_plain = source_service.ssec_key().is_none() && target_service.ssec_key().is_none();
    if is_plain && md5s.iter().all(Option::is_some) {
        return Ok(false);
    }
    let (one, other) =
        try_join(source_service.head(&one.key).into_future(), target_service.head(&other.key).into_future())
            .await?;
    let crc = |object: &Option<Object>| {
        object.as_ref().and_then(|object| object.checksums.get(ChecksumAlgorithm::Crc64Nvme).copied())
    };
    Ok(match (crc(&one), crc(&other)) {
        (Some(one), Some(other)) => one == other,
        _ => source.modified <= target.modified,
    })
}
