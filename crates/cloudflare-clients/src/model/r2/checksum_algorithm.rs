//! Checksum algorithms.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::checksum_type::ChecksumType;
use crate::error::{Error, Result};

/// The algorithm of a [`Checksum`](super::Checksum). Its JSON form is its [name](Self::name).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ChecksumAlgorithm {
    /// MD5.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
    /// CRC-32 (ISO-HDLC).
    Crc32,
    /// CRC-32C (Castagnoli).
    Crc32c,
    /// CRC-64/NVME.
    Crc64Nvme,
}

impl ChecksumAlgorithm {
    /// All algorithms.
    pub const ALL: [Self; 8] = [
        Self::Md5,
        Self::Sha1,
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
        Self::Crc32,
        Self::Crc32c,
        Self::Crc64Nvme,
    ];

    /// The name in S3's headers, after `x-amz-checksum-`. MD5 has a separate header, `Content-MD5`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
            Self::Crc32 => "crc32",
            Self::Crc32c => "crc32c",
            Self::Crc64Nvme => "crc64nvme",
        }
    }

    /// The algorithm with this name, ignoring case: `sha256`, or S3's `SHA256`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    /// What R2 computes the checksum of a multipart object from: all bytes for CRC-64/NVME, or the checksums
    /// of the parts for SHA-1, SHA-256, CRC-32 and CRC-32C. `None` if R2 has no such checksum.
    ///
    /// See [R2's table](https://developers.cloudflare.com/r2/api/s3/api/#checksum-types).
    pub const fn type_of_parts(self) -> Option<ChecksumType> {
        match self {
            Self::Crc64Nvme => Some(ChecksumType::FullObject),
            Self::Sha1 | Self::Sha256 | Self::Crc32 | Self::Crc32c => Some(ChecksumType::Composite),
            Self::Md5 | Self::Sha384 | Self::Sha512 => None,
        }
    }

    /// Like [`type_of_parts`](Self::type_of_parts), with an error instead of `None`.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind): R2 has no such checksum.
    pub(crate) fn required_type_of_parts(self) -> Result<ChecksumType> {
        self.type_of_parts().ok_or_else(|| {
            Error::unsupported(format!(
                "R2 has no {self} checksum for an object that is uploaded in parts: use crc64nvme, \
                 sha256, sha1, crc32 or crc32c"
            ))
        })
    }

    /// The length of its checksums, in bytes.
    pub(super) fn length(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
        }
    }
}

impl fmt::Display for ChecksumAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
