//! How a transfer verifies that both sides have the same bytes.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::pieces::{Piece, Pieces};
use crate::error::Result;
use crate::model::r2::multipart::parts_of_etag;
use crate::model::r2::{Checksum, ChecksumAlgorithm, Crc64Nvme, Hasher, Object};
use crate::r2::R2Service;

/// The check that showed that both sides have the same bytes. Its JSON form is `"crc64"`, `"md5"`,
/// `"checksum"`, `"part-md5s"` or `"length-only"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Verified {
    /// The CRC-64/NVME of the whole object.
    Crc64,
    /// The MD5 of the whole object, which is its etag.
    Md5,
    /// The checksum that the upload [asked for](super::Upload::checksum_algorithm), of all bytes or of the
    /// checksums of the parts.
    Checksum,
    /// The MD5s of the parts, from which the object's etag is computed.
    PartMd5s,
    /// Only the lengths: the service has no usable checksum of the object, or verification is
    /// [off](R2Service::with_verification).
    LengthOnly,
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Crc64 => "crc64",
            Self::Md5 => "md5",
            Self::Checksum => "checksum",
            Self::PartMd5s => "part-md5s",
            Self::LengthOnly => "length-only",
        })
    }
}

/// What the bytes of an object must match.
#[derive(Debug, Clone)]
pub(super) enum Proof {
    Crc64(Checksum),
    /// The MD5 of all bytes.
    Md5(Checksum),
    /// The etag that is computed from the MD5s of these parts.
    PartMd5s(Pieces, String),
    LengthOnly,
}

impl Proof {
    /// Returns the cheapest proof that the service offers. For a multipart object without a CRC-64, it asks
    /// the service for the size of its parts.
    pub(super) async fn of(service: &R2Service, object: &Object) -> Result<Self> {
        if !service.verifies() {
            return Ok(Self::LengthOnly);
        }
        if let Some(crc) = object.checksums.get(ChecksumAlgorithm::Crc64Nvme) {
            return Ok(Self::Crc64(*crc));
        }
        if let Some(md5) = object.md5_of_etag() {
            return Ok(Self::Md5(md5));
        }
        if object.ssec_key_md5.is_some() {
            return Ok(Self::LengthOnly);
        }
        Ok(match parts_of(service, object).await? {
            Some(parts) => Self::PartMd5s(parts, object.etag.clone()),
            None => Self::LengthOnly,
        })
    }

    pub(super) fn verified(&self) -> Verified {
        match self {
            Self::Crc64(_) => Verified::Crc64,
            Self::Md5(_) => Verified::Md5,
            Self::PartMd5s(..) => Verified::PartMd5s,
            Self::LengthOnly => Verified::LengthOnly,
        }
    }

    /// The pieces whose MD5s the proof needs, for an object of this size. Empty if it needs no MD5.
    pub(super) fn md5_pieces(&self, size: u64) -> Vec<Piece> {
        match self {
            Self::Md5(_) => vec![Piece { number: 1, offset: 0, length: size }],
            Self::PartMd5s(parts, _) => parts.iter().collect(),
            Self::Crc64(_) | Self::LengthOnly => Vec::new(),
        }
    }

    /// Checks the CRC-64 of the received bytes, and the MD5s of their pieces, against those of the object.
    /// Returns the received and the stored checksum if they differ.
    pub(super) fn check(&self, crc: Crc64Nvme, md5s: &[Checksum]) -> Result<(), (String, String)> {
        let (arrived, stored) = match self {
            Self::Crc64(stored) => (format!("{:?}", crc.checksum()), format!("{stored:?}")),
            Self::Md5(stored) => (md5s.iter().map(Checksum::to_hex).collect(), stored.to_hex()),
            Self::PartMd5s(_, etag) => (etag_of(md5s), etag.to_ascii_lowercase()),
            Self::LengthOnly => return Ok(()),
        };
        if arrived == stored { Ok(()) } else { Err((arrived, stored)) }
    }
}

/// The parts that an object was uploaded in, if the service reports the size of the first one.
pub(super) async fn parts_of(service: &R2Service, object: &Object) -> Result<Option<Pieces>> {
    let Some(count) = parts_of_etag(&object.etag) else { return Ok(None) };
    let part = match service.head(&object.key).part_number(1).await {
        Ok(Some(part)) if part.etag == object.etag => part,
        Err(error) if error.is_retryable() => return Err(error),
        // The service may not support part numbers.
        Ok(_) | Err(_) => return Ok(None),
    };
    let first = part.range.filter(|range| range.offset == 0 && range.length > 0);
    let parts = first.and_then(|range| Pieces::of_object(object.size, range.length));
    Ok(parts.filter(|parts| parts.count() == count))
}

/// [The etag](https://developers.cloudflare.com/r2/objects/multipart-objects/#etags) of an object whose parts
/// have these MD5s.
fn etag_of(md5s: &[Checksum]) -> String {
    let mut hasher = Hasher::md5();
    for md5 in md5s {
        hasher.update(md5.as_bytes());
    }
    format!("{}-{}", hasher.finish().to_hex(), md5s.len())
}
