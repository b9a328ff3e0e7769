//! What an object's checksum is computed from.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What an object's checksum is computed from: its bytes, or the checksums of its parts.
///
/// For an object that was uploaded in parts, each algorithm has
/// [one of the two](super::ChecksumAlgorithm::type_of_parts). See
/// [R2's table](https://developers.cloudflare.com/r2/api/s3/api/#checksum-types).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum ChecksumType {
    /// All bytes of the object. `FULL_OBJECT` in JSON and S3.
    FullObject,
    /// The checksums of the object's parts, concatenated. `COMPOSITE` in JSON and S3.
    Composite,
}

impl ChecksumType {
    /// The name in S3's headers and documents.
    pub const fn as_s3(self) -> &'static str {
        match self {
            Self::FullObject => "FULL_OBJECT",
            Self::Composite => "COMPOSITE",
        }
    }

    /// The type with this name in S3's headers and documents.
    pub fn from_s3(name: &str) -> Option<Self> {
        [Self::FullObject, Self::Composite].into_iter().find(|kind| kind.as_s3() == name)
    }
}

impl fmt::Display for ChecksumType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_s3())
    }
}
